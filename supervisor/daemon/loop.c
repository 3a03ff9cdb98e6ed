#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "daemon/forwarding.h"
#include "daemon/instance.h"
#include "daemon/pending.h"
#include "daemon/recorder.h"
#include "daemon/reload.h"
#include "daemon/resume.h"
#include "daemon/second.h"
#include "watch/settle.h"

const char *instance_state_word(enum instance_state state)
{
	static const char *const words[] = {
#define X(name, word) [name] = word,
		INSTANCE_STATES(X)
#undef X
	};
	return words[state];
}

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

struct counts instance_count(const struct instance *in)
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
	struct counts c = instance_count(in);
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
	instance_end_by_rules(in);
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
	resume_turn(in);
	int64_t waiting = pending_check(in);
	if (waiting < next)
		next = waiting;
	if (in->stopping && !instance_count(in).occupied && instance_is_over(in, &next)) {
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
	foster_sweep(in);
	resume_stop(in);
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
		.project_id = in->claim.project_id, .instance = in->claim.instance,
		.run_id = in->run_id};
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
	begin_recorder(in);
	log_guard_begin(in);
	resume_tell(in);
	resume_begin(in);
	/* ---- The border: boot is over. From here on nothing exits: log, degrade, retry. ---- */
	for (int i = 0; wanted && i < in->loaded.stack->service_count; i++)
		if (wanted[i])
			keeper_start(in->keeper, i, in->no_deps, "asked to start");
	ev_run(in->loop, 0);
	finish(in);
	return in->exit_code;
}
