/*
 * When an instance ends by itself, with which exit code, and what is left to be ended then.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "daemon/instance.h"

/* Processes of no known service get so long after TERM, then KILL every so often. */
enum { UNKNOWN_GRACE_MS = 2000, UNKNOWN_AGAIN_MS = 50, UNKNOWN_IN_VAIN_MS = 7000 };

void instance_stop(struct instance *in, bool kill, const char *reason)
{
	if (in->stopping && (in->killing || !kill))
		return;
	in->stopping = true;
	in->killing |= kill;
	for (int i = 0; i <= second_row(in); i++) {
		if (kill)
			keeper_kill(in->keeper, i, reason);
		else
			keeper_stop(in->keeper, i, false, reason);
	}
}

void instance_decide_exit(struct instance *in, int code, const char *format, ...)
{
	if (in->exit_decided)
		return;
	in->exit_decided = true;
	in->exit_code = code;
	va_list args;
	va_start(args, format);
	vsnprintf(in->exit_text, sizeof in->exit_text, format, args);
	va_end(args);
}

static int process_code(const struct service_run *run)
{
	if (!run->has_exit)
		return run->state == STATE_FAILED ? EXIT_FAILED : EXIT_DONE;
	return run->exit_signal ? 128 + run->exit_signal : run->exit_code;
}

static bool has_ended(const struct service_run *run)
{
	bool ended = run->state == STATE_DONE || run->state == STATE_FAILED || run->state == STATE_DOWN;
	return ended && run->transition_count;
}

static int code_of_failure(const struct service_run *run)
{
	bool waited = run->cause == CAUSE_NOT_READY || run->cause == CAUSE_DEPENDENCY;
	return waited ? EXIT_NOT_READY : EXIT_FAILED;
}

/* The first that failed and was not optional; -1. A crash counts before what it dragged along. */
static int first_failure(const struct instance *in)
{
	int found = -1;
	for (int i = 0; i < in->loaded.stack->service_count; i++) {
		const struct service_run *run = keeper_run(in->keeper, i);
		if (run->state != STATE_FAILED || service_at(in, i)->policy.optional)
			continue;
		if (found < 0 || code_of_failure(run) == EXIT_FAILED)
			found = i;
		if (code_of_failure(run) == EXIT_FAILED)
			break;
	}
	return found;
}

enum { SOON_MS = 5000 };

/* Watchers of style sheets and bundles end with their standard input; other runners leave them the terminal. */
static void add_advice(struct instance *in, const struct service_run *run)
{
	size_t length = strlen(in->exit_text);
	bool at_once = run->has_exit && !run->exit_signal && !run->exit_code
		&& in->now_ms - run->started_ms < SOON_MS;
	if (in->loaded.stack->is_procfile && at_once)
		snprintf(in->exit_text + length, sizeof in->exit_text - length,
			"; if it ends with its standard input (tailwind, esbuild): that is empty here, "
			"`tty = yes` in a stack.ini gives it a terminal");
}

static bool owner_ends_by_service(struct instance *in, int i)
{
	const struct service_run *run = keeper_run(in->keeper, i);
	const struct service *s = service_at(in, i);
	if (!has_ended(run))
		return false;
	bool procfile = in->loaded.stack->is_procfile && s->policy.type == TYPE_SERVICE
		&& run->generation;
	if (procfile || i == in->exit_code_from) {
		instance_decide_exit(in, process_code(run), "'%s' ended: %s", s->name, run->reason);
		return true;
	}
	if (in->abort_on_failure && run->state == STATE_FAILED && !s->policy.optional) {
		instance_decide_exit(in, code_of_failure(run), "'%s' failed: %s", s->name, run->reason);
		return true;
	}
	return false;
}

/* What a foreground `up` has asked for: when does the instance end by itself? */
static void follow_owner(struct instance *in)
{
	if (!in->has_owner || in->stopping)
		return;
	for (int i = 0; i < in->loaded.stack->service_count; i++) {
		if (owner_ends_by_service(in, i)) {
			instance_stop(in, false, in->exit_text);
			add_advice(in, keeper_run(in->keeper, i));
			return;
		}
	}
	struct counts c = instance_count(in);
	if (c.active || !c.started || in->reload)
		return;
	int failed = first_failure(in);
	if (failed >= 0)
		instance_decide_exit(in, code_of_failure(keeper_run(in->keeper, failed)), "'%s' failed: %s",
			service_at(in, failed)->name, keeper_run(in->keeper, failed)->reason);
	else
		instance_decide_exit(in, EXIT_DONE, "every service is done");
	instance_stop(in, false, in->exit_text);
}

static void watch_essential(struct instance *in)
{
	for (int i = 0; !in->stopping && i < in->loaded.stack->service_count; i++) {
		const struct service_run *run = keeper_run(in->keeper, i);
		if (!service_at(in, i)->policy.essential || run->state != STATE_FAILED)
			continue;
		instance_decide_exit(in, code_of_failure(run), "essential service '%s' failed: %s",
			service_at(in, i)->name, run->reason);
		instance_stop(in, false, in->exit_text);
	}
}

void instance_end_by_rules(struct instance *in)
{
	watch_essential(in);
	follow_owner(in);
}

/* What withstands SIGKILL is told, and not waited for. */
static bool cannot_end_unknown(struct instance *in)
{
	char text[REASON_SIZE] = "cannot be killed: ";
	size_t used = strlen(text);
	if (in->now_ms - in->unknown_since_ms < UNKNOWN_IN_VAIN_MS
		|| !tree_withstands(&in->tree, TREE_EVERYTHING, text + used, sizeof text - used))
		return false;
	tell_event(in, -1, EVENT_WARNING, text);
	return true;
}

/* Processes that fit to no service are ours all the same. True when none is waited for. */
bool instance_is_over(struct instance *in, int64_t *next)
{
	tree_census(&in->tree, NULL, 0);
	if (!in->tree.unknown)
		return true;
	bool first = !in->unknown_since_ms;
	if (first)
		in->unknown_since_ms = in->now_ms;
	bool kill = in->killing || in->now_ms - in->unknown_since_ms >= UNKNOWN_GRACE_MS;
	if (first || kill)
		tree_signal(&in->tree, TREE_EVERYTHING, kill ? SIGKILL : SIGTERM, NULL);
	if (cannot_end_unknown(in))
		return true;
	int64_t again = in->now_ms + UNKNOWN_AGAIN_MS;
	if (again < *next)
		*next = again;
	return false;
}
