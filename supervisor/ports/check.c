#include "ports/check.h"

#include <string.h>

#include "base/list.h"
#include "ports/claim_parts.h"
#include "ports/kin.h"
#include "ports/look_parts.h"
#include "ports/policy.h"
#include "ports/pool.h"

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
	uint16_t *seen; /* everything looked at: these and the rows' fallback ranges */
	size_t seen_count;
	struct socket_list sockets;
	struct lease *leases;
	size_t lease_count;
};

static struct port_verdict verdict_of(const struct checking *c, uint16_t port, bool udp,
	const struct lease **lease)
{
	const struct claim *claim = c->claim;
	struct port_asker asker = {.state = c->state, .project_id = claim->project_id,
		.project = claim->project, .instance = claim->instance,
		.is_running = claim->outcome == CLAIM_RUNNING, .protects = claim->avoided,
		.protect_count = claim->protect_count};
	*lease = look_lease_of(c->leases, c->lease_count, port, udp);
	return port_classify(&asker, port, udp, 0, &c->sockets, &c->check->owners, *lease);
}

/* Connections on a port of the instance that runs are its own clients. */
static bool is_conflict(const struct checking *c, const struct port_verdict *v)
{
	bool running = c->claim->outcome == CLAIM_RUNNING;
	if (v->class == CLASS_FREE || v->is_own)
		return false;
	return !running || (v->class != CLASS_TIME_WAIT && v->class != CLASS_EPHEMERAL);
}

static bool is_wanted(const struct checking *c, uint16_t port)
{
	for (size_t i = 0; i < c->row_count; i++)
		if (c->rows[i].number == port)
			return true;
	return false;
}

static bool is_promised(const struct checking *c, uint16_t port)
{
	for (size_t i = 0; i < c->check->count; i++)
		if (c->check->items[i].plan.move_to == port)
			return true;
	return false;
}

/* A port that was not among those looked at: emergency ports, numbers that somebody chose. */
static bool is_free_now(uint16_t port, bool udp)
{
	struct sockets sockets;
	struct socket_list found = {0};
	sockets_init(&sockets);
	bool is_free = !sockets_all(&sockets, &port, 1, true, &found, NULL);
	for (size_t i = 0; is_free && i < found.count; i++)
		is_free = found.items[i].udp != udp;
	list_release(&found);
	sockets_release(&sockets);
	return is_free;
}

static bool is_free(const struct checking *c, uint16_t port, bool udp)
{
	for (size_t i = 0; i < c->seen_count; i++) {
		if (c->seen[i] != port)
			continue;
		const struct lease *lease;
		struct port_verdict v = verdict_of(c, port, udp, &lease);
		/* The placeholder of the supervisor, for a port that no service uses. */
		bool spare = v.is_own && v.socket && v.socket->state == SOCKET_BOUND;
		return v.class == CLASS_FREE || spare;
	}
	return is_free_now(port, udp);
}

static bool on_place(void *self, const struct conflict *conflict, uint16_t port)
{
	const struct checking *c = self;
	return !claim_avoids(c->claim, conflict->row, port) && !is_wanted(c, port) &&
		!is_promised(c, port) && is_free(c, port, conflict->udp);
}

static struct conflict plan_of(struct checking *c, const struct port *row, uint16_t port,
	const struct port_verdict *v)
{
	struct conflict plan = {.row = row, .port = port, .udp = row && port_is_udp(row),
		.class = v->class, .wait_ms = v->wait_ms};
	plan.untouchable = claim_obstacle(
		c->claim, port, plan.udp, v, &c->sockets, &c->check->owners);
	resolve_decide(&c->rules, &plan);
	resolve_place(&c->rules, &plan, on_place, c);
	return plan;
}

static void add_conflict(struct checking *c, const struct port *row, uint16_t port,
	const struct port_verdict *v, const struct lease *lease)
{
	OWNED_TEXT line = {0};
	port_verdict_add(&line, v, lease);
	struct arena *arena = c->check->arena;
	struct conflict plan = plan_of(c, row, port, v);
	c->check->wanted += row != NULL;
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
		const struct lease *lease;
		bool udp = row->protocol == PROTOCOL_UDP;
		if (row->source != PORT_POOL || pool_home(c->claim, row) == row->number)
			continue;
		for (uint16_t port; (port = pool_next(&walk));) {
			if ((port != row->number && is_wanted(c, port)) ||
				verdict_of(c, port, udp, &lease).class != CLASS_FREE)
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
		bool udp = ours && row->protocol == PROTOCOL_UDP;
		if (!ours && (is_wanted(c, c->ports[i]) || claim_avoids(c->claim, NULL, c->ports[i])))
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

/* The ports of the rows, of the range, and of the rows' fallback ranges. */
static void collect(struct checking *c)
{
	struct arena *arena = c->check->arena;
	int slots = c->claim->base_port ? instance_slots(c->claim->spans) : 0;
	for (size_t i = 0; i < c->row_count; i++)
		*arena_append(arena, c->ports, c->count) = c->rows[i].number;
	for (int slot = 0; slot < slots; slot++)
		*arena_append(arena, c->ports, c->count) = (uint16_t)(c->claim->base_port + slot);
}

static void look_further(struct checking *c)
{
	struct arena *arena = c->check->arena;
	for (size_t i = 0; i < c->count; i++)
		*arena_append(arena, c->seen, c->seen_count) = c->ports[i];
	for (size_t i = 0; i < c->row_count; i++)
		for (int port = c->rows[i].range_low; port && port <= c->rows[i].range_high; port++)
			*arena_append(arena, c->seen, c->seen_count) = (uint16_t)port;
}

int ports_check(const char *state, const struct claim *claim, const struct port *ports,
	size_t count, const struct claim_options *options, struct port_check *check, struct error *e)
{
	static const struct claim_options none = {.strategy = STRATEGY_INTELLIGENT};
	struct registry *r = NULL;
	struct checking c = {.state = state, .claim = claim, .check = check, .row_count = count,
		.rules = claim_rules(claim, options ? options : &none)};
	if (look_begin(&check->arena, state, &r, e))
		return -1;
	int result = look_read_leases(r, NULL, check->arena, &c.leases, &c.lease_count, e);
	registry_close(r);
	struct port *rows = arena_copy(check->arena, ports, count * sizeof *rows);
	c.rows = rows;
	if (result || claim_preview(claim, rows, count, e))
		return -1;
	collect(&c);
	look_further(&c);
	if (!c.seen_count)
		return 0;
	result = look_see(c.seen, c.seen_count, &c.sockets, &check->owners, e);
	kin_mark_owners(state, &check->owners);
	if (!result) {
		settle_pool(&c, rows);
		check_all(&c);
	}
	list_release(&c.sockets);
	return result;
}
