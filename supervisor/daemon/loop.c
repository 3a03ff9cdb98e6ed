#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/number.h"
#include "daemon/forwarding.h"
#include "daemon/instance.h"
#include "daemon/pending.h"
#include "daemon/recorder.h"
#include "daemon/reload.h"
#include "daemon/second.h"
#include "watch/settle.h"

/* Processes of no known service get so long after TERM, then KILL every so often. */
enum { UNKNOWN_GRACE_MS = 2000, UNKNOWN_AGAIN_MS = 50, UNKNOWN_IN_VAIN_MS = 7000 };

const char *instance_state_word(enum instance_state state)
{
	static const char *const words[] = {
#define X(name, word) [name] = word,
		INSTANCE_STATES(X)
#undef X
	};
	return words[state];
}

struct counts {
	int wanted;
	int starting;
	int troubled;
	int failed;
	int active; /* may still change without anybody asking */
	int occupied;
	int started; /* ever */
};

bool instance_is_stuck(const struct instance *in, int service)
{
	if (!in->given_up || keeper_run(in->keeper, service)->state != STATE_BLOCKED)
		return false;
	bool *scratch = calloc((size_t)in->loaded.stack->service_count, sizeof *scratch);
	bool stuck = scratch
		&& settle_is_stuck(in->loaded.stack, keeper_runs(in->keeper), service, scratch);
	free(scratch);
	return stuck;
}

static void look_for_given_up(struct instance *in)
{
	in->given_up = false;
	for (int i = 0; i < in->loaded.stack->service_count; i++) {
		const struct service_run *run = keeper_run(in->keeper, i);
		in->given_up |= run->state == STATE_DOWN && run->want == WANT_DOWN
			&& run->transition_count;
	}
}

static struct counts count(const struct instance *in)
{
	struct counts c = {0};
	for (int i = 0; i < in->loaded.stack->service_count; i++) {
		const struct service_run *run = keeper_run(in->keeper, i);
		bool failed = run->state == STATE_FAILED && run->want == WANT_UP;
		bool fresh = run->state == STATE_BLOCKED || run->state == STATE_STARTING;
		c.wanted += run->want == WANT_UP;
		c.failed += failed && !service_at(in, i)->policy.optional;
		c.starting += fresh && run->restarts == 0;
		c.troubled += (fresh && run->restarts > 0) || run->state == STATE_COOLING
			|| run->state == STATE_UNHEALTHY;
		c.occupied += service_detains(run) || run->hook.pid;
		bool waiting = run->state == STATE_BLOCKED
			&& !instance_is_stuck(in, i);
		c.active += service_detains(run) || waiting || run->state == STATE_COOLING;
		c.started += run->transition_count > 0;
	}
	c.occupied += !second_is_free(in) && !keeper_run(in->keeper, second_row(in))->unkillable;
	return c;
}

enum instance_state instance_state_now(const struct instance *in)
{
	struct counts c = count(in);
	if (in->ended)
		return INSTANCE_STOPPED;
	if (in->stopping)
		return INSTANCE_STOPPING;
	if (c.failed && c.failed == c.wanted)
		return INSTANCE_FAILED;
	if (c.failed || c.troubled)
		return INSTANCE_DEGRADED;
	return c.starting ? INSTANCE_STARTING : INSTANCE_READY;
}

static void tell_state(struct instance *in)
{
	enum instance_state now = instance_state_now(in);
	if ((int)now == in->state)
		return;
	in->state = (int)now;
	tell_event(in, -1, EVENT_INSTANCE, instance_state_word(now));
}

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
	struct counts c = count(in);
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
static bool end_unknown(struct instance *in, int64_t *next)
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

static void schedule(struct instance *in, int64_t next)
{
	ev_timer_stop(in->loop, &in->due);
	if (next == NO_DEADLINE)
		return;
	int64_t wait = next - clock_now_ms();
	ev_now_update(in->loop);
	ev_timer_set(&in->due, wait > 0 ? (double)wait / 1000.0 : 0., 0.);
	ev_timer_start(in->loop, &in->due);
}

/* What happened meanwhile happens now, not at the time of the last turn. */
static void after_wait(struct ev_loop *loop, ev_check *w, int events)
{
	(void)loop;
	(void)events;
	((struct instance *)w->data)->now_ms = clock_now_ms();
}

/* One turn: everything that has happened since the last one has been fed to the keeper. */
static void before_wait(struct ev_loop *loop, ev_prepare *w, int events)
{
	(void)events;
	struct instance *in = w->data;
	in->now_ms = clock_now_ms();
	int64_t next = keeper_turn(in->keeper);
	bool was_stopping = in->stopping;
	look_for_given_up(in);
	watch_essential(in);
	follow_owner(in);
	bool fed = in->stopping != was_stopping;
	while (reload_continue(in) || takeover_continue(in) || fed) {
		next = keeper_turn(in->keeper);
		fed = false;
	}
	forwarding_turn(in);
	if (takeover_deadline(in) < next)
		next = takeover_deadline(in);
	tell_state(in);
	tell_flush(in); /* whoever gets an answer now finds its events */
	if (in->recorder)
		recorder_pass(in->recorder);
	int64_t waiting = pending_check(in);
	if (waiting < next)
		next = waiting;
	if (in->stopping && !count(in).occupied && end_unknown(in, &next)) {
		in->ended = true;
		ev_break(loop, EVBREAK_ALL);
		return;
	}
	schedule(in, next);
}

static void on_due(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop;
	(void)w;
	(void)events;
}

static void on_lifeline(struct io_watch *watch, int events)
{
	(void)events;
	struct instance *in = watch->owner;
	char byte;
	if (read(watch->io.fd, &byte, 1) > 0)
		return;
	io_watch_stop(watch);
	instance_decide_exit(in, EXIT_TERMINATED, "the command that started it is gone");
	instance_stop(in, false, "the command that started it is gone");
}

/* The end: nothing of ours lives. Rows, holds and lock are released before anybody is told. */
static void finish(struct instance *in)
{
	struct error e = {0};
	tell_event(in, -1, EVENT_INSTANCE, "stopped");
	control_hide(in->server);
	log_guard_rest(in);
	roster_end(&in->roster);
	bool failed = claim_stop(in->paths.state, &in->claim, false, &e);
	if (failed)
		tell_event(in, -1, EVENT_WARNING, e.text);
	tell_flush(in);
	recorder_free(in->recorder, !failed);
	in->recorder = NULL;
	takeover_abandon(in);
	pending_end(in);
	control_flush(in->server);
}

static void on_registry_news(void *self, const char *text)
{
	tell_event(self, -1, EVENT_WARNING, text);
}

/* Without one (no memory) there is only events.jsonl. */
static void begin_recorder(struct instance *in)
{
	const struct recorder_place place = {.state = in->paths.state,
		.project_id = in->claim.project_id, .instance = in->claim.instance};
	in->recorder = recorder_new(in->loop, &place, on_registry_news, in);
}

int instance_run(struct instance *in, const bool *wanted)
{
	signals_begin(in);
	ev_timer_init(&in->due, on_due, 0., 0.);
	ev_prepare_init(&in->before_wait, before_wait);
	in->before_wait.data = in;
	ev_prepare_start(in->loop, &in->before_wait);
	ev_check_init(&in->after_wait, after_wait);
	in->after_wait.data = in;
	ev_set_priority(&in->after_wait, EV_MAXPRI);
	ev_check_start(in->loop, &in->after_wait);
	if (in->lifeline_fd >= 0) {
		io_watch_init(&in->lifeline, in->loop, in->lifeline_fd, EV_READ, on_lifeline, in);
		io_watch_start(&in->lifeline);
	}
	in->state = -1;
	begin_recorder(in);
	log_guard_begin(in);
	/* ---- The border: boot is over. From here on nothing exits: log, degrade, retry. ---- */
	for (int i = 0; i < in->loaded.stack->service_count; i++)
		if (wanted[i])
			keeper_start(in->keeper, i, in->no_deps, "asked to start");
	ev_run(in->loop, 0);
	finish(in);
	return in->exit_code;
}
