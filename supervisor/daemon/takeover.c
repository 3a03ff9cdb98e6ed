#include "daemon/takeover.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/number.h"
#include "daemon/pending.h"
#include "daemon/requests.h"
#include "daemon/second.h"

enum { GRACE_MS = 30000 };

/* ---- how a service can be replaced ---- */

static bool passes_on(const struct instance *in, int service, size_t first)
{
	const struct service *s = service_at(in, service);
	for (size_t i = first; i < s->port_count; i++)
		if (port_at(in, service, i)->hold != HOLD_LISTEN)
			return false;
	return true;
}

/* Two processes of it can run at once, as far as their first `first` ports do not matter. */
static bool can_double(const struct instance *in, int service, size_t first)
{
	const struct service *s = service_at(in, service);
	return s->policy.type == TYPE_SERVICE && s->policy.move == MOVE_OVERLAP && !s->tty
		&& passes_on(in, service, first);
}

bool takeover_fits(const struct instance *in, int service)
{
	const struct service_run *run = keeper_run(in->keeper, service);
	bool serves = run->state == STATE_READY || run->state == STATE_UNHEALTHY;
	return serves && run->want == WANT_UP && service_at(in, service)->port_count
		&& can_double(in, service, 0);
}

static enum handover_kind kind_of(const struct instance *in, const struct takeover_wish *wish)
{
	if (wish->lost)
		return HANDOVER_LOST;
	if (!wish->port)
		return HANDOVER_SAME;
	bool runs = service_running(keeper_run(in->keeper, wish->service));
	return runs && can_double(in, wish->service, 1) ? HANDOVER_OVERLAP : HANDOVER_STOP_FIRST;
}

/* ---- the beginning ---- */

static int load_other(struct instance *in, struct takeover *t, struct error *e)
{
	const struct service *s = service_at(in, t->wish.service);
	if (t->wish.lost)
		return lost_claim(in, t, e);
	if (!t->wish.port)
		return 0;
	if (!s->has_main_port)
		return fail(e, EXIT_USAGE, "service '%s' has no port that could move", s->name);
	size_t row = (size_t)s->ports[0];
	t->port = (struct port_move){.state = in->paths.state,
		.claim = &in->claim,
		.port = &in->loaded.stack->ports[row],
		.row = row,
		.config_file = in->loaded.stack->file,
		.from = in->loaded.stack->ports[row].number,
		.to = t->wish.port};
	return load_with_port(in, row, t->wish.port, &t->other, e);
}

static int find_followers(struct instance *in, struct takeover *t, struct error *e)
{
	const struct stack *now = in->loaded.stack;
	const struct stack *next = t->wish.port ? t->other.stack : now;
	t->arena = arena_new();
	if (!t->arena || setjmp(*arena_on_failure(t->arena)))
		return fail(e, EXIT_FAILED, "out of memory");
	bool *running = arena_take(t->arena, ((size_t)now->service_count + 1) * sizeof *running);
	for (int i = 0; i < now->service_count; i++)
		running[i] = service_running(keeper_run(in->keeper, i));
	int count = handover_followers(t->arena, in->loaded.graph, now, next, t->wish.service,
		running, &t->followers);
	handover_begin(&t->plan, kind_of(in, &t->wish), count);
	return 0;
}

static void free_one(struct takeover *t)
{
	loaded_release(&t->other);
	arena_free(t->arena);
	list_release(&t->heard);
	json_decref(t->restarted);
	free(t);
}

/* ---- the end ---- */

static void tell_success(struct instance *in, const struct takeover *t)
{
	char shown[NUMBER_DURATION_SIZE];
	char text[REASON_SIZE];
	if (!t->wish.port || t->wish.lost)
		return;
	if (t->wish.grace_ms)
		reason_format(text, "moved from port %u to %u; the old port leads there for %s",
			t->port.from, t->port.to, number_show_duration(t->wish.grace_ms, shown));
	else
		reason_format(text, "moved from port %u to %u", t->port.from, t->port.to);
	tell_event(in, t->wish.service, EVENT_PORT, text);
}

static void tell_failure(struct instance *in, const struct takeover *t)
{
	char text[REASON_SIZE];
	if (t->wish.lost)
		return;
	if (t->wish.port)
		reason_format(text, "not moved to port %u: %.300s", t->wish.port, t->why.text);
	else
		reason_format(text, "not restarted, the old process goes on: %.300s", t->why.text);
	tell_event(in, t->wish.service, t->wish.port ? EVENT_PORT : EVENT_WARNING, text);
}

static void answer(struct instance *in, struct takeover *t)
{
	if (!t->wish.has_ticket)
		return;
	if (t->plan.back) {
		control_refuse(in->server, t->wish.ticket, &t->why);
		return;
	}
	control_reply(in->server, t->wish.ticket,
		json_pack("{s:s, s:s, s:i, s:i, s:O, s:I}", "service",
			service_at(in, t->wish.service)->name, "protocol",
			protocol_word(port_at(in, t->wish.service, 0)->protocol), "from",
			(int)t->port.from, "to", (int)t->port.to, "restarted", t->restarted, "grace_ms",
			(json_int_t)t->wish.grace_ms));
}

static void end(struct instance *in)
{
	struct takeover *t = in->takeover;
	in->takeover = NULL;
	if (t->plan.back)
		tell_failure(in, t);
	else
		tell_success(in, t);
	answer(in, t);
	if (t->plan.kind == HANDOVER_SAME && t->plan.back)
		pending_give_up(in, t->wish.service, &t->why);
	second_forget(in);
	free_one(t);
}

static void refuse(struct instance *in, const struct takeover_wish *wish, const struct error *e)
{
	if (wish->has_ticket)
		control_refuse(in->server, wish->ticket, e);
	else if (!wish->lost)
		pending_give_up(in, wish->service, e);
}

/* ---- the queue ---- */

static void add_wish(struct instance *in, struct takeover_wish wish)
{
	struct error e = {0};
	if (list_push(&in->wishes, wish))
		return;
	fail(&e, EXIT_FAILED, "the supervisor is out of memory");
	refuse(in, &wish, &e);
}

void takeover_restart(struct instance *in, int service)
{
	for (size_t i = 0; i < in->wishes.count; i++)
		if (in->wishes.items[i].service == service && !in->wishes.items[i].port)
			return;
	add_wish(in, (struct takeover_wish){.service = service});
}

static void begin(struct instance *in, const struct takeover_wish *wish)
{
	struct error e = {0};
	struct takeover *t = calloc(1, sizeof *t);
	int rc = t ? 0 : fail(&e, EXIT_FAILED, "the supervisor is out of memory");
	if (!rc) {
		*t = (struct takeover){.wish = *wish, .restarted = json_array()};
		rc = load_other(in, t, &e) || find_followers(in, t, &e) ? -1 : 0;
	}
	bool nothing = !rc && wish->lost && !t->wish.port;
	if (!rc && !nothing) {
		in->takeover = t;
		return;
	}
	if (rc)
		refuse(in, wish, &e);
	if (t)
		free_one(t);
	if (wish->lost)
		keeper_restart(in->keeper, wish->service, "its port was claimed anew");
}

/* It may have ended while it waited: then there is nothing to pass on. */
static bool is_plain_restart(const struct instance *in, const struct takeover_wish *wish)
{
	return !wish->port && !takeover_fits(in, wish->service);
}

/* Who has lost its port comes first: nothing of it runs. */
static bool find_lost(struct instance *in, struct takeover_wish *wish)
{
	for (int i = 0; i < in->loaded.stack->service_count; i++) {
		if (!in->io[i]->run.lost)
			continue;
		in->io[i]->run.lost = false;
		*wish = (struct takeover_wish){.service = i, .lost = true};
		return keeper_run(in->keeper, i)->want == WANT_UP;
	}
	return false;
}

static bool begin_next(struct instance *in)
{
	struct takeover_wish lost;
	if (in->takeover || in->reload || !second_is_free(in))
		return false;
	if (find_lost(in, &lost)) {
		begin(in, &lost);
		return true;
	}
	if (!in->wishes.count)
		return false;
	struct takeover_wish wish = in->wishes.items[0];
	list_remove(&in->wishes, 0);
	if (is_plain_restart(in, &wish))
		keeper_restart(in->keeper, wish.service, "asked to restart");
	else
		begin(in, &wish);
	return true;
}

bool takeover_continue(struct instance *in)
{
	bool fed = false;
	if (in->stopping)
		return false;
	while (begin_next(in))
		fed = true;
	struct takeover *t = in->takeover;
	while (t && t->plan.step != HANDOVER_END) {
		struct error e = {0};
		bool begins = !t->begun;
		enum step_state state = takeover_step(in, t, &e);
		fed |= begins;
		if (state == STEP_WAITS)
			return fed;
		if (state == STEP_FAILED && !t->plan.back) {
			t->why = e;
			takeover_say(in, t, "that failed; all goes back to what it was");
		}
		handover_next(&t->plan, state == STEP_DONE);
		t->begun = false;
	}
	if (t) {
		end(in);
		fed = true;
	}
	return fed;
}

int64_t takeover_deadline(const struct instance *in)
{
	const struct takeover *t = in->takeover;
	if (!t || in->stopping)
		return NO_DEADLINE;
	return t->look_at_ms < t->deadline_ms ? t->look_at_ms : t->deadline_ms;
}

bool takeover_moves(const struct instance *in)
{
	return in->takeover && in->takeover->wish.port;
}

void takeover_renumber(struct instance *in, const int *new_index)
{
	struct error e = {0};
	fail(&e, EXIT_FAILED, "the service is not in the stack file any more");
	for (size_t i = 0; i < in->wishes.count;) {
		struct takeover_wish *wish = &in->wishes.items[i];
		wish->service = new_index[wish->service];
		if (wish->service >= 0) {
			i++;
			continue;
		}
		if (wish->has_ticket)
			control_refuse(in->server, wish->ticket, &e);
		list_remove(&in->wishes, i);
	}
}

void takeover_abandon(struct instance *in)
{
	struct error e = {0};
	fail(&e, EXIT_FAILED, "the instance was stopped");
	if (in->takeover && in->takeover->wish.has_ticket)
		control_refuse(in->server, in->takeover->wish.ticket, &e);
	for (size_t i = 0; i < in->wishes.count; i++)
		if (in->wishes.items[i].has_ticket)
			control_refuse(in->server, in->wishes.items[i].ticket, &e);
	list_release(&in->wishes);
}

void takeover_free(struct instance *in)
{
	if (in->takeover)
		free_one(in->takeover);
	in->takeover = NULL;
	list_release(&in->wishes);
}

/* ---- the request ---- */

void takeover_request(struct instance *in, struct control_ticket ticket, const json_t *body)
{
	struct error e = {0};
	const char *name = json_string_value(json_object_get(body, "service"));
	const json_t *grace = json_object_get(body, "grace_ms");
	const struct service *s = name ? stack_service(in->loaded.stack, name) : NULL;
	json_int_t port = json_integer_value(json_object_get(body, "port"));
	struct takeover_wish wish = {.ticket = ticket, .has_ticket = true, .port = (uint16_t)port,
		.grace_ms = json_is_integer(grace) ? json_integer_value(grace) : GRACE_MS};
	if (in->stopping)
		fail(&e, EXIT_FAILED, "the instance is being stopped");
	else if (!s)
		no_such_service(in, name ? name : "", &e);
	else if (port < 1 || port > UINT16_MAX)
		fail(&e, EXIT_USAGE, "%lld is no port: 1 to 65535", (long long)port);
	else if (wish.grace_ms < 0)
		fail(&e, EXIT_USAGE, "the grace cannot be negative");
	if (e.code || !s) {
		control_refuse(in->server, ticket, &e);
		return;
	}
	wish.service = s->index;
	add_wish(in, wish);
}
