#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "daemon/forwarding.h"
#include "daemon/second.h"
#include "daemon/takeover.h"
#include "stackfile/draft.h"

/*
 * A process whose readiness says nothing about itself (its socket listened before it was there) has to
 * live so long before another one is stopped for it.
 */
enum { STEADY_MS = 300, LOOK_AGAIN_MS = 50 };

void takeover_say(struct instance *in, const struct takeover *t, const char *format, ...)
{
	char text[REASON_SIZE];
	va_list args;
	if (!t->wish.has_ticket)
		return;
	va_start(args, format);
	reason_vformat(text, format, args);
	va_end(args);
	control_more(in->server, t->wish.ticket,
		json_pack("{s:s, s:s, s:s, s:s}", "service", service_at(in, t->wish.service)->name,
			"state", service_state_word(keeper_run(in->keeper, t->wish.service)->state), "kind",
			event_kind_word(EVENT_HANDOVER), "text", text));
}

/* ---- is a run as it should be? ---- */

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

static enum step_state has_failed(struct instance *in, int row, const char *what, struct error *e)
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
		return began ? has_failed(in, row, what, e) : STEP_WAITS;
	case STATE_DOWN:
	case STATE_DONE:
	case STATE_FAILED:
		return has_failed(in, row, what, e);
	}
	return STEP_WAITS;
}

static enum step_state look_in_time(struct instance *in, struct takeover *t, int row,
	const char *what, struct error *e)
{
	enum step_state state = look_at_run(in, t, row, what, e);
	if (state != STEP_WAITS || in->now_ms < t->deadline_ms)
		return state;
	fail(e, EXIT_NOT_READY, "%s '%s' was not healthy in time", what, service_at(in, row)->name);
	error_hint(e, "see `stackup why %s` and `stackup logs %s`; `ready.timeout` says how long it may "
		"take", service_at(in, row)->name, service_at(in, row)->name);
	return STEP_FAILED;
}

/* From now on a later run of the row is waited for, as long as its policy allows. */
static void wait_for_run(struct instance *in, struct takeover *t, int row)
{
	const struct service_policy *policy = &service_at(in, row)->policy;
	int64_t time_ms = policy->stop.timeout_ms + policy->ready_timeout_ms;
	if (policy->health.present)
		time_ms += (policy->health.interval_ms + policy->health.timeout_ms)
			* (policy->health.successes + policy->health.retries);
	t->generation = keeper_run(in->keeper, row)->generation;
	t->deadline_ms = policy->ready_timeout_ms ? in->now_ms + time_ms : NO_DEADLINE;
}

/* ---- lease ---- */

static int begin_lease(struct instance *in, struct takeover *t, struct error *e)
{
	struct claim *claim = &in->claim;
	forwarding_make_room(in, t->port.to);
	claim->avoided =
		draft_avoided(in->loaded.draft, &claim->avoided_count, &claim->protect_count);
	int rc = port_move_begin(&t->port, e);
	claim->avoided = NULL;
	claim->avoided_count = claim->protect_count = 0;
	return rc ? fail_while(e, "moving service '%s'", service_at(in, t->wish.service)->name) : 0;
}

static int begin_release(struct instance *in, struct takeover *t, struct error *e)
{
	(void)in;
	return port_move_leave(&t->port, t->port.to, e);
}

/* ---- start, dismiss, retire: the second run ---- */

static const struct loaded *next_of(const struct instance *in, const struct takeover *t)
{
	return t->other.stack ? &t->other : &in->loaded;
}

static int begin_start(struct instance *in, struct takeover *t, struct error *e)
{
	(void)e;
	if (t->wish.port)
		takeover_say(in, t, "starting on port %u", t->port.to);
	second_begin(in, t->wish.service, next_of(in, t));
	wait_for_run(in, t, second_row(in));
	return 0;
}

static enum step_state look_at_start(struct instance *in, struct takeover *t, struct error *e)
{
	if (keeper_run(in->keeper, t->wish.service)->want == WANT_UP)
		return look_in_time(in, t, second_row(in), "the new process of", e);
	fail(e, EXIT_FAILED, "somebody asked '%s' to stop meanwhile",
		service_at(in, t->wish.service)->name);
	return STEP_FAILED;
}

static int begin_dismiss(struct instance *in, struct takeover *t, struct error *e)
{
	(void)e;
	if (!second_is_free(in))
		takeover_say(in, t, "stopping the new process");
	second_stop(in, "the old process keeps its place");
	return 0;
}

static int begin_retire(struct instance *in, struct takeover *t, struct error *e)
{
	const struct service_run *run = keeper_run(in->keeper, t->wish.service);
	char reason[REASON_SIZE];
	(void)e;
	reason_format(reason, "process %d has its place now", (int)run->leader.pid);
	takeover_say(in, t, "stopping the old process");
	second_stop(in, reason);
	return 0;
}

static enum step_state look_for_its_end(struct instance *in, struct takeover *t, struct error *e)
{
	(void)e;
	t->look_at_ms = t->deadline_ms = NO_DEADLINE;
	return second_is_free(in) ? STEP_DONE : STEP_WAITS;
}

/* ---- switch and back ---- */

static void exchange_stacks(struct instance *in, struct takeover *t)
{
	struct loaded before = in->loaded;
	in->loaded = t->other;
	t->other = before;
	in->loaded.draft = t->other.draft;
	in->loaded.document = t->other.document;
	in->loaded.own_document = t->other.own_document;
	t->other.draft = NULL;
	t->other.own_document = NULL;
}

static bool has_second(const struct takeover *t)
{
	return t->plan.kind == HANDOVER_OVERLAP || t->plan.kind == HANDOVER_SAME;
}

/* Both runs and both stacks, or what there is of them. */
static void exchange(struct instance *in, struct takeover *t)
{
	if (t->other.stack)
		exchange_stacks(in, t);
	if (has_second(t)) {
		second_swap(in, next_of(in, t));
		return;
	}
	for (int i = 0; i <= second_row(in); i++)
		prober_cancel(in->prober, i);
	keeper_swap(in->keeper, in->loaded.rows, t->wish.service, t->wish.service);
}

/* Where the forward will have to answer. */
static void note_listeners(struct instance *in, struct takeover *t)
{
	struct error ignored;
	list_release(&t->heard);
	if (t->wish.port)
		(void)sockets_listeners(&in->sockets, &t->port.from, 1, &t->heard, &ignored);
}

static void tell_switch(struct instance *in, const struct takeover *t)
{
	int service = t->wish.service;
	const struct service_run *run = keeper_run(in->keeper, service);
	const struct service_run *other = keeper_run(in->keeper, second_row(in));
	char text[REASON_SIZE];
	if (!has_second(t))
		return;
	reason_format(text, "process %d has taken over from process %d", (int)run->leader.pid,
		(int)other->leader.pid);
	tell_event(in, service, EVENT_READY, text);
}

static int begin_switch(struct instance *in, struct takeover *t, struct error *e)
{
	note_listeners(in, t);
	if (t->wish.lost) {
		exchange(in, t);
		if (instance_write_ports_env(in, e))
			tell_event(in, -1, EVENT_WARNING, e->text);
		forwarding_follow(in);
		return 0;
	}
	if (t->wish.port && port_move_commit(&t->port, e))
		return -1;
	exchange(in, t);
	if (t->other.stack && instance_write_ports_env(in, e)) {
		exchange(in, t);
		(void)port_move_back(&t->port, NULL);
		return -1;
	}
	forwarding_follow(in);
	tell_switch(in, t);
	return 0;
}

static int begin_back(struct instance *in, struct takeover *t, struct error *e)
{
	int rc = t->wish.port ? port_move_back(&t->port, e) : 0;
	exchange(in, t);
	if (t->other.stack && instance_write_ports_env(in, e))
		rc = -1;
	forwarding_follow(in);
	tell_switch(in, t);
	if (rc)
		tell_event(in, t->wish.service, EVENT_WARNING, e->text);
	return rc;
}

/* ---- restart and follow ---- */

static bool is_kept_up(const struct service_run *run)
{
	return run->want == WANT_UP && run->state != STATE_DONE;
}

static void restart_for(struct instance *in, struct takeover *t, int service)
{
	const char *name = service_at(in, t->wish.service)->name;
	char reason[REASON_SIZE];
	if (t->wish.port)
		reason_format(reason, "'%s' has port %u now", name,
			in->loaded.stack->ports[t->port.row].number);
	else
		reason_format(reason, "'%s', which it depends on, restarts", name);
	wait_for_run(in, t, service);
	keeper_restart(in->keeper, service, reason);
}

static int begin_restart(struct instance *in, struct takeover *t, struct error *e)
{
	int service = t->wish.service;
	(void)e;
	if (!is_kept_up(keeper_run(in->keeper, service)))
		return 0;
	takeover_say(in, t, "restarting on port %u", in->loaded.stack->ports[t->port.row].number);
	restart_for(in, t, service);
	return 0;
}

static enum step_state look_at_restart(struct instance *in, struct takeover *t, struct error *e)
{
	if (!is_kept_up(keeper_run(in->keeper, t->wish.service)))
		return STEP_DONE;
	return look_in_time(in, t, t->wish.service, "service", e);
}

static int begin_follow(struct instance *in, struct takeover *t, struct error *e)
{
	int follower = t->followers[t->plan.follower];
	const char *name = service_at(in, follower)->name;
	(void)e;
	if (!is_kept_up(keeper_run(in->keeper, follower)))
		return 0;
	takeover_say(in, t, "restarting '%s'", name);
	if (!t->plan.back)
		json_array_append_new(t->restarted, json_string(name));
	restart_for(in, t, follower);
	return 0;
}

/* The one that took over has to stay up as well, or there is nothing to follow. */
static enum step_state look_at_follow(struct instance *in, struct takeover *t, struct error *e)
{
	int service = t->wish.service;
	int follower = t->followers[t->plan.follower];
	const struct service_run *own = keeper_run(in->keeper, service);
	bool broken = own->state == STATE_COOLING || own->state == STATE_FAILED
		|| own->state == STATE_UNHEALTHY;
	if (!t->plan.back && own->want == WANT_UP && broken)
		return has_failed(in, service, "the new process of", e);
	const struct service_run *run = keeper_run(in->keeper, follower);
	/* Without the service it starts when that does, and knows the port then. */
	bool waits_for_it = !is_kept_up(own) && run->state == STATE_BLOCKED;
	if (!is_kept_up(run) || waits_for_it)
		return STEP_DONE;
	return look_in_time(in, t, follower, "service", e);
}

/* ---- forward ---- */

static int begin_forward(struct instance *in, struct takeover *t, struct error *e)
{
	struct error why = {0};
	(void)e;
	/* Where nobody listened there is nobody who could be led anywhere. */
	bool wanted = t->wish.grace_ms && t->heard.count;
	if (wanted && !forwarding_begin(in, t, &why))
		return 0;
	if (wanted)
		tell_event(in, t->wish.service, EVENT_WARNING, why.text);
	t->wish.grace_ms = 0;
	if (port_move_leave(&t->port, t->port.from, &why))
		tell_event(in, t->wish.service, EVENT_WARNING, why.text);
	return 0;
}

static const struct {
	int (*begin)(struct instance *in, struct takeover *t, struct error *e);
	enum step_state (*look)(struct instance *in, struct takeover *t, struct error *e); /* NULL: done */
} steps[] = {
	[HANDOVER_LEASE] = {begin_lease, NULL},
	[HANDOVER_START] = {begin_start, look_at_start},
	[HANDOVER_SWITCH] = {begin_switch, NULL},
	[HANDOVER_RESTART] = {begin_restart, look_at_restart},
	[HANDOVER_FOLLOW] = {begin_follow, look_at_follow},
	[HANDOVER_RETIRE] = {begin_retire, look_for_its_end},
	[HANDOVER_FORWARD] = {begin_forward, NULL},
	[HANDOVER_BACK] = {begin_back, NULL},
	[HANDOVER_DISMISS] = {begin_dismiss, look_for_its_end},
	[HANDOVER_RELEASE] = {begin_release, NULL},
};

enum step_state takeover_step(struct instance *in, struct takeover *t, struct error *e)
{
	enum handover_step step = t->plan.step;
	if (!t->begun) {
		t->begun = true;
		t->look_at_ms = t->deadline_ms = NO_DEADLINE;
		if (steps[step].begin(in, t, e))
			return STEP_FAILED;
		if (steps[step].look)
			return STEP_WAITS; /* what was fed has to arrive first */
	}
	return steps[step].look ? steps[step].look(in, t, e) : STEP_DONE;
}
