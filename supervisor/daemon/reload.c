#include "daemon/reload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/clearing.h"
#include "daemon/forwarding.h"
#include "daemon/pending.h"
#include "daemon/reload_order.h"
#include "daemon/requests.h"
#include "daemon/second.h"
#include "plan/change.h"
#include "stackfile/describe.h"

/* Between the request and the turn in which the new stack takes over. */
struct reload {
	struct reload_order order; /* owns */
	struct complaints complaints; /* owns */
	struct clearing *clearing; /* owns; NULL: nobody is in the way any more */
	int64_t timeout_ms; /* for every stop; -1: as the file says */
	struct loaded next; /* owns */
	struct arena *arena; /* owns: changes */
	struct changes changes;
	struct control_ticket ticket;
	bool has_ticket;
	json_t *reply; /* owns */
};

/* One that waits for its turn. */
struct reload_wish {
	struct control_ticket ticket;
	bool has_ticket;
	json_t *body; /* owns; NULL: of SIGHUP */
};

static void reload_free(struct instance *in)
{
	struct reload *reload = in->reload;
	in->reload = NULL;
	if (!reload)
		return;
	clearing_free(reload->clearing);
	loaded_release(&reload->next);
	reload_order_release(&reload->order);
	complaints_release(&reload->complaints);
	arena_free(reload->arena);
	json_decref(reload->reply);
	free(reload);
}

static void refuse(struct instance *in, struct control_ticket ticket, bool has_ticket,
	const struct complaints *c, const struct error *e)
{
	char text[REASON_SIZE];
	reason_format(text, "the new stack file is not applied: %.300s", e->text);
	tell_event(in, -1, EVENT_WARNING, text);
	if (has_ticket)
		control_refuse_with(in->server, ticket, e,
			json_pack("{s:o}", "complaints", complaints_json(c)));
}

static void compare(struct instance *in, struct reload *r, const bool *wanted)
{
	size_t count = (size_t)in->loaded.stack->service_count;
	struct running *running = arena_take(r->arena, (count + 1) * sizeof *running);
	for (size_t i = 0; i < count; i++) {
		const struct service_run *run = keeper_run(in->keeper, (int)i);
		running[i] = (struct running){.name = service_at(in, (int)i)->name,
			.fingerprint = service_at(in, (int)i)->fingerprint,
			.wanted = run->want == WANT_UP,
			.done = run->state == STATE_DONE,
			.failed = run->state == STATE_FAILED};
	}
	r->changes = change_plan(r->arena, r->next.stack, r->next.graph, wanted, running, count);
}

static json_t *names_of(const struct reload *r, enum change change)
{
	json_t *names = json_array();
	for (size_t i = 0; i < r->changes.count; i++)
		if (r->changes.items[i].change == change)
			json_array_append_new(names, json_string(r->changes.items[i].name));
	return names;
}

/* What is not in the file any more goes first, so that its place can be taken away. */
static void stop_gone(struct instance *in, const struct reload *r)
{
	for (size_t i = 0; i < r->changes.count; i++) {
		const struct service_change *change = &r->changes.items[i];
		if (change->wanted_index >= 0 || change->running_index < 0)
			continue;
		if (r->timeout_ms >= 0)
			in->loaded.stack->services[change->running_index].policy.stop.timeout_ms =
				r->timeout_ms;
		keeper_stop(in->keeper, change->running_index, true,
			"it is not in the stack file any more");
	}
}

static int read_order(struct instance *in, struct reload *r, const json_t *body, struct error *e)
{
	r->timeout_ms = request_timeout_ms(body);
	if (takeover_moves(in))
		return fail(e, EXIT_FAILED, "a service moves to another port; try again in a moment");
	if (reload_order_read(in, body, &r->order, &r->complaints, e))
		return -1;
	r->order.request.is_judged = true;
	return load_judge(in, &r->order.request, &r->clearing, &r->complaints, e);
}

/* Nobody is in the way, or nothing can be done about it. */
static int load(struct instance *in, struct reload *r, struct error *e)
{
	const struct load_request *request = &r->order.request;
	bool *wanted = NULL;
	r->arena = arena_new();
	if (!r->arena || setjmp(*arena_on_failure(r->arena)))
		return fail(e, EXIT_FAILED, "out of memory");
	if (load_stack(in, request, &r->next, &wanted, &r->complaints, e))
		return -1;
	r->next.own_document = r->order.document;
	r->order.document = NULL;
	for (int i = 0; r->timeout_ms >= 0 && i < r->next.stack->service_count; i++)
		r->next.stack->services[i].policy.stop.timeout_ms = r->timeout_ms;
	compare(in, r, request->service_count ? wanted : NULL);
	r->reply = json_pack("{s:o, s:o, s:o, s:i, s:o}", "started", names_of(r, CHANGE_START),
		"restarted", names_of(r, CHANGE_RESTART), "stopped", names_of(r, CHANGE_STOP),
		"unchanged", (int)r->changes.of[CHANGE_KEEP], "notes", json_array());
	return 0;
}

/* The plan is the reply, as it will be: whoever asked can read it before anything is stopped. */
static void announce(struct instance *in, const struct reload *r)
{
	json_t *plan = r->has_ticket ? json_copy(r->reply) : NULL;
	if (plan)
		control_more(in->server, r->ticket, plan);
}

/* A change is nothing to an instance that ends; who asked may wait for that, and start it anew. */
static void refuse_stopping(struct instance *in, struct control_ticket ticket, bool has_ticket)
{
	struct error e = {0};
	if (!has_ticket)
		return;
	fail(&e, EXIT_FAILED, "the instance is being stopped; try again when it is down");
	control_refuse_with(in->server, ticket, &e, json_pack("{s:b}", "stopping", 1));
}

static void go_on(struct instance *in, int rc, struct error *e)
{
	struct reload *r = in->reload;
	if (!rc && !r->clearing)
		rc = load(in, r, e);
	if (rc) {
		refuse(in, r->ticket, r->has_ticket, &r->complaints, e);
		reload_free(in);
	} else if (r->clearing) {
		clearing_begin(r->clearing);
	} else {
		announce(in, r);
		stop_gone(in, r);
	}
}

static void begin(struct instance *in, const struct reload_wish *wish)
{
	struct error e = {0};
	if (in->stopping) {
		refuse_stopping(in, wish->ticket, wish->has_ticket);
		return;
	}
	in->reload = calloc(1, sizeof *in->reload);
	if (!in->reload) {
		fail(&e, EXIT_FAILED, "out of memory");
		refuse(in, wish->ticket, wish->has_ticket, &(struct complaints){0}, &e);
		return;
	}
	in->reload->ticket = wish->ticket;
	in->reload->has_ticket = wish->has_ticket;
	go_on(in, read_order(in, in->reload, wish->body, &e), &e);
}

/* Whoever could be stopped is; now the claim stops nobody. */
static bool resume(struct instance *in)
{
	struct reload *r = in->reload;
	struct error e = {0};
	if (!r || !r->clearing || !clearing_is_done(r->clearing))
		return false;
	clearing_tell(r->clearing);
	clearing_free(r->clearing);
	r->clearing = NULL;
	r->order.strategy = STRATEGY_INTELLIGENT;
	r->order.request.strategy = &r->order.strategy;
	if (!in->stopping) {
		go_on(in, 0, &e);
		return true;
	}
	refuse_stopping(in, r->ticket, r->has_ticket);
	reload_free(in);
	return true;
}

/* ---- one after the other ---- */

static bool must_wait(const struct instance *in)
{
	return !in->stopping && in->reload;
}

static void take_wish(struct instance *in, struct reload_wish wish)
{
	struct error e = {0};
	if (!must_wait(in)) {
		begin(in, &wish);
		json_decref(wish.body);
	} else if (!list_push(&in->reloads, wish)) {
		fail(&e, EXIT_FAILED, "the supervisor is out of memory");
		refuse(in, wish.ticket, wish.has_ticket, &(struct complaints){0}, &e);
		json_decref(wish.body);
	}
}

void reload_request(struct instance *in, struct control_ticket ticket, const json_t *body)
{
	take_wish(in, (struct reload_wish){ticket, true, json_deep_copy(body)});
}

void reload_from_disk(struct instance *in)
{
	/* What waits will read the same file. */
	if (!in->reloads.count || in->reloads.items[in->reloads.count - 1].has_ticket)
		take_wish(in, (struct reload_wish){0});
}

static bool begin_next(struct instance *in)
{
	if (!in->reloads.count || must_wait(in))
		return false;
	struct reload_wish next = in->reloads.items[0];
	list_remove(&in->reloads, 0);
	begin(in, &next);
	json_decref(next.body);
	return true;
}

void reload_abandon(struct instance *in)
{
	reload_free(in);
	for (size_t i = 0; i < in->reloads.count; i++)
		json_decref(in->reloads.items[i].body);
	list_release(&in->reloads);
}

/* Both directions of the change of indexes. */
struct renumbering {
	int *old_of; /* per new index; -1: new */
	int *new_of; /* per old index; -1: gone */
	struct service_io **io; /* per new index */
	const char **names;
};

static bool renumber(struct instance *in, const struct reload *r, struct renumbering *n)
{
	size_t before = (size_t)in->loaded.rows->service_count;
	size_t after = (size_t)r->next.rows->service_count;
	n->old_of = calloc(after + 1, sizeof *n->old_of);
	n->new_of = calloc(before + 1, sizeof *n->new_of);
	n->io = calloc(after + 1, sizeof(struct service_io *));
	n->names = calloc(after + 1, sizeof *n->names);
	if (!n->old_of || !n->new_of || !n->io || !n->names)
		return false;
	for (size_t i = 0; i < before; i++)
		n->new_of[i] = -1;
	for (size_t i = 0; i < after; i++)
		n->old_of[i] = -1;
	for (size_t i = 0; i < r->changes.count; i++) {
		const struct service_change *change = &r->changes.items[i];
		if (change->wanted_index < 0 || change->running_index < 0)
			continue;
		n->old_of[change->wanted_index] = change->running_index;
		n->new_of[change->running_index] = change->wanted_index;
	}
	for (size_t i = 0; i < after; i++)
		n->names[i] = r->next.rows->services[i].name;
	n->old_of[after - 1] = (int)before - 1;
	n->new_of[before - 1] = (int)after - 1;
	return true;
}

static void move_io(struct instance *in, struct renumbering *n, int before)
{
	for (int i = 0; i < before; i++) {
		prober_cancel(in->prober, i);
		if (n->new_of[i] < 0) {
			io_close(in->io[i]);
			continue;
		}
		in->io[i]->service = n->new_of[i];
		n->io[n->new_of[i]] = in->io[i];
	}
	free(in->io);
	in->io = n->io;
	n->io = NULL;
}

static void feed_changes(struct instance *in, const struct reload *r)
{
	for (size_t i = 0; i < r->changes.count; i++) {
		const struct service_change *change = &r->changes.items[i];
		if (change->wanted_index < 0)
			continue;
		switch (change->change) {
		case CHANGE_KEEP:
			break;
		case CHANGE_START:
			keeper_start(in->keeper, change->wanted_index, r->order.request.no_deps, change->reason);
			break;
		case CHANGE_STOP:
			keeper_stop(in->keeper, change->wanted_index, true, change->reason);
			break;
		case CHANGE_RESTART:
			keeper_restart(in->keeper, change->wanted_index, change->reason);
			break;
		}
	}
}

static void open_new_io(struct instance *in, const struct renumbering *n)
{
	for (int i = 0; i < in->loaded.stack->service_count; i++) {
		struct error e = {0};
		if (!in->io[i] && io_open(in, i, &e)) {
			tell_event(in, i, EVENT_WARNING, e.text);
			continue;
		}
		if (n->old_of[i] < 0)
			instance_choose_hold(in, i);
	}
}

/* The turn in which the new stack takes the old one's place. */
static void take_over(struct instance *in, struct reload *r)
{
	struct renumbering n = {0};
	struct error e = {0};
	int before = in->loaded.rows->service_count;
	if (!renumber(in, r, &n) || keeper_adopt(in->keeper, r->next.rows, n.old_of)
		|| tree_rename(&in->tree, n.names, (size_t)r->next.rows->service_count, &e)) {
		fail(&e, EXIT_FAILED, "out of memory");
		refuse(in, r->ticket, r->has_ticket, &(struct complaints){0}, &e);
	} else {
		if (in->exit_code_from >= 0)
			in->exit_code_from = n.new_of[in->exit_code_from];
		move_io(in, &n, before);
		pending_renumber(in, n.new_of);
		takeover_renumber(in, n.new_of);
		loaded_release(&in->loaded);
		in->loaded = r->next;
		in->second = (struct second){0};
		r->next = (struct loaded){0};
		open_new_io(in, &n);
		if (instance_write_ports_env(in, &e) || instance_open_notify(in, &e))
			tell_event(in, -1, EVENT_WARNING, e.text);
		forwarding_follow(in);
		feed_changes(in, r);
		tell_event(in, -1, EVENT_RELOADED, "the stack file was read again");
		if (r->has_ticket)
			control_reply(in->server, r->ticket, r->reply);
		else
			json_decref(r->reply);
		r->reply = NULL;
	}
	free(n.old_of);
	free(n.new_of);
	free(n.io);
	free(n.names);
}

static bool finish(struct instance *in)
{
	struct reload *r = in->reload;
	if (!r || r->clearing || in->takeover || !second_is_free(in))
		return false;
	for (size_t i = 0; i < r->changes.count; i++) {
		const struct service_change *change = &r->changes.items[i];
		if (change->wanted_index >= 0 || change->running_index < 0)
			continue;
		const struct service_run *run = keeper_run(in->keeper, change->running_index);
		if (service_detains(run) || run->hook.pid)
			return false;
	}
	take_over(in, r);
	reload_free(in);
	return true;
}

bool reload_continue(struct instance *in)
{
	return resume(in) || finish(in) || begin_next(in);
}
