#include "watch/lifecycle.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "base/number.h"
#include "watch/moves.h"

/*
 * Before the first success: a look that costs nothing is repeated every millisecond for a quarter of
 * a second, then every 50 ms; a real attempt backs off from 50 ms to the interval or a second.
 */
enum {
	LOOK_OFTEN_MS = 1,
	LOOK_OFTEN_FOR_MS = 250,
	LOOK_MS = 50,
	ATTEMPT_FIRST_MS = 50,
	ATTEMPT_MOST_MS = 1000,
	PROBE_READY_TIMEOUT_MS = 2000,
};

void stop_probing(const struct step *s)
{
	struct service_run *run = s->run;
	run->probe_at_ms = NO_DEADLINE;
	if (run->probe_until_ms != NO_DEADLINE)
		add_effect(s, EFFECT_PROBE_CANCEL);
	run->probe_until_ms = NO_DEADLINE;
}

static void probe_soon(const struct step *s, bool cheap)
{
	struct service_run *run = s->run;
	if (cheap) {
		bool fresh = s->now_ms - run->started_ms < LOOK_OFTEN_FOR_MS;
		run->probe_at_ms = s->now_ms + (fresh ? LOOK_OFTEN_MS : LOOK_MS);
		return;
	}
	int64_t most = ATTEMPT_MOST_MS;
	if (s->policy->health.present && s->policy->health.interval_ms < most)
		most = s->policy->health.interval_ms;
	int64_t wait = ATTEMPT_FIRST_MS;
	for (int i = 0; i < run->quick_probes && wait < most; i++)
		wait *= 2;
	run->quick_probes++;
	run->probe_at_ms = s->now_ms + (wait < most ? wait : most);
}

/* A tenth either way, so that 200 checks of one interval do not all fall on one instant. */
static void probe_after_interval(const struct step *s)
{
	int64_t interval = s->policy->health.interval_ms;
	int64_t spread = interval / 10;
	int64_t jitter = (int64_t)(s->random % (uint32_t)(2 * spread + 1)) - spread;
	s->run->probe_at_ms = s->now_ms + interval + jitter;
}

static void probe_now(const struct step *s)
{
	struct service_run *run = s->run;
	struct effect *effect = add_effect(s, EFFECT_PROBE);
	effect->purpose = run->probe_purpose;
	effect->timeout_ms = s->policy->health.present ? s->policy->health.timeout_ms
						       : PROBE_READY_TIMEOUT_MS;
	run->probe_at_ms = NO_DEADLINE;
	run->probe_until_ms = s->now_ms + effect->timeout_ms;
}

static void note_reason(struct service_run *run, const char *reason)
{
	if (reason)
		reason_copy(run->reason, reason);
}

static void become_ready(const struct step *s, const struct service_event *event)
{
	struct service_run *run = s->run;
	char shown[NUMBER_DURATION_SIZE];
	stop_probing(s);
	run->was_ready = true;
	run->ready_ms = s->now_ms;
	number_show_duration(s->now_ms - run->started_ms, shown);
	change(s, event, STATE_READY, "ready after %s", shown);
	tell(s, EVENT_READY, "ready after %s", shown);
	run->reason[0] = '\0';
	if (!s->policy->health.present)
		return;
	run->probe_purpose = PROBE_FOR_HEALTH;
	run->quick_probes = 0;
	if (s->policy->readiness_is_health) {
		verdict_success(&run->verdict, &s->policy->health);
		probe_after_interval(s);
	} else {
		run->probe_at_ms = s->now_ms;
	}
}

bool is_passing(const struct exit_status *exit)
{
	return exit->number == 0 || exit->number == EAGAIN || exit->number == ENOMEM
		|| exit->number == EMFILE || exit->number == ENFILE;
}

static void plan(struct service_run *run, enum after after, const char *why)
{
	run->after = after;
	reason_copy(run->after_reason, why);
}

/* A failed start or run: sets after and after_reason by the restart policy. */
static void plan_after_failure(const struct step *s, enum fail_cause cause, const char *why)
{
	struct service_run *run = s->run;
	const struct restart_policy *restart = &s->policy->restart;
	run->cause = cause;
	if (run->want == WANT_DOWN || restart->rule == RESTART_NO) {
		plan(run, run->want == WANT_DOWN ? AFTER_DOWN : AFTER_FAIL, why);
		return;
	}
	if (run->was_ready && s->now_ms - run->ready_ms >= restart->reset_ms)
		backoff_reset(&run->backoff);
	if (budget_take(&run->budget, restart, s->now_ms)) {
		plan(run, AFTER_COOL, why);
		return;
	}
	char window[NUMBER_DURATION_SIZE];
	run->after = AFTER_FAIL;
	reason_format(run->after_reason, "%.300s; limit of %d restart%s in %s reached",
		why, restart->limit, restart->limit == 1 ? "" : "s",
		number_show_duration(restart->limit_window_ms, window));
}

/* Without a check it is ready as soon as it runs; it may have ended before anybody could say so. */
static bool got_ready(const struct step *s)
{
	return s->run->was_ready || s->policy->readiness == READY_STARTED;
}

static bool stopped_from_outside(const struct step *s, const struct exit_status *exit)
{
	bool polite = exit->signal == SIGTERM || exit->signal == SIGINT;
	return polite && s->policy->type == TYPE_SERVICE && s->policy->restart.rule != RESTART_ALWAYS;
}

static void plan_after_exit(const struct step *s, const struct exit_status *exit, const char *why)
{
	struct service_run *run = s->run;
	bool task = s->policy->type == TYPE_TASK;
	bool well = !exit->signal && exit->code == 0;
	if (run->want == WANT_DOWN) {
		plan(run, AFTER_DOWN, why);
	} else if (well && task) {
		plan(run, AFTER_DONE, why);
	} else if (stopped_from_outside(s, exit)) {
		run->want = WANT_DOWN;
		plan(run, AFTER_DOWN, "stopped from outside");
	} else if (well && got_ready(s) && s->policy->restart.rule != RESTART_ALWAYS) {
		plan(run, AFTER_DONE, why);
	} else {
		plan_after_failure(s, CAUSE_CRASH, why);
	}
}

static void plan_after_spawn_failure(const struct step *s, const struct service_event *event)
{
	struct service_run *run = s->run;
	const char *why = event->reason ? event->reason : "killed before it could start";
	run->cause = CAUSE_CRASH;
	if (run->want == WANT_DOWN)
		plan(run, AFTER_DOWN, why);
	else
		plan(run, is_passing(&event->exit) ? AFTER_COOL : AFTER_FAIL, why);
	tell(s, EVENT_SPAWN_FAILED, "%s", why);
}

static void leader_ended(const struct step *s, const struct service_event *event)
{
	struct service_run *run = s->run;
	const struct exit_status *exit = &event->exit;
	stop_probing(s);
	note_exit(s, exit);
	if (exit->stage) {
		plan_after_spawn_failure(s, event);
	} else if (event->again && run->want == WANT_UP) {
		plan(run, AFTER_START, "starting again");
	} else {
		char how[64];
		char why[REASON_SIZE];
		char shown[NUMBER_DURATION_SIZE];
		exit_describe(exit, how, sizeof how);
		number_show_duration(s->now_ms - run->started_ms, shown);
		reason_format(why, "%s after %s%s%s", how, shown, event->reason ? ": " : "",
			event->reason ? event->reason : "");
		plan_after_exit(s, exit, why);
		tell(s, EVENT_EXITED, "%s", why);
	}
	if (!event->left) {
		settle_after(s, event);
		return;
	}
	end_remnants(s, event);
}

static void too_late(const struct step *s, const struct service_event *event)
{
	char shown[NUMBER_DURATION_SIZE];
	char why[REASON_SIZE];
	bool task = s->policy->type == TYPE_TASK;
	int64_t limit = task ? s->policy->task_timeout_ms : s->policy->ready_timeout_ms;
	number_show_duration(limit, shown);
	if (task)
		reason_format(why, "not done within %s", shown);
	else
		reason_format(why, "not ready within %s%s%.300s", shown,
			s->run->reason[0] ? ": " : "", s->run->reason);
	plan_after_failure(s, task ? CAUSE_CRASH : CAUSE_NOT_READY, why);
	end_tree(s, event, s->run->after, s->run->after_reason, false);
}

static void starting_probe(const struct step *s, const struct service_event *event)
{
	struct service_run *run = s->run;
	run->probe_until_ms = NO_DEADLINE;
	bool answered = event->result == PROBE_OK || event->result == PROBE_FAILED;
	if (answered && run->verdict.health == HEALTH_IMPOSTER)
		verdict_reset(&run->verdict, &s->policy->health);
	switch (event->result) {
	case PROBE_OK:
		become_ready(s, event);
		return;
	case PROBE_IMPOSTER:
		if (verdict_imposter(&run->verdict))
			tell(s, EVENT_IMPOSTER, "%s", event->reason ? event->reason : "imposter");
		note_reason(run, event->reason);
		break;
	case PROBE_FAILED:
		note_reason(run, event->reason);
		break;
	case PROBE_UNKNOWN:
		break;
	}
	probe_soon(s, event->cheap);
}

/* Whoever is asked has to answer, and a task is not ready before it is done. */
static bool is_awaited_sign(const struct service_policy *policy)
{
	bool says_so = policy->readiness == READY_LOG || policy->readiness == READY_NOTIFY;
	return says_so && policy->type == TYPE_SERVICE;
}

void step_starting(const struct step *s, const struct service_event *event)
{
	struct service_run *run = s->run;
	switch (event->kind) {
	case ON_PROBE:
		starting_probe(s, event);
		break;
	case ON_READY_SIGN:
		if (is_awaited_sign(s->policy))
			become_ready(s, event);
		break;
	case ON_TIME:
		if (s->now_ms >= run->deadline_ms)
			too_late(s, event);
		else if (s->now_ms >= run->probe_at_ms)
			probe_now(s);
		break;
	case ON_WANT_UP:
	case ON_WANT_DOWN:
	case ON_RESTART:
	case ON_KILL:
	case ON_MAY_STOP:
	case ON_EXITED:
	case ON_MAY_START:
	case ON_DEPENDENCY_FAILED:
	case ON_SPAWNED:
	case ON_SHORTAGE:
	case ON_TREE:
	case ON_HOOK_EXITED:
		step_running(s, event);
		break;
	}
}

/* With `health.action = none` the state is all there is to see. */
static bool is_news(const struct step *s)
{
	return s->policy->health.action != HEALTH_NOTHING;
}

static void became_unhealthy(const struct step *s, const struct service_event *event)
{
	struct service_run *run = s->run;
	const char *why = event->reason ? event->reason : "no reason given";
	if (is_news(s))
		tell(s, EVENT_UNHEALTHY, "unhealthy: %s", why);
	bool imposter = run->verdict.health == HEALTH_IMPOSTER;
	if (s->policy->health.action != HEALTH_RESTART || imposter
		|| s->policy->restart.rule == RESTART_NO) {
		change(s, event, STATE_UNHEALTHY, "%s", why);
		probe_after_interval(s);
		return;
	}
	char text[REASON_SIZE];
	reason_format(text, "unhealthy: %.300s", why);
	plan_after_failure(s, CAUSE_CRASH, text);
	end_tree(s, event, run->after, run->after_reason, false);
}

static void health_succeeded(const struct step *s, const struct service_event *event)
{
	struct service_run *run = s->run;
	bool changed = verdict_success(&run->verdict, &s->policy->health);
	if (changed && run->state == STATE_UNHEALTHY) {
		change(s, event, STATE_READY, "healthy again");
		if (is_news(s))
			tell(s, EVENT_RECOVERED, "healthy again");
	}
	if (run->state == STATE_READY)
		run->reason[0] = '\0';
	probe_after_interval(s);
}

static void probe_again(const struct step *s, bool cheap)
{
	if (s->run->verdict.succeeded_once || s->run->state == STATE_UNHEALTHY)
		probe_after_interval(s);
	else
		probe_soon(s, cheap);
}

/* A failure that does not count, or not yet, is seen all the same: it may go on like that for ever. */
static void health_failed(const struct step *s, const struct service_event *event)
{
	struct service_run *run = s->run;
	if (verdict_failure(&run->verdict, &s->policy->health, s->now_ms - run->started_ms)) {
		became_unhealthy(s, event);
		return;
	}
	if (run->state == STATE_READY && event->reason)
		reason_format(run->reason, "health check failed: %s", event->reason);
	probe_again(s, event->cheap);
}

static void health_imposter(const struct step *s, const struct service_event *event)
{
	if (!verdict_imposter(&s->run->verdict)) {
		probe_again(s, event->cheap);
		return;
	}
	tell(s, EVENT_IMPOSTER, "%s", event->reason ? event->reason : "imposter");
	became_unhealthy(s, event);
}

static void running_probe(const struct step *s, const struct service_event *event)
{
	s->run->probe_until_ms = NO_DEADLINE;
	switch (event->result) {
	case PROBE_OK:
		health_succeeded(s, event);
		break;
	case PROBE_FAILED:
		health_failed(s, event);
		break;
	case PROBE_IMPOSTER:
		health_imposter(s, event);
		break;
	case PROBE_UNKNOWN:
		probe_again(s, event->cheap);
		break;
	}
}

void step_running(const struct step *s, const struct service_event *event)
{
	struct service_run *run = s->run;
	switch (event->kind) {
	case ON_PROBE:
		running_probe(s, event);
		break;
	case ON_TIME:
		if (s->now_ms >= run->probe_at_ms)
			probe_now(s);
		break;
	case ON_EXITED:
		leader_ended(s, event);
		break;
	case ON_WANT_UP:
		run->want = WANT_UP;
		break;
	case ON_WANT_DOWN:
		run->want = WANT_DOWN;
		reason_copy(run->after_reason, event->reason ? event->reason : "asked to stop");
		break;
	case ON_MAY_STOP:
		end_tree(s, event, AFTER_DOWN, run->after_reason, false);
		break;
	case ON_RESTART:
		run->want = WANT_UP;
		end_tree(s, event, AFTER_START, event->reason ? event->reason : "asked to restart", false);
		break;
	case ON_KILL:
		run->want = WANT_DOWN;
		end_tree(s, event, AFTER_DOWN, event->reason ? event->reason : "asked to be killed", true);
		break;
	case ON_MAY_START:
	case ON_DEPENDENCY_FAILED:
	case ON_SPAWNED:
	case ON_SHORTAGE:
	case ON_TREE:
	case ON_HOOK_EXITED:
	case ON_READY_SIGN:
		break;
	}
}
