#include "watch/lifecycle.h"

#include <signal.h>
#include <stdio.h>

#include "base/number.h"
#include "watch/moves.h"

static void send(const struct step *s, enum signal_scope scope, int signal)
{
	struct effect *effect = add_effect(s, EFFECT_SIGNAL);
	effect->scope = scope;
	effect->signal = signal;
}

static void ask_remnants(const struct step *s, enum signal_scope scope)
{
	send(s, scope, SIGTERM);
	send(s, scope, SIGCONT);
}

static void apply(const struct step *s, enum force force)
{
	const struct stop_policy *stop = &s->policy->stop;
	switch (force) {
	case FORCE_NONE:
		break;
	case FORCE_COMMAND:
		add_effect(s, EFFECT_STOP_COMMAND);
		break;
	case FORCE_SIGNAL:
		if (s->run->hook.pid)
			send(s, SIGNAL_HOOK, SIGKILL);
		/* CONT too: a stopped process would keep its TERM for later. */
		if (s->run->leader.pid) {
			enum signal_scope scope = stop->scope == STOP_GROUP ? SIGNAL_GROUP : SIGNAL_LEADER;
			s->run->escalation.group_asked = scope == SIGNAL_GROUP;
			send(s, scope, stop->signal);
			send(s, scope, SIGCONT);
		} else {
			ask_remnants(s, SIGNAL_TREE);
		}
		break;
	case FORCE_REMNANTS:
		ask_remnants(s, s->run->escalation.group_asked ? SIGNAL_STRAYS : SIGNAL_TREE);
		break;
	case FORCE_KILL:
		if (s->run->hook.pid)
			send(s, SIGNAL_HOOK, SIGKILL);
		send(s, SIGNAL_TREE, SIGKILL);
		break;
	}
}

void end_tree(const struct step *s, const struct service_event *event, enum after after,
	const char *why, bool at_once)
{
	struct service_run *run = s->run;
	stop_probing(s);
	run->after = after;
	if (why != run->after_reason)
		reason_copy(run->after_reason, why);
	change(s, event, at_once ? STATE_KILLING : STATE_STOPPING, "%s", why);
	tell(s, at_once ? EVENT_KILLED : EVENT_STOPPING, "stopping: %s", why);
	apply(s, escalation_begin(&run->escalation, &s->policy->stop, s->now_ms, at_once));
}

void end_remnants(const struct step *s, const struct service_event *event)
{
	struct service_run *run = s->run;
	const struct stop_policy without_command = {.timeout_ms = stop_time_ms(&s->policy->stop)};
	run->waits_for_tree = true;
	change(s, event, STATE_STOPPING, "%.300s; ending %zu processes it left behind",
		run->after_reason, event->left);
	tell(s, EVENT_STOPPING, "ending %zu processes it left behind", event->left);
	escalation_begin(&run->escalation, &without_command, s->now_ms, false);
	apply(s, escalation_remnants(&run->escalation));
}

static void cool(const struct step *s, const struct service_event *event)
{
	struct service_run *run = s->run;
	const struct restart_policy *restart = &s->policy->restart;
	char shown[NUMBER_DURATION_SIZE];
	char why[REASON_SIZE];
	int64_t delay = backoff_next(&run->backoff, restart, s->random);
	reason_copy(why, run->after_reason);
	change(s, event, STATE_COOLING, "%s", why);
	run->deadline_ms = s->now_ms + delay;
	run->restarts++;
	tell(s, EVENT_RESTARTING, "%.300s; trying again in %s (%d of %d)", why,
		number_show_duration(delay, shown), budget_used(&run->budget, restart, s->now_ms),
		restart->limit);
}

void settle_after(const struct step *s, const struct service_event *event)
{
	struct service_run *run = s->run;
	escalation_end(&run->escalation);
	run->waits_for_tree = false;
	run->unkillable = false;
	add_effect(s, EFFECT_TREE_GONE);
	switch (run->after) {
	case AFTER_DOWN:
		change(s, event, STATE_DOWN, "%s", run->after_reason);
		tell(s, EVENT_DOWN, "down: %s", run->reason);
		break;
	case AFTER_START:
		begin_anew(s, event);
		break;
	case AFTER_COOL:
		cool(s, event);
		break;
	case AFTER_DONE:
		change(s, event, STATE_DONE, "%s", run->after_reason);
		tell(s, EVENT_DONE, "done: %s", run->reason);
		break;
	case AFTER_FAIL:
		change(s, event, STATE_FAILED, "%s", run->after_reason);
		tell(s, EVENT_FAILED, "failed: %s", run->reason);
		break;
	}
}

static void leader_gone(const struct step *s, const struct service_event *event)
{
	note_exit(s, &event->exit);
	if (!event->left && !s->run->hook.pid) {
		settle_after(s, event);
		return;
	}
	s->run->waits_for_tree = true;
	apply(s, escalation_remnants(&s->run->escalation));
}

static void time_passed(const struct step *s, const struct service_event *event)
{
	struct service_run *run = s->run;
	enum force force = escalation_deadline(&run->escalation, &s->policy->stop, s->now_ms);
	if (force == FORCE_KILL && run->state == STATE_STOPPING) {
		char shown[NUMBER_DURATION_SIZE];
		number_show_duration(stop_time_ms(&s->policy->stop), shown);
		change(s, event, STATE_KILLING, "did not stop within %s", shown);
		tell(s, EVENT_KILLED, "did not stop within %s; killing its process tree", shown);
	}
	apply(s, force);
	if (force == FORCE_KILL && !run->unkillable && escalation_is_in_vain(&run->escalation))
		add_effect(s, EFFECT_ASK_WHO_IS_LEFT);
}

/* It is still waited for, but by nobody who waits for us. */
static void withstands(const struct step *s, const struct service_event *event)
{
	s->run->unkillable = true;
	change(s, event, STATE_KILLING, "cannot be killed: %s", event->reason);
	tell(s, EVENT_WARNING, "%s", s->run->reason);
}

static void reconsider(struct service_run *run, enum want want, enum after after)
{
	run->want = want;
	run->after = after;
}

void step_stopping(const struct step *s, const struct service_event *event)
{
	struct service_run *run = s->run;
	switch (event->kind) {
	case ON_EXITED:
		leader_gone(s, event);
		break;
	case ON_TREE:
		if (event->withstands)
			withstands(s, event);
		else if (!event->left && !run->leader.pid && !run->hook.pid)
			settle_after(s, event);
		break;
	case ON_HOOK_EXITED:
		apply(s, escalation_command_done(&run->escalation, &s->policy->stop, s->now_ms));
		if (!run->leader.pid)
			run->waits_for_tree = true;
		break;
	case ON_TIME:
		time_passed(s, event);
		break;
	case ON_WANT_UP:
	case ON_RESTART:
		reconsider(run, WANT_UP, AFTER_START);
		break;
	case ON_WANT_DOWN:
		reconsider(run, WANT_DOWN, run->after == AFTER_FAIL ? AFTER_FAIL : AFTER_DOWN);
		break;
	case ON_KILL:
		reconsider(run, WANT_DOWN, run->after == AFTER_FAIL ? AFTER_FAIL : AFTER_DOWN);
		if (run->state == STATE_STOPPING)
			change(s, event, STATE_KILLING, "asked to be killed");
		apply(s, escalation_begin(&run->escalation, &s->policy->stop, s->now_ms, true));
		break;
	case ON_MAY_START:
	case ON_DEPENDENCY_FAILED:
	case ON_MAY_STOP:
	case ON_SPAWNED:
	case ON_SHORTAGE:
	case ON_PROBE:
	case ON_READY_SIGN:
		break;
	}
}
