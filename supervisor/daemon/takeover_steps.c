#include <stdio.h>

#include "control/wire.h"
#include "daemon/forwarding.h"
#include "daemon/second.h"
#include "daemon/takeover.h"
#include "stackfile/draft.h"

void takeover_say(struct instance *in, const struct takeover *t, const char *format, ...)
{
	const struct service_run *run = keeper_run(in->keeper, t->wish.service);
	char text[REASON_SIZE];
	va_list args;
	if (!t->wish.has_ticket)
		return;
	va_start(args, format);
	reason_vformat(text, format, args);
	va_end(args);
	control_more(in->server, t->wish.ticket,
		json_pack("{s:s, s:s, s:s, s:o}", "service", service_at(in, t->wish.service)->name,
			"state", service_state_word(run->state), "kind",
			event_kind_word(EVENT_HANDOVER), "text", wire_string(text)));
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
	return rc;
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
	takeover_await(in, t, second_row(in));
	return 0;
}

static enum step_state look_at_start(struct instance *in, struct takeover *t, struct error *e)
{
	if (keeper_run(in->keeper, t->wish.service)->want == WANT_UP)
		return takeover_look(in, t, second_row(in), "the new process of", e);
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
	takeover_await(in, t, service);
	keeper_restart(in->keeper, service, reason);
}

static int begin_restart(struct instance *in, struct takeover *t, struct error *e)
{
	int service = t->wish.service;
	(void)e;
	if (!is_kept_up(keeper_run(in->keeper, service)))
		return 0;
	bool surprises = service_at(in, service)->policy.move == MOVE_OVERLAP && !t->plan.back;
	takeover_say(in, t, "%srestarting on port %u",
		surprises ? "two of its processes cannot run at once; " : "",
		in->loaded.stack->ports[t->port.row].number);
	restart_for(in, t, service);
	return 0;
}

static enum step_state look_at_restart(struct instance *in, struct takeover *t, struct error *e)
{
	if (!is_kept_up(keeper_run(in->keeper, t->wish.service)))
		return STEP_DONE;
	return takeover_look(in, t, t->wish.service, "service", e);
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
		return takeover_broke_down(in, service, "the new process of", e);
	const struct service_run *run = keeper_run(in->keeper, follower);
	/* Without the service it starts when that does, and knows the port then. */
	bool waits_for_it = !is_kept_up(own) && run->state == STATE_BLOCKED;
	if (!is_kept_up(run) || waits_for_it)
		return STEP_DONE;
	return takeover_look(in, t, follower, "service", e);
}

/* ---- forward ---- */

static int begin_forward(struct instance *in, struct takeover *t, struct error *e)
{
	struct error why = {0};
	(void)e;
	/* Where nobody listened there is nobody who could be led anywhere; datagrams are not led. */
	bool udp = t->port.port->protocol == PROTOCOL_UDP;
	bool wanted = t->wish.grace_ms && t->heard.count && !udp;
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
	/* NULL: it is done with its beginning. */
	enum step_state (*look)(struct instance *in, struct takeover *t, struct error *e);
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
