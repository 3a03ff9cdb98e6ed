/*
 * Ports that could not be had at once: who has them, and what of that can be ended or waited for.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/own.h"
#include "claim/parts.h"
#include "orphans/leftovers.h"
#include "ports/evict.h"
#include "registry/lock.h"

/* The kernel's timer for a minute may be seconds late. */
enum { LEFTOVER_MS = 2000, LATE_MS = 5000, LOOK_AGAIN_MS = 50 };

static int read_leases(struct boarding *b, struct error *e)
{
	struct owner_mark self;
	owner_mark_self(&self);
	struct registry *r = registry_open(b->state, REGISTRY_READ, REGISTRY_LOOP_MS, NULL, e);
	if (!r)
		return -1;
	int result = 0;
	for (size_t i = 0; i < b->troubles.count && !result; i++) {
		struct trouble *t = &b->troubles.items[i];
		struct lease *lease = arena_new_object(b->claim->arena, struct lease);
		int got = lease_find(r, self.netns, t->udp, t->port, b->claim->arena, lease, e);
		t->lease = got == 1 ? lease : NULL;
		result = got < 0 ? -1 : 0;
	}
	registry_close(r);
	return result;
}

static void classify(struct boarding *b, struct trouble *t)
{
	struct port_asker asker = {.state = b->state, .project_id = b->claim->project_id,
		.project = b->claim->project, .instance = b->claim->instance,
		.run_id = b->claim->run_id, .protects = b->claim->avoided,
		.protect_count = b->claim->protect_count};
	OWNED_TEXT line = {0};
	t->verdict = port_classify(&asker, t->port, t->udp, t->number, &b->seen, &b->owners,
		t->lease);
	if (t->reserved)
		t->verdict = (struct port_verdict){
			.class = CLASS_RESERVED, .reserved = t->reserved};
	port_verdict_add(&line, &t->verdict, t->lease);
	t->holder = arena_string(b->claim->arena, text_string(&line));
}

/* One look for all of them; nothing is bound or connected to find out. */
static int look(struct boarding *b, struct error *e)
{
	OWNED(uint16_t) ports = calloc(b->troubles.count, sizeof *ports);
	if (!ports)
		return boarding_no_memory(e);
	for (size_t i = 0; i < b->troubles.count; i++)
		ports[i] = b->troubles.items[i].port;
	list_release(&b->seen);
	owners_release(&b->owners);
	if (sockets_all(&b->sockets, ports, b->troubles.count, true, &b->seen, e) ||
		read_leases(b, e))
		return -1;
	claim_find_owners(b->state, b->options, &b->seen, &b->owners);
	for (size_t i = 0; i < b->troubles.count; i++)
		classify(b, &b->troubles.items[i]);
	return 0;
}

static bool is_of_project(const struct claim *claim, const struct owner *holder)
{
	return holder && holder->project && !strcmp(holder->project, claim->project);
}

const char *claim_obstacle(const struct claim *claim, uint16_t port, bool udp,
	const struct port_verdict *verdict, const struct socket_list *sockets,
	const struct owner_list *owners)
{
	if (verdict->class != CLASS_OWN_STALE)
		return evict_obstacle(
			port, udp, sockets, owners, claim->avoided, claim->protect_count);
	return is_of_project(claim, verdict->holder) ? NULL : "another project left it behind";
}

static void plan(struct boarding *b)
{
	const struct claim *claim = b->claim;
	struct resolve_rules rules = claim_rules(claim, b->options);
	for (size_t i = 0; i < b->troubles.count; i++) {
		struct trouble *t = &b->troubles.items[i];
		struct conflict *c = &t->plan;
		c->row = t->row < 0 ? NULL : &b->ports[t->row];
		c->port = t->port;
		c->udp = t->udp;
		c->class = t->verdict.class;
		c->wait_ms = t->verdict.wait_ms;
		c->untouchable = claim_obstacle(claim, t->port, t->udp, &t->verdict, &b->seen,
			&b->owners);
		resolve_decide(&rules, c);
	}
}

static void tell(const struct boarding *b, const struct text *line)
{
	if (b->options->on_progress)
		b->options->on_progress(b->options->self, text_string(line));
}

/* ---- stopping ---- */

static void append_owners(struct owner_list *to, struct owner_list *from)
{
	for (size_t i = 0; i < from->count; i++)
		if (!list_push(to, from->items[i]))
			owner_release(&from->items[i]);
	list_release(from);
}

int boarding_remove_leftovers(struct boarding *b, int instance, struct error *e)
{
	struct owner_list removed = {0};
	int ms = b->options->wait_ms ? b->options->wait_ms : LEFTOVER_MS;
	int fd = -1;
	/* Another number of our project: only while nobody lives there, and nobody can move in. */
	int got = instance == b->claim->instance
		? 1 : instance_lock(b->state, b->claim->project_id, instance, 1, &fd, e);
	if (got <= 0)
		return got;
	int result = leftovers_remove(b->state, b->claim->project, instance,
		instance == b->claim->instance ? b->claim->run_id : NULL, ms, &removed, e);
	append_owners(&b->claim->removed, &removed);
	if (fd >= 0)
		close(fd);
	return result;
}

/* The whole run is ended, not only who listens. */
static int stop_leftover(struct boarding *b, const struct trouble *t, struct error *e)
{
	const struct owner *holder = t->verdict.holder;
	return is_of_project(b->claim, holder)
		? boarding_remove_leftovers(b, holder->instance, e) : 0;
}

static int stop_stranger(struct boarding *b, const struct trouble *t, struct error *e)
{
	const struct claim *claim = b->claim;
	struct resolve_rules rules = claim_rules(claim, b->options);
	const struct resolve_choice *choice = resolve_choice_of(&rules, t->plan.row);
	OWNED_TEXT why = {0};
	text_addf(&why, "port %u of service '%s': %s", t->port, t->plan.row->service,
		t->plan.reason);
	struct eviction order = {.state = b->state, .project_id = claim->project_id,
		.instance = claim->instance, .port = t->port, .udp = t->udp,
		.protects = claim->avoided, .protect_count = claim->protect_count,
		.why = text_string(&why), .grace_ms = b->options->wait_ms};
	if (choice) {
		order.pid = choice->pid;
		order.start_ticks = choice->start_ticks;
	}
	OWNED_TEXT line = {0};
	const struct owner *holder = t->verdict.holder;
	text_addf(&line, "stopping pid %d (%s) on port %u of service '%s'",
		holder ? (int)holder->pid : 0, holder && holder->name ? holder->name : "?", t->port,
		t->plan.row->service);
	tell(b, &line);
	struct owner_list ended = {0};
	int result = evict(&order, &ended, e);
	owners_release(&ended);
	return result;
}

/* Who could not be stopped is a conflict like any other; without an audit nothing goes on. */
static int stop_all(struct boarding *b, bool only_ours, bool *acted, struct error *e)
{
	for (size_t i = 0; i < b->troubles.count; i++) {
		struct trouble *t = &b->troubles.items[i];
		struct error why = {0};
		if (t->plan.action != RESOLVE_STOP || (only_ours && resolve_is_costly(&t->plan)))
			continue;
		*acted = t->plan.stopped = true;
		if (t->verdict.class == CLASS_OWN_STALE) {
			if (stop_leftover(b, t, e))
				return -1;
		} else if (stop_stranger(b, t, &why)) {
			if (why.code == EXIT_REGISTRY) {
				*e = why;
				return -1;
			}
			text_addf(&b->claim->notices, "%s\n", why.text);
		}
	}
	return 0;
}

/* ---- trying again ---- */

int claim_take(struct hold *hold, uint16_t port, bool udp, const struct port_verdict *verdict)
{
	const struct socket_entry *s = verdict->socket;
	struct error why = {0};
	bool lingers = !udp && s &&
		(s->state == SOCKET_TIME_WAIT || s->state == SOCKET_CONNECTED);
	if (!hold_take(hold, port, udp, &why) || (lingers && !hold_take_beside(hold, port, NULL)))
		return 0;
	return why.number;
}

static bool try_again(struct boarding *b, struct trouble *t)
{
	struct pooled item = {.hold = HOLD_NONE, .fresh = true, .row = t->row};
	t->number = claim_take(&item.hold, t->port, t->udp, &t->verdict);
	if (t->number)
		return false;
	if (list_push(&b->pool, item))
		return true;
	hold_close(&item.hold);
	return false;
}

static void retry(struct boarding *b)
{
	for (size_t i = 0; i < b->troubles.count;) {
		struct trouble *t = &b->troubles.items[i];
		if (t->reserved || !try_again(b, t)) {
			i++;
			continue;
		}
		/* What was only in the way for a moment is not worth a word. */
		if (t->plan.stopped || t->plan.waited)
			(void)list_push(&b->settled, *t);
		list_remove(&b->troubles, i);
	}
}

static bool lingers(struct boarding *b)
{
	bool found = false;
	for (size_t i = 0; i < b->troubles.count && !found; i++) {
		const struct trouble *t = &b->troubles.items[i];
		struct socket_list now = {0};
		if (t->plan.action == RESOLVE_WAIT &&
			!sockets_all(&b->sockets, &t->port, 1, false, &now, NULL))
			for (size_t k = 0; k < now.count && !found; k++)
				found = now.items[k].state == SOCKET_TIME_WAIT;
		list_release(&now);
	}
	return found;
}

static bool is_given_up(const struct boarding *b)
{
	return b->options->is_given_up && b->options->is_given_up(b->options->self);
}

/* Where the caller sets the patience, something else waits for us meanwhile. */
static void wait_for(struct boarding *b, uint32_t ms)
{
	int64_t deadline = clock_now_ms() + ms + (b->options->wait_ms ? 0 : LATE_MS);
	while (lingers(b) && clock_now_ms() < deadline && !is_given_up(b))
		(void)poll(NULL, 0, LOOK_AGAIN_MS);
}

/* All of them at once: the longest decides. */
static bool wait_all(struct boarding *b)
{
	uint32_t most = 0;
	bool any = false;
	for (size_t i = 0; i < b->troubles.count; i++) {
		struct trouble *t = &b->troubles.items[i];
		if (t->plan.action != RESOLVE_WAIT)
			continue;
		OWNED_TEXT line = {0};
		text_addf(&line, "port %u of service '%s' is %s; waiting for it", t->port,
			t->plan.row->service, t->holder);
		tell(b, &line);
		any = t->plan.waited = true;
		most = t->plan.wait_ms > most ? t->plan.wait_ms : most;
	}
	if (!any)
		return false;
	wait_for(b, most);
	retry(b);
	return true;
}

/*
 * Before a person has answered, and when the launch fails anyway, nobody is stopped and nothing is waited
 * for. Own leftovers are ended all the same.
 */
static bool is_held_back(struct boarding *b)
{
	bool asks = false, costs = false, fails = false;
	for (size_t i = 0; i < b->troubles.count; i++) {
		const struct conflict *c = &b->troubles.items[i].plan;
		asks |= c->action == RESOLVE_ASK;
		costs |= resolve_is_costly(c);
		fails |= resolve_is_fatal(c);
	}
	fails = fails || (costs && !boarding_has_places(b));
	for (size_t i = 0; fails && i < b->troubles.count; i++)
		resolve_leave(&b->troubles.items[i].plan);
	return asks || fails;
}

/* Each port is stopped for and waited for once at most: then the plan has nothing more to do here. */
int boarding_free(struct boarding *b, struct error *e)
{
	for (int round = 0; b->troubles.count; round++) {
		bool acted = false;
		if (look(b, e))
			return -1;
		if (!round)
			retry(b);
		plan(b);
		bool held_back = is_held_back(b);
		if (stop_all(b, held_back, &acted, e))
			return -1;
		if (acted)
			retry(b);
		if (!held_back)
			acted |= wait_all(b);
		if (is_given_up(b))
			return fail(e, EXIT_FAILED, "it was given up while it waited for a port");
		/* Nothing has changed since the look: another one would tell the same. */
		if (!acted)
			break;
	}
	return 0;
}
