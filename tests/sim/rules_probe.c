/*
 * Probes and what follows from them: ready needs an answer that said so, health follows the
 * answers, and whatever is to be asked again is.
 */
#include "kernel.h"

enum {
	OFTEN_MS = 1,
	OFTEN_FOR_MS = 250,
	SELDOM_MS = 50,
	DEAR_MOST_MS = 1000,
	ANSWER_WITHIN_MS = 2000,
};

static bool passive(const struct service_policy *policy)
{
	return policy->readiness == READY_LOG || policy->readiness == READY_NOTIFY;
}

static bool runs(enum service_state state)
{
	return state == STATE_STARTING || state == STATE_READY || state == STATE_UNHEALTHY;
}

void rules_may_probe(struct world *w, int service, uint64_t generation, enum probe_purpose purpose,
	int64_t timeout_ms)
{
	const struct row *row = &w->rows[service];
	const struct service_run *run = keeper_run(w->keeper, service);
	const struct service_policy *policy = &w->stack->services[service].policy;
	if (generation != row->generation || generation != run->generation)
		broken(w, service, "start %d is asked, it is at %d", (int)generation, (int)row->generation);
	if (!runs(run->state) || run->leader.pid != row->leader.pid)
		broken(w, service, "is asked while it is %s", service_state_word(run->state));
	if (row->due[DUE_PROBE] != NO_DEADLINE)
		broken(w, service, "is asked twice at a time");
	if ((purpose == PROBE_FOR_READY) != (run->state == STATE_STARTING))
		broken(w, service, "is asked for the wrong thing");
	int64_t most = policy->health.present ? policy->health.timeout_ms : ANSWER_WITHIN_MS;
	if (timeout_ms != most)
		broken(w, service, "may take %lld ms to answer, not %lld", (long long)timeout_ms,
			(long long)most);
}

void rules_answered(struct world *w, int service, const struct service_event *event)
{
	const struct row *row = &w->rows[service];
	const struct service_policy *policy = &w->stack->services[service].policy;
	if (event->generation != row->generation)
		return;
	bool sign = event->kind == ON_READY_SIGN;
	bool says_so = sign ? passive(policy) && policy->type == TYPE_SERVICE
			    : event->result == PROBE_OK && event->purpose == PROBE_FOR_READY;
	w->rows[service].past.may_be_ready |= says_so;
}

static void succeeded(struct past *past, const struct health_policy *policy)
{
	past->bad = 0;
	past->been_good = true;
	if (++past->good >= policy->successes)
		past->health = HEALTH_HEALTHY;
}

static void learn(struct world *w, struct past *past, const struct health_policy *policy,
	const struct service_event *event, int64_t started_ms)
{
	switch (event->result) {
	case PROBE_OK:
		succeeded(past, policy);
		break;
	case PROBE_IMPOSTER:
		past->good = 0;
		past->health = HEALTH_IMPOSTER;
		break;
	case PROBE_FAILED:
		past->good = 0;
		if (past->been_good && w->now_ms - started_ms >= policy->start_period_ms
			&& ++past->bad >= policy->retries)
			past->health = HEALTH_UNHEALTHY;
		break;
	case PROBE_UNKNOWN:
		break;
	}
}

static void begin_again(struct past *past, const struct service_policy *policy)
{
	past->health = policy->health.present ? HEALTH_UNKNOWN : HEALTH_NONE;
	past->bad = past->good = past->dear = 0;
	past->been_good = false;
}

/* The answer to a question about health: where it leads. */
static enum service_state state_after(const struct past *past, enum health before,
	const struct service_policy *policy, enum service_state from)
{
	if (past->health == before)
		return from;
	if (past->health == HEALTH_HEALTHY)
		return STATE_READY;
	bool again = policy->health.action == HEALTH_RESTART && policy->restart.rule != RESTART_NO;
	if (past->health == HEALTH_UNHEALTHY && again)
		return STATE_STOPPING;
	return STATE_UNHEALTHY;
}

static void check_next(struct world *w, const struct step *s, struct past *past, bool steady,
	bool cheap)
{
	const struct service_run *run = s->run;
	const struct health_policy *health = &s->policy->health;
	int64_t waits = run->probe_at_ms - w->now_ms;
	int64_t least = health->interval_ms - health->interval_ms / 10;
	int64_t most = health->interval_ms + health->interval_ms / 10;
	if (!steady && cheap) {
		least = most = w->now_ms - run->started_ms < OFTEN_FOR_MS ? OFTEN_MS : SELDOM_MS;
	} else if (!steady) {
		most = DEAR_MOST_MS;
		if (health->present && health->interval_ms < most)
			most = health->interval_ms;
		least = past->dear < 6 ? SELDOM_MS << past->dear : most;
		least = most = least < most ? least : most;
		past->dear++;
	}
	if (waits < least || waits > most)
		broken(w, w->judge.service, "is asked again in %lld ms, not %lld to %lld",
			(long long)waits, (long long)least, (long long)most);
}

static void after_answer(struct world *w, const struct step *s, struct past *past,
	const struct service_event *event)
{
	enum service_state from = w->judge.before.state;
	enum service_state to = s->run->state;
	enum health before = past->health;
	if (from == STATE_STARTING) {
		bool imposter = event->result == PROBE_IMPOSTER;
		if (imposter)
			past->health = HEALTH_IMPOSTER;
		else if (before == HEALTH_IMPOSTER && event->result != PROBE_UNKNOWN)
			past->health = s->policy->health.present ? HEALTH_UNKNOWN : HEALTH_NONE;
		if ((to == STATE_READY) != (event->result == PROBE_OK))
			broken(w, w->judge.service, "is %s after that answer", service_state_word(to));
		if (to == STATE_STARTING)
			check_next(w, s, past, false, event->cheap);
		return;
	}
	learn(w, past, &s->policy->health, event, s->run->started_ms);
	enum service_state expected = state_after(past, before, s->policy, from);
	if (to != expected)
		broken(w, w->judge.service, "is %s after that answer, and should be %s",
			service_state_word(to), service_state_word(expected));
	if (to == STATE_STOPPING)
		return;
	bool steady = past->been_good || from == STATE_UNHEALTHY || to == STATE_UNHEALTHY;
	check_next(w, s, past, steady, event->cheap);
}

static void became_ready(struct world *w, const struct step *s, struct past *past)
{
	const struct service_run *run = s->run;
	if (!past->may_be_ready || s->policy->type == TYPE_TASK)
		broken(w, w->judge.service, "is ready, and nothing said so");
	past->dear = 0;
	if (!s->policy->health.present)
		return;
	if (s->policy->readiness_is_health) {
		succeeded(past, &s->policy->health);
		check_next(w, s, past, true, false);
	} else if (run->probe_at_ms != w->now_ms) {
		broken(w, w->judge.service, "is not asked how it is");
	}
}

/* Whoever is to be asked is: now, later, or it is being asked. */
static void check_is_asked(struct world *w, const struct step *s)
{
	const struct service_run *run = s->run;
	if (!runs(run->state))
		return;
	bool starting = run->state == STATE_STARTING;
	bool task = s->policy->type == TYPE_TASK;
	bool to_be_asked = !task && (starting ? !passive(s->policy) : s->policy->health.present);
	bool later = run->probe_at_ms != NO_DEADLINE;
	bool now = run->probe_until_ms != NO_DEADLINE;
	if (later && now)
		broken(w, w->judge.service, "is asked while it is asked");
	if ((later || now) != to_be_asked)
		broken(w, w->judge.service, "is %s, and %s asked", service_state_word(run->state),
			to_be_asked ? "not" : "is");
}

void rules_probing(struct world *w, const struct step *s, const struct service_event *event)
{
	struct past *past = &w->rows[w->judge.service].past;
	enum service_state from = w->judge.before.state;
	if (event->kind == ON_SPAWNED) {
		begin_again(past, s->policy);
		past->may_be_ready = false;
		if (w->judge.before.probe_at_ms != NO_DEADLINE)
			broken(w, w->judge.service, "was to be asked before it was there");
	}
	if (event->kind == ON_PROBE && runs(from))
		after_answer(w, s, past, event);
	if (from == STATE_STARTING && s->run->state == STATE_READY)
		became_ready(w, s, past);
	if (runs(s->run->state) && s->run->verdict.health != past->health)
		broken(w, w->judge.service, "is taken for %s, and is %s",
			health_word(s->run->verdict.health), health_word(past->health));
	check_is_asked(w, s);
}
