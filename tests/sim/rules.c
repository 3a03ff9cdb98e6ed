/* Around every step: the move, what people wanted, what they are told, the timers. */
#include "rules.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "kernel.h"
#include "moves.h"
#include "watch/perform.h"

/* The linker puts these in the place of the core's own (CMakeLists.txt). */
void __real_service_step(const struct step *s, const struct service_event *event);
void __wrap_service_step(const struct step *s, const struct service_event *event);
bool __real_perform(const struct sys *sys, int service, struct service_run *run,
	const struct effects *effects, struct service_event *answer, char reason[REASON_SIZE]);
bool __wrap_perform(const struct sys *sys, int service, struct service_run *run,
	const struct effects *effects, struct service_event *answer, char reason[REASON_SIZE]);

static struct world *watched;

void rules_row_init(struct past *past, const struct service_policy *policy)
{
	*past = (struct past){.touched = true,
		.due_ms = NO_DEADLINE,
		.force_due_ms = NO_DEADLINE,
		.health = policy->health.present ? HEALTH_UNKNOWN : HEALTH_NONE};
}

void rules_init(struct world *w)
{
	watched = w;
	w->judge.expected_ms = NO_DEADLINE;
	w->judge.second = -1;
	for (int i = 0; i < w->count; i++)
		rules_row_init(&w->rows[i].past, &w->stack->services[i].policy);
}

void rules_end(void)
{
	watched = NULL;
}

void rules_new_places(struct world *w)
{
	w->judge.moved = true;
	for (int i = 0; i < w->count; i++)
		w->rows[i].past.touched = true;
}

void rules_asked(struct world *w, int service, enum asked_for what)
{
	w->judge.moved = true;
	w->rows[service].past.asked[what]++;
	w->rows[service].past.touched = true;
}

static void remember(struct world *w, const struct step *s)
{
	const struct service_run *run = s->run;
	w->judge.service = (int)(run - keeper_runs(w->keeper));
	w->judge.before = (struct before){.state = run->state,
		.want = run->want,
		.generation = run->generation,
		.transitions = run->transition_count,
		.leader = run->leader.pid,
		.hook = run->hook.pid,
		.deadline_ms = run->deadline_ms,
		.probe_at_ms = run->probe_at_ms,
		.probe_until_ms = run->probe_until_ms,
		.health = run->verdict.health,
		.spread = run->spread};
}

static void must_not_change(struct world *w, const struct step *s, const char *what)
{
	const struct before *b = &w->judge.before;
	const struct service_run *run = s->run;
	if (run->state != b->state || run->want != b->want || run->generation != b->generation
		|| run->transition_count != b->transitions || run->leader.pid != b->leader
		|| run->hook.pid != b->hook || run->deadline_ms != b->deadline_ms
		|| run->probe_at_ms != b->probe_at_ms || run->probe_until_ms != b->probe_until_ms
		|| s->effects->count)
		broken(w, w->judge.service, "%s changed something", what);
}

/* ---- what people want ---- */

static bool comes_from_people(struct world *w, enum asked_for what)
{
	struct past *past = &w->rows[w->judge.service].past;
	if (!past->asked[what])
		return false;
	past->asked[what]--;
	return true;
}

static bool is_left_behind(const struct before *b)
{
	bool runs = b->state == STATE_STARTING || b->state == STATE_READY || b->state == STATE_UNHEALTHY;
	return b->want == WANT_DOWN || !runs;
}

/* Restarted with what it needs: if it asked for that, and runs, and is wanted. True: it is not. */
static bool check_follows(struct world *w, const struct step *s, const struct service_event *event)
{
	int service = w->judge.service;
	if (!event->follows)
		return false;
	if (--w->rows[service].past.owed_restarts < 0)
		broken(w, service, "restarted with what it needs, and that does not restart");
	if (s->policy->on_dependency != DEPENDENCY_RESTART)
		broken(w, service, "restarted with what it needs, which it did not ask for");
	if (!is_left_behind(&w->judge.before))
		return false;
	must_not_change(w, s, "what it needs restarts, it is asked to stop or ended: that");
	return true;
}

static enum want wanted_after(struct world *w, const struct step *s,
	const struct service_event *event)
{
	enum want before = w->judge.before.want;
	const struct exit_status *exit = &event->exit;
	bool runs = w->judge.before.state == STATE_STARTING || w->judge.before.state == STATE_READY
		|| w->judge.before.state == STATE_UNHEALTHY;
	if (event->kind == ON_WANT_UP || event->kind == ON_RESTART)
		return WANT_UP;
	if (event->kind == ON_WANT_DOWN || event->kind == ON_KILL)
		return WANT_DOWN;
	bool by_others = exit->signal == SIGTERM || exit->signal == SIGINT;
	bool stays_down = s->policy->type == TYPE_SERVICE && s->policy->restart.rule != RESTART_ALWAYS;
	if (event->kind == ON_EXITED && runs && !exit->stage && !event->again && by_others && stays_down)
		return WANT_DOWN;
	return before;
}

static void check_want(struct world *w, const struct step *s, const struct service_event *event)
{
	int service = w->judge.service;
	static const enum asked_for asks[] = {
		[ON_WANT_UP] = ASKED_UP, [ON_WANT_DOWN] = ASKED_DOWN, [ON_RESTART] = ASKED_RESTART,
		[ON_KILL] = ASKED_KILL};
	bool command = event->kind <= ON_KILL && !event->follows;
	if (command && !comes_from_people(w, asks[event->kind]))
		broken(w, service, "nobody asked for that: %s", service_event_word(event->kind));
	if (s->run->want != wanted_after(w, s, event))
		broken(w, service, "is wanted %s after '%s'", s->run->want == WANT_UP ? "up" : "down",
			service_event_word(event->kind));
}

/* ---- what people are told ---- */

static void must_tell(struct world *w, const uint8_t *told, enum event_kind kind, bool expected)
{
	if (told[kind] != expected)
		broken(w, w->judge.service, "'%s' is told %d times, not %d", event_kind_word(kind),
			told[kind], expected);
}

static void check_exit_is_named(struct world *w, const struct step *s,
	const struct exit_status *exit)
{
	char shown[32];
	if (exit->signal)
		snprintf(shown, sizeof shown, "SIG%s", kernel_signal_name(exit->signal));
	else
		snprintf(shown, sizeof shown, "code %d", exit->code);
	for (int i = 0; i < s->effects->count; i++)
		if (s->effects->items[i].kind == EFFECT_TELL && s->effects->items[i].event == EVENT_EXITED
			&& !strstr(s->effects->items[i].text, shown))
			broken(w, w->judge.service, "ended with %s, and people are told: %s", shown,
				s->effects->items[i].text);
}

static void check_told(struct world *w, const struct step *s, const struct service_event *event)
{
	enum service_state from = w->judge.before.state;
	enum service_state to = s->run->state;
	uint8_t told[EVENT_WARNING + 1] = {0};
	for (int i = 0; i < s->effects->count; i++)
		if (s->effects->items[i].kind == EFFECT_TELL)
			told[s->effects->items[i].event]++;
	bool moved = s->run->transition_count != w->judge.before.transitions;
	if (!moved && !s->effects->count && event->kind != ON_PROBE)
		return;
	bool news = s->policy->health.action != HEALTH_NOTHING;
	bool killed_while_stopping = event->kind == ON_KILL && from == STATE_STOPPING;
	bool ran = from == STATE_STARTING || from == STATE_READY || from == STATE_UNHEALTHY;
	bool exec_failed = event->kind == ON_EXITED && event->exit.stage && ran;
	bool fork_failed = event->kind == ON_SHORTAGE && to == STATE_COOLING;
	bool waits = event->kind == ON_SHORTAGE || event->kind == ON_MAY_START;
	must_tell(w, told, EVENT_READY, moved && to == STATE_READY && from == STATE_STARTING);
	must_tell(w, told, EVENT_RECOVERED,
		moved && to == STATE_READY && from == STATE_UNHEALTHY && news);
	must_tell(w, told, EVENT_STARTING, moved && to == STATE_STARTING);
	must_tell(w, told, EVENT_DOWN, moved && to == STATE_DOWN);
	must_tell(w, told, EVENT_DONE, moved && to == STATE_DONE);
	must_tell(w, told, EVENT_FAILED, moved && to == STATE_FAILED);
	must_tell(w, told, EVENT_STOPPING, moved && to == STATE_STOPPING);
	must_tell(w, told, EVENT_KILLED,
		moved && to == STATE_KILLING && from != STATE_KILLING && !killed_while_stopping);
	must_tell(w, told, EVENT_RESTARTING, moved && to == STATE_COOLING && !waits);
	must_tell(w, told, EVENT_SPAWN_FAILED, fork_failed || exec_failed);
	bool restarts = event->again && w->judge.before.want == WANT_UP;
	bool exits = event->kind == ON_EXITED && ran && !event->exit.stage && !restarts;
	must_tell(w, told, EVENT_EXITED, exits);
	bool starts_without = event->kind == ON_MAY_START && event->reason && to != STATE_COOLING;
	must_tell(w, told, EVENT_WARNING, starts_without || event->withstands);
	bool imposter = event->kind == ON_PROBE && event->result == PROBE_IMPOSTER && ran
		&& event->generation == s->run->generation;
	must_tell(w, told, EVENT_IMPOSTER,
		imposter && w->rows[w->judge.service].past.health != HEALTH_IMPOSTER);
	if (exits)
		check_exit_is_named(w, s, &event->exit);
}

/* ---- the move and the timers ---- */

static void check_move(struct world *w, const struct step *s, const struct service_event *event)
{
	int service = w->judge.service;
	const struct before *b = &w->judge.before;
	const struct service_run *run = s->run;
	seen.moves[b->state][event->kind][run->state]++;
	if (!moves_allow(b->state, event->kind, run->state))
		broken(w, service, "'%s' leads from %s to %s", service_event_word(event->kind),
			service_state_word(b->state), service_state_word(run->state));
	bool spawns = false;
	for (int i = 0; i < s->effects->count; i++)
		spawns |= s->effects->items[i].kind == EFFECT_SPAWN;
	if (run->generation != b->generation + (spawns ? 1 : 0))
		broken(w, service, "start %d follows start %d", (int)run->generation, (int)b->generation);
	if (run->state == b->state)
		return;
	if (run->transition_count == b->transitions)
		broken(w, service, "changed to %s, and nobody wrote it down", service_state_word(run->state));
	const struct transition *t = service_transition(run, service_transitions(run) - 1);
	if (t->to != run->state || t->at_ms != w->now_ms || t->event != event->kind)
		broken(w, service, "its last remembered move is not this one");
	if (run->state == STATE_FAILED && !run->reason[0])
		broken(w, service, "failed without a reason");
}

static void check_timers(struct world *w, const struct step *s)
{
	int service = w->judge.service;
	const struct service_run *run = s->run;
	bool stops = run->state == STATE_STOPPING || run->state == STATE_KILLING;
	if (run->escalation.active != stops)
		broken(w, service, "%s, and a stop is %s", service_state_word(run->state),
			stops ? "not going on" : "going on");
	if (run->deadline_ms != w->rows[service].past.due_ms)
		broken(w, service, "its deadline is in %lld ms, not in %lld",
			(long long)(run->deadline_ms - w->now_ms),
			(long long)(w->rows[service].past.due_ms - w->now_ms));
	bool asks = run->probe_at_ms != NO_DEADLINE || run->probe_until_ms != NO_DEADLINE;
	if (asks && !service_running(run))
		broken(w, service, "%s, and a probe is due", service_state_word(run->state));
}

static void judge_step(struct world *w, const struct step *s, const struct service_event *event)
{
	const struct before *b = &w->judge.before;
	w->judge.events++;
	w->judge.moved |= s->run->state != b->state || s->run->want != b->want
		|| s->run->verdict.health != b->health;
	w->rows[w->judge.service].past.touched = true;
	seen.events++;
	if (w->story && s->run->state != b->state)
		say(w, w->judge.service, "%s -> %s (%s) %s", service_state_word(b->state),
			service_state_word(s->run->state), service_event_word(event->kind), s->run->reason);
	if (w->judge.stray) {
		w->judge.stray = false;
		must_not_change(w, s, "a stray event");
		seen.strays[b->state][event->kind]++;
		return;
	}
	bool answer = event->kind == ON_PROBE || event->kind == ON_READY_SIGN;
	bool old = answer && event->generation != b->generation;
	if (old)
		must_not_change(w, s, "an answer to an earlier start");
	if (check_follows(w, s, event))
		return;
	rules_consumed(w, w->judge.service, event);
	check_move(w, s, event);
	check_want(w, s, event);
	if (event->kind == ON_MAY_START)
		rules_may_start(w, w->judge.service, event->spread);
	if (event->kind == ON_MAY_STOP)
		rules_may_stop(w, w->judge.service);
	if (b->state == STATE_READY || b->state == STATE_UNHEALTHY)
		rules_owe_restarts(w, w->judge.service);
	check_told(w, s, event);
	if (s->run->transition_count != b->transitions)
		w->rows[w->judge.service].past.moved_ms = w->now_ms;
	if (!old) {
		rules_outcome(w, s, event);
		rules_stop(w, s, event);
		rules_probing(w, s, event);
	}
	check_timers(w, s);
}

void __wrap_service_step(const struct step *s, const struct service_event *event)
{
	if (watched)
		remember(watched, s);
	__real_service_step(s, event);
	if (watched)
		judge_step(watched, s, event);
}

bool __wrap_perform(const struct sys *sys, int service, struct service_run *run,
	const struct effects *effects, struct service_event *answer, char reason[REASON_SIZE])
{
	bool answered = __real_perform(sys, service, run, effects, answer, reason);
	if (watched && !answered)
		rules_fit(watched, service, false);
	return answered;
}
