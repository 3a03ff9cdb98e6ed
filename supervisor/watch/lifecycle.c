#include "watch/lifecycle.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "watch/moves.h"

/* Dependents of something that came back start within this time, not in one instant. */
enum { SPREAD_MS = 250 };

struct effect *add_effect(const struct step *s, enum effect_kind kind)
{
	if (s->effects->count == EFFECTS_MOST)
		BUG("service '%s': more than %d effects of one event", s->name, EFFECTS_MOST);
	struct effect *effect = &s->effects->items[s->effects->count++];
	/* Its text is only read of what is told, and then it is there. */
	memset(effect, 0, offsetof(struct effect, text));
	effect->kind = kind;
	return effect;
}

void tell(const struct step *s, enum event_kind kind, const char *format, ...)
{
	struct effect *effect = add_effect(s, EFFECT_TELL);
	effect->event = kind;
	va_list args;
	va_start(args, format);
	reason_vformat(effect->text, format, args);
	va_end(args);
}

void change(const struct step *s, const struct service_event *event, enum service_state to,
	const char *format, ...)
{
	struct service_run *run = s->run;
	struct transition *t = &run->transitions[run->transition_count++ % TRANSITIONS];
	*t = (struct transition){
		.at_ms = s->now_ms, .from = run->state, .to = to, .event = event->kind};
	va_list args;
	va_start(args, format);
	reason_vformat(t->reason, format, args);
	va_end(args);
	memcpy(run->reason, t->reason, sizeof run->reason);
	run->state = to;
	run->deadline_ms = NO_DEADLINE;
}

void exit_describe(const struct exit_status *exit, char *out, size_t size)
{
	if (exit->signal) {
		const char *name = sigabbrev_np(exit->signal);
		snprintf(out, size, "killed by SIG%s%s", name ? name : "?",
			exit->core_dumped ? " (core dumped)"
			: exit->by_oom_killer ? " as memory ran out (OOM killer)" : "");
	} else {
		snprintf(out, size, "exited with code %d", exit->code);
	}
}

void note_exit(const struct step *s, const struct exit_status *exit)
{
	s->run->has_exit = true;
	s->run->exit_code = exit->code;
	s->run->exit_signal = exit->signal;
	s->run->leader = (struct child){.pidfd = -1};
}

void begin_anew(const struct step *s, const struct service_event *event)
{
	struct service_run *run = s->run;
	run->want = WANT_UP;
	run->stop_free = false;
	run->restarts = 0;
	run->cause = CAUSE_NONE;
	backoff_reset(&run->backoff);
	budget_reset(&run->budget);
	change(s, event, STATE_BLOCKED, "%s", event->reason ? event->reason : "asked to start");
}

static void start_process(const struct step *s)
{
	s->run->generation++;
	add_effect(s, EFFECT_SPAWN);
}

/* Nothing was forked. A shortage is not the service's fault and costs it no restart. */
static void could_not_start(const struct step *s, const struct service_event *event)
{
	struct service_run *run = s->run;
	if (!is_passing(&event->exit)) {
		run->cause = CAUSE_CRASH;
		change(s, event, STATE_FAILED, "%s", event->reason ? event->reason : "not startable");
		add_effect(s, EFFECT_TREE_GONE);
		tell(s, EVENT_FAILED, "failed: %s", run->reason);
		return;
	}
	int64_t delay = backoff_next(&run->backoff, &s->policy->restart, s->random);
	char shown[NUMBER_DURATION_SIZE];
	change(s, event, STATE_COOLING, "%s", event->reason ? event->reason : "no resources");
	run->deadline_ms = s->now_ms + delay;
	add_effect(s, EFFECT_TREE_GONE);
	tell(s, EVENT_SPAWN_FAILED, "could not be started: %s; trying again in %s", run->reason,
		number_show_duration(delay, shown));
}

static void has_started(const struct step *s, const struct service_event *event)
{
	struct service_run *run = s->run;
	run->leader = event->child;
	run->session = event->child.pid;
	run->started_ms = s->now_ms;
	run->ready_ms = 0;
	run->was_ready = false;
	run->waits_for_tree = false;
	run->quick_probes = 0;
	run->has_exit = false;
	verdict_reset(&run->verdict, &s->policy->health);
	change(s, event, STATE_STARTING, "started as process %d", (int)event->child.pid);
	tell(s, EVENT_STARTING, "started as process %d", (int)event->child.pid);
	bool task = s->policy->type == TYPE_TASK;
	int64_t limit = task ? s->policy->task_timeout_ms : s->policy->ready_timeout_ms;
	run->deadline_ms = limit ? s->now_ms + limit : NO_DEADLINE;
	if (task)
		return;
	if (s->policy->readiness == READY_LOG || s->policy->readiness == READY_NOTIFY) {
		add_effect(s, EFFECT_LISTEN_READY);
	} else {
		run->probe_purpose = PROBE_FOR_READY;
		run->probe_at_ms = s->now_ms;
	}
}

static void may_start(const struct step *s, const struct service_event *event)
{
	struct service_run *run = s->run;
	if (event->spread && !run->spread) {
		run->spread = true;
		change(s, event, STATE_COOLING, "what it needs has come back; starting in a moment");
		run->deadline_ms = s->now_ms + s->random % SPREAD_MS;
		return;
	}
	run->spread = false;
	if (event->reason)
		tell(s, EVENT_WARNING, "%s", event->reason);
	start_process(s);
}

static void step_blocked(const struct step *s, const struct service_event *event)
{
	switch (event->kind) {
	case ON_MAY_START:
		may_start(s, event);
		break;
	case ON_SPAWNED:
		has_started(s, event);
		break;
	case ON_SHORTAGE:
		could_not_start(s, event);
		break;
	case ON_DEPENDENCY_FAILED:
		s->run->cause = CAUSE_DEPENDENCY;
		change(s, event, STATE_FAILED, "%s", event->reason);
		tell(s, EVENT_FAILED, "not started: %s", event->reason);
		break;
	case ON_WANT_DOWN:
	case ON_KILL:
		s->run->want = WANT_DOWN;
		change(s, event, STATE_DOWN, "%s", event->reason ? event->reason : "asked to stop");
		tell(s, EVENT_DOWN, "not needed any more");
		break;
	case ON_WANT_UP:
	case ON_RESTART:
		s->run->want = WANT_UP;
		break;
	case ON_MAY_STOP:
	case ON_EXITED:
	case ON_TREE:
	case ON_HOOK_EXITED:
	case ON_PROBE:
	case ON_READY_SIGN:
	case ON_TIME:
		break;
	}
}

static void step_cooling(const struct step *s, const struct service_event *event)
{
	switch (event->kind) {
	case ON_TIME:
		if (s->now_ms >= s->run->deadline_ms)
			change(s, event, STATE_BLOCKED, "trying again");
		break;
	case ON_WANT_UP:
	case ON_RESTART:
		begin_anew(s, event);
		break;
	case ON_WANT_DOWN:
	case ON_KILL:
		s->run->want = WANT_DOWN;
		change(s, event, STATE_DOWN, "%s", event->reason ? event->reason : "asked to stop");
		tell(s, EVENT_DOWN, "stopped while it waited for its next try");
		break;
	case ON_MAY_START:
	case ON_DEPENDENCY_FAILED:
	case ON_MAY_STOP:
	case ON_SPAWNED:
	case ON_SHORTAGE:
	case ON_EXITED:
	case ON_TREE:
	case ON_HOOK_EXITED:
	case ON_PROBE:
	case ON_READY_SIGN:
		break;
	}
}

/* down, done, failed: no process, nothing due. */
static void step_ended(const struct step *s, const struct service_event *event)
{
	switch (event->kind) {
	case ON_WANT_UP:
	case ON_RESTART:
		begin_anew(s, event);
		break;
	case ON_WANT_DOWN:
	case ON_KILL:
		s->run->want = WANT_DOWN;
		break;
	case ON_MAY_START:
	case ON_DEPENDENCY_FAILED:
	case ON_MAY_STOP:
	case ON_SPAWNED:
	case ON_SHORTAGE:
	case ON_EXITED:
	case ON_TREE:
	case ON_HOOK_EXITED:
	case ON_PROBE:
	case ON_READY_SIGN:
	case ON_TIME:
		break;
	}
}

static bool is_stale(const struct service_run *run, const struct service_event *event)
{
	bool carries = event->kind == ON_PROBE || event->kind == ON_READY_SIGN;
	return carries && event->generation != run->generation;
}

/* It has ended meanwhile, or somebody asked it to: it follows nobody any more. */
static bool is_too_late_to_follow(const struct service_run *run, const struct service_event *event)
{
	return event->follows && (run->want == WANT_DOWN || !service_running(run));
}

void service_step(const struct step *s, const struct service_event *event)
{
	if (is_stale(s->run, event) || is_too_late_to_follow(s->run, event))
		return;
	switch (s->run->state) {
	case STATE_BLOCKED:
		step_blocked(s, event);
		break;
	case STATE_COOLING:
		step_cooling(s, event);
		break;
	case STATE_STARTING:
		step_starting(s, event);
		break;
	case STATE_READY:
	case STATE_UNHEALTHY:
		step_running(s, event);
		break;
	case STATE_STOPPING:
	case STATE_KILLING:
		step_stopping(s, event);
		break;
	case STATE_DOWN:
	case STATE_DONE:
	case STATE_FAILED:
		step_ended(s, event);
		break;
	}
}
