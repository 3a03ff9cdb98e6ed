#include "claim/check.h"

#include <string.h>

#include "base/list.h"
#include "claim/leased.h"
#include "claim/parts.h"
#include "claim/pool.h"
#include "orphans/kin.h"
#include "ports/policy.h"

void port_check_release(struct port_check *check)
{
	owners_release(&check->owners);
	if (check->arena)
		arena_free(check->arena);
	*check = (struct port_check){0};
}

struct checking {
	const char *state;
	const struct claim *claim;
	struct resolve_rules rules;
	struct port_check *check;
	const struct port *rows;
	size_t row_count;
	uint16_t *ports; /* everything wanted: the rows first, then the range */
	size_t count;
	struct socket_list sockets;
	struct lease *leases;
	size_t lease_count;
};

/* Nothing but a bind can tell whether a launch would get it. */
static bool is_open(enum port_class class)
{
	return class == CLASS_FREE || class == CLASS_TIME_WAIT || class == CLASS_EPHEMERAL;
}

static struct port_verdict verdict_of(const struct checking *c, uint16_t port, bool udp,
	const struct lease **lease)
{
	const struct claim *claim = c->claim;
	struct port_asker asker = {.state = c->state, .project_id = claim->project_id,
		.project = claim->project, .instance = claim->instance,
		.is_running = claim->outcome == CLAIM_RUNNING, .protects = claim->avoided,
		.protect_count = claim->protect_count};
	*lease = leased_at(c->leases, c->lease_count, port, udp);
	struct port_verdict v =
		port_classify(&asker, port, udp, 0, &c->sockets, &c->check->owners, *lease);
	if (!is_open(v.class))
		return v;
	struct hold hold = HOLD_NONE;
	int number = claim_take(&hold, port, udp, &v);
	hold_close(&hold);
	if (!number)
		return (struct port_verdict){.class = CLASS_FREE};
	return port_classify(&asker, port, udp, number, &c->sockets, &c->check->owners, *lease);
}

/* Connections on a port of the instance that runs are its own clients. */
static bool is_conflict(const struct checking *c, const struct port_verdict *v)
{
	bool running = c->claim->outcome == CLAIM_RUNNING;
	if (v->class == CLASS_FREE || v->is_own)
		return false;
	return !running || (v->class != CLASS_TIME_WAIT && v->class != CLASS_EPHEMERAL);
}

static bool is_wanted(const struct checking *c, uint16_t port, bool udp)
{
	for (size_t i = 0; i < c->row_count; i++)
		if (c->rows[i].number == port && port_is_udp(&c->rows[i]) == udp)
			return true;
	return false;
}

static bool is_promised(const struct checking *c, uint16_t port, bool udp)
{
	for (size_t i = 0; i < c->check->count; i++)
		if (c->check->items[i].plan.move_to == port && c->check->items[i].plan.udp == udp)
			return true;
	return false;
}

/* What the supervisor of a running instance keeps for a port that no service uses. */
static bool is_spare(const struct checking *c, uint16_t port, bool udp)
{
	const struct lease *lease = leased_at(c->leases, c->lease_count, port, udp);
	return c->claim->outcome == CLAIM_RUNNING && lease && lease->kind == LEASE_SPARE &&
		lease->project_id == c->claim->project_id && lease->instance == c->claim->instance;
}

static bool on_place(void *self, const struct conflict *conflict, uint16_t port)
{
	const struct checking *c = self;
	bool udp = conflict->udp;
	return !claim_avoids(c->claim, conflict->row, port) && !is_wanted(c, port, udp) &&
		!is_promised(c, port, udp) &&
		(hold_could_take(port, udp) || is_spare(c, port, udp));
}

static struct conflict plan_of(const struct checking *c, const struct port *row, uint16_t port,
	const struct port_verdict *v)
{
	struct conflict plan = {.row = row, .port = port, .udp = row && port_is_udp(row),
		.class = v->class, .wait_ms = v->wait_ms};
	plan.untouchable = claim_obstacle(
		c->claim, port, plan.udp, v, &c->sockets, &c->check->owners);
	resolve_decide(&c->rules, &plan);
	return plan;
}

static void add_conflict(struct checking *c, const struct port *row, uint16_t port,
	const struct port_verdict *v, const struct lease *lease)
{
	OWNED_TEXT line = {0};
	port_verdict_add(&line, v, lease);
	struct arena *arena = c->check->arena;
	struct conflict plan = plan_of(c, row, port, v);
	*arena_append(arena, c->check->items, c->check->count) = (struct port_conflict){
		.project = arena_string(arena, c->claim->project),
		.instance = c->claim->instance,
		.service = row ? arena_string(arena, row->service) : "",
		.name = row ? arena_string(arena, row->name) : "",
		.line = row ? row->line : 0,
		.holder = v->holder,
		.text = arena_string(arena, text_string(&line)),
		.plan = plan,
	};
}

/* A pool row without a port of its own takes the first that nobody has. */
static void settle_pool(struct checking *c, struct port *rows)
{
	for (size_t i = 0; i < c->row_count; i++) {
		struct port *row = &rows[i];
		struct pool_walk walk = {.claim = c->claim, .row = row};
		bool udp = port_is_udp(row);
		if (row->source != PORT_POOL || pool_home(c->claim, row) == row->number)
			continue;
		for (uint16_t port; (port = pool_next(&walk));) {
			if ((port != row->number && is_wanted(c, port, udp)) ||
				!hold_could_take(port, udp))
				continue;
			row->number = c->ports[i] = port;
			break;
		}
	}
}

static void check_all(struct checking *c)
{
	for (size_t i = 0; i < c->count; i++) {
		bool ours = i < c->row_count;
		const struct port *row = ours ? &c->rows[i] : NULL;
		const struct lease *lease;
		bool udp = ours && port_is_udp(row);
		if (!ours && (is_wanted(c, c->ports[i], false) || claim_avoids(c->claim, NULL, c->ports[i])))
			continue;
		struct port_verdict v = verdict_of(c, c->ports[i], udp, &lease);
		const struct reservation *reserved =
			ours ? claim_reserved(c->claim, row, c->ports[i]) : NULL;
		if (reserved && !v.is_own)
			v = (struct port_verdict){.class = CLASS_RESERVED, .reserved = reserved};
		bool quiet = !ours && (v.class == CLASS_TIME_WAIT || v.class == CLASS_EPHEMERAL);
		if (is_conflict(c, &v) && !quiet)
			add_conflict(c, row, c->ports[i], &v, lease);
	}
}

static bool moves(const struct conflict *plan)
{
	return plan->action == RESOLVE_MOVE || plan->action == RESOLVE_ASK;
}

/* As the launch does: those that move get their places, and when one fails the others are left alone. */
static void place_all(struct checking *c)
{
	bool fails = false;
	for (size_t i = 0; i < c->check->count; i++) {
		struct conflict *plan = &c->check->items[i].plan;
		if (moves(plan))
			resolve_place(&c->rules, plan, on_place, c);
		fails |= resolve_is_fatal(plan);
	}
	for (size_t i = 0; i < c->check->count; i++) {
		struct conflict *plan = &c->check->items[i].plan;
		if (!moves(plan))
			resolve_place(&c->rules, plan, on_place, c);
		if (fails && c->claim->outcome != CLAIM_RUNNING)
			resolve_leave(plan);
	}
}

/* A service that is optional does without its port; a running instance has lost it. */
static bool is_in_the_way(const struct checking *c, const struct conflict *plan)
{
	bool running = c->claim->outcome == CLAIM_RUNNING;
	return plan->row && (running || plan->action != RESOLVE_FAIL || resolve_is_fatal(plan));
}

static void count_wanted(struct checking *c)
{
	for (size_t i = 0; i < c->check->count; i++)
		c->check->wanted += is_in_the_way(c, &c->check->items[i].plan);
}

static void collect(struct checking *c)
{
	struct arena *arena = c->check->arena;
	int slots = c->claim->base_port ? instance_slots(c->claim->spans) : 0;
	for (size_t i = 0; i < c->row_count; i++)
		*arena_append(arena, c->ports, c->count) = c->rows[i].number;
	for (int slot = 0; slot < slots; slot++)
		*arena_append(arena, c->ports, c->count) = (uint16_t)(c->claim->base_port + slot);
}

int ports_check(const char *state, const struct claim *claim, const struct port *ports,
	size_t count, const struct claim_options *options, struct port_check *check, struct error *e)
{
	static const struct claim_options none = {.strategy = STRATEGY_INTELLIGENT};
	struct registry *r = NULL;
	options = options ? options : &none;
	struct checking c = {.state = state, .claim = claim, .check = check, .row_count = count,
		.rules = claim_rules(claim, options)};
	if (leased_begin(&check->arena, state, &r, e))
		return -1;
	int result = leased_read(r, NULL, check->arena, &c.leases, &c.lease_count, e);
	registry_close(r);
	struct port *rows = arena_copy(check->arena, ports, count * sizeof *rows);
	c.rows = rows;
	if (result || claim_preview(claim, rows, count, e))
		return -1;
	collect(&c);
	if (!c.count)
		return 0;
	result = leased_see(c.ports, c.count, &c.sockets, e);
	if (!result) {
		/* All of them: what may be stopped is told. */
		owners_find(&c.sockets, &check->owners);
		kin_mark_owners(state, &check->owners);
		settle_pool(&c, rows);
		check_all(&c);
		place_all(&c);
		count_wanted(&c);
	}
	list_release(&c.sockets);
	return result;
}
