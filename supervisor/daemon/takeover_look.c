#include "daemon/takeover.h"

/*
 * A process whose readiness says nothing about itself (its socket listened before it was there)
 * has to live so long before another one is stopped for it.
 */
enum { STEADY_MS = 300, LOOK_AGAIN_MS = 50 };

static bool asks_the_process(const struct probe *probe)
{
	return probe->kind == PROBE_HTTP || probe->kind == PROBE_COMMAND || probe->kind == PROBE_LOG
		|| probe->kind == PROBE_NOTIFY;
}

/* Its being ready shows that this very process does its work. */
static bool has_proved_itself(const struct instance *in, int row)
{
	const struct service *s = service_at(in, row);
	if (asks_the_process(&s->ready) || asks_the_process(&s->health))
		return true;
	return s->policy.readiness == READY_PORT && port_at(in, row, 0)->hold != HOLD_LISTEN;
}

/* Its own tree listens on its port: also where its readiness asks for something else. */
static bool listens(struct instance *in, int row)
{
	const struct service *s = service_at(in, row);
	if (!s->has_main_port || port_at(in, row, 0)->protocol == PROTOCOL_UDP)
		return true;
	struct listener_look look = {.service = row, .port = port_at(in, row, 0)->number};
	identity_look(in, &look, 1);
	return look.owner == LISTENER_OURS || look.owner == LISTENER_TOLERATED;
}

static enum step_state look_again(struct takeover *t, int64_t at_ms)
{
	t->look_at_ms = at_ms;
	return STEP_WAITS;
}

static enum step_state look_at_ready(struct instance *in, struct takeover *t, int row)
{
	const struct service *s = service_at(in, row);
	const struct service_run *run = keeper_run(in->keeper, row);
	if (s->policy.health.present && run->verdict.health != HEALTH_HEALTHY)
		return STEP_WAITS;
	if (!listens(in, row))
		return look_again(t, in->now_ms + LOOK_AGAIN_MS);
	if (!has_proved_itself(in, row) && in->now_ms < run->ready_ms + STEADY_MS)
		return look_again(t, run->ready_ms + STEADY_MS);
	return STEP_DONE;
}

enum step_state takeover_broke_down(
	const struct instance *in, int row, const char *what, struct error *e)
{
	const struct service_run *run = keeper_run(in->keeper, row);
	fail(e, EXIT_NOT_READY, "%s '%s' %s: %.300s", what, service_at(in, row)->name,
		run->state == STATE_UNHEALTHY ? "is unhealthy" : "did not stay up", run->reason);
	error_hint(e, "see `stackup logs %s`", service_at(in, row)->name);
	return STEP_FAILED;
}

/* The run of the row that began with this step. */
static enum step_state look_at_run(struct instance *in, struct takeover *t, int row,
	const char *what, struct error *e)
{
	const struct service_run *run = keeper_run(in->keeper, row);
	bool began = run->generation > t->generation;
	t->look_at_ms = NO_DEADLINE;
	switch (run->state) {
	case STATE_READY:
		if (!began)
			return STEP_WAITS;
		return look_at_ready(in, t, row);
	case STATE_BLOCKED:
	case STATE_STARTING:
	case STATE_STOPPING:
	case STATE_KILLING:
		return STEP_WAITS;
	case STATE_UNHEALTHY:
	case STATE_COOLING:
		return began ? takeover_broke_down(in, row, what, e) : STEP_WAITS;
	case STATE_DOWN:
	case STATE_DONE:
	case STATE_FAILED:
		return takeover_broke_down(in, row, what, e);
	}
	return STEP_WAITS;
}

/*
 * Alone on a port, a process that has not been healthy yet may fail as often as it likes; one that
 * shares its socket takes clients away from the one that serves them.
 */
static bool harms_clients(struct instance *in, const struct takeover *t, int row)
{
	int bad = in->io[row]->run.bad_answers;
	return row == second_row(in) && !t->wish.port && bad
		&& bad >= service_at(in, row)->policy.health.retries;
}

enum step_state takeover_look(struct instance *in, struct takeover *t, int row, const char *what,
	struct error *e)
{
	enum step_state state = look_at_run(in, t, row, what, e);
	if (state == STEP_WAITS && harms_clients(in, t, row)) {
		fail(e, EXIT_NOT_READY, "%s '%s' shares its socket and fails its check: %.300s", what,
			service_at(in, row)->name, keeper_run(in->keeper, row)->reason);
		error_hint(e, "see `stackup logs %s`; `health.start_period` gives it time before its "
			"answers count", service_at(in, row)->name);
		return STEP_FAILED;
	}
	if (state != STEP_WAITS || in->now_ms < t->deadline_ms)
		return state;
	fail(e, EXIT_NOT_READY, "%s '%s' was not healthy in time", what, service_at(in, row)->name);
	error_hint(e, "see `stackup why %s` and `stackup logs %s`; `ready.timeout` says how long "
		"it may take", service_at(in, row)->name, service_at(in, row)->name);
	return STEP_FAILED;
}

void takeover_await(struct instance *in, struct takeover *t, int row)
{
	const struct service_policy *policy = &service_at(in, row)->policy;
	int64_t time_ms = stop_time_ms(&policy->stop) + policy->ready_timeout_ms;
	if (policy->health.present)
		time_ms += (policy->health.interval_ms + policy->health.timeout_ms)
			* (policy->health.successes + policy->health.retries);
	t->generation = keeper_run(in->keeper, row)->generation;
	t->deadline_ms = policy->ready_timeout_ms ? in->now_ms + time_ms : NO_DEADLINE;
}
