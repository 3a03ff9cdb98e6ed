/*
 * The steps of a stop: stop.command, the signal, what is left behind, KILL; each in its time and
 * with exactly the signals that belong to it.
 */
#include <signal.h>

#include "kernel.h"

/* For five seconds, then it may be something that withstands. */
enum { KILL_EVERY_MS = 50, KILL_MOST = 100, KILL_SELDOM_MS = 1000 };

static bool sends(const struct step *s, enum signal_scope scope, int signal)
{
	for (int i = 0; i < s->effects->count; i++) {
		const struct effect *e = &s->effects->items[i];
		if (e->kind == EFFECT_SIGNAL && e->scope == scope && e->signal == signal)
			return true;
	}
	return false;
}

static int count_of(const struct step *s, enum effect_kind kind)
{
	int count = 0;
	for (int i = 0; i < s->effects->count; i++)
		count += s->effects->items[i].kind == kind;
	return count;
}

static void must_send(struct world *w, const struct step *s, enum signal_scope scope, int signal)
{
	if (!sends(s, scope, signal))
		broken(w, w->judge.service, "no SIG%s to %s", kernel_signal_name(signal),
			kernel_scope_name(scope));
}

static void must_send_as_many(struct world *w, const struct step *s, int signals)
{
	int sent = count_of(s, EFFECT_SIGNAL);
	if (sent != signals)
		broken(w, w->judge.service, "%d signals at once, not %d", sent, signals);
}

static void take_step(struct world *w, enum force_step force, int64_t for_ms)
{
	struct past *past = &w->rows[w->judge.service].past;
	past->force = force;
	past->force_due_ms = w->now_ms + for_ms;
}

/* A stopped process would keep its signal for later: CONT goes with it. */
static void expect_signal(struct world *w, const struct step *s, bool leader, int others)
{
	const struct stop_policy *stop = &s->policy->stop;
	enum signal_scope scope = stop->scope == STOP_LEADER ? SIGNAL_LEADER : SIGNAL_GROUP;
	must_send(w, s, leader ? scope : SIGNAL_TREE, leader ? stop->signal : SIGTERM);
	must_send(w, s, leader ? scope : SIGNAL_TREE, SIGCONT);
	must_send_as_many(w, s, 2 + others);
	w->rows[w->judge.service].past.group_asked = leader && scope == SIGNAL_GROUP;
	take_step(w, STEP_SIGNAL, stop->timeout_ms);
}

static void expect_kill(struct world *w, const struct step *s)
{
	struct past *past = &w->rows[w->judge.service].past;
	bool hook = s->run->hook.pid;
	must_send(w, s, SIGNAL_TREE, SIGKILL);
	if (hook)
		must_send(w, s, SIGNAL_HOOK, SIGKILL);
	must_send_as_many(w, s, 1 + hook);
	past->kills++;
	bool in_vain = past->kills >= KILL_MOST;
	if ((count_of(s, EFFECT_ASK_WHO_IS_LEFT) == 1) != (in_vain && !s->run->unkillable))
		broken(w, w->judge.service, "is%s asked who withstands %d kills",
			in_vain ? " not" : "", past->kills);
	take_step(w, STEP_KILL, in_vain ? KILL_SELDOM_MS : KILL_EVERY_MS);
}

static void begins(struct world *w, const struct step *s, const struct service_event *event)
{
	struct past *past = &w->rows[w->judge.service].past;
	past->remnants_told = event->kind == ON_EXITED;
	past->kills = 0;
	if (event->kind == ON_KILL) {
		expect_kill(w, s);
	} else if (event->kind == ON_EXITED) {
		expect_signal(w, s, false, 0);
	} else if (s->policy->stop.has_command) {
		if (count_of(s, EFFECT_STOP_COMMAND) != 1)
			broken(w, w->judge.service, "its stop command is not run");
		must_send_as_many(w, s, 0);
		take_step(w, STEP_COMMAND, s->policy->stop.timeout_ms);
	} else {
		expect_signal(w, s, s->run->leader.pid, 0);
	}
}

static void its_time_came(struct world *w, const struct step *s)
{
	const struct past *past = &w->rows[w->judge.service].past;
	bool hook = s->run->hook.pid;
	if (w->now_ms < past->force_due_ms)
		broken(w, w->judge.service, "takes the next step %lld ms too early",
			(long long)(past->force_due_ms - w->now_ms));
	if (past->force != STEP_COMMAND) {
		expect_kill(w, s);
		return;
	}
	if (hook)
		must_send(w, s, SIGNAL_HOOK, SIGKILL);
	expect_signal(w, s, s->run->leader.pid, hook);
}

static void goes_on(struct world *w, const struct step *s, const struct service_event *event)
{
	if (event->withstands && !s->run->unkillable)
		broken(w, w->judge.service, "withstands, and is waited for");
	struct past *past = &w->rows[w->judge.service].past;
	bool new_remnants = past->force == STEP_SIGNAL && !past->remnants_told;
	if (event->kind == ON_TIME) {
		its_time_came(w, s);
	} else if (event->kind == ON_KILL && past->force != STEP_KILL) {
		expect_kill(w, s);
	} else if (event->kind == ON_HOOK_EXITED && past->force == STEP_COMMAND) {
		expect_signal(w, s, s->run->leader.pid, 0);
	} else if (event->kind == ON_EXITED && new_remnants) {
		/* Whoever got the signal with the group does not get another. */
		enum signal_scope scope = past->group_asked ? SIGNAL_STRAYS : SIGNAL_TREE;
		must_send(w, s, scope, SIGTERM);
		must_send(w, s, scope, SIGCONT);
		must_send_as_many(w, s, 2);
		past->remnants_told = true;
	} else {
		must_send_as_many(w, s, 0);
	}
}

static bool is_stopping(enum service_state state)
{
	return state == STATE_STOPPING || state == STATE_KILLING;
}

void rules_stop(struct world *w, const struct step *s, const struct service_event *event)
{
	struct past *past = &w->rows[w->judge.service].past;
	const struct service_run *run = s->run;
	bool stopped = is_stopping(w->judge.before.state);
	if (is_stopping(run->state) && !stopped)
		begins(w, s, event);
	else if (is_stopping(run->state))
		goes_on(w, s, event);
	else {
		must_send_as_many(w, s, 0);
		past->force = STEP_NONE;
		past->force_due_ms = NO_DEADLINE;
		return;
	}
	if (run->escalation.deadline_ms != past->force_due_ms)
		broken(w, w->judge.service, "the next step of its stop is due in %lld ms, not in %lld",
			(long long)(run->escalation.deadline_ms - w->now_ms),
			(long long)(past->force_due_ms - w->now_ms));
	if ((past->force == STEP_KILL) != (run->state == STATE_KILLING))
		broken(w, w->judge.service, "is %s, which it should not be",
			service_state_word(run->state));
}
