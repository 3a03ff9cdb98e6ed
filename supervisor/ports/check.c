#include <string.h>

#include "base/list.h"
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

/* `ports check`: one port that is wanted, row NULL for one of the range that no service uses. */
struct checking {
	const char *state;
	const struct claim *claim;
	struct port_check *check;
	const struct port *rows;
	size_t row_count;
	uint16_t *ports; /* everything wanted: the rows first, then the range */
	size_t count;
	bool strict;
	struct socket_list sockets;
	struct lease *leases;
	size_t lease_count;
};

static struct port_verdict verdict_of(const struct checking *c, uint16_t port, bool udp,
	const struct lease **lease)
{
	struct port_asker asker = {.state = c->state, .project_id = c->claim->project_id,
		.project = c->claim->project, .instance = c->claim->instance,
		.is_running = c->claim->outcome == CLAIM_RUNNING};
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

/* Nor is what another row would move to. */
static bool is_promised(const struct checking *c, uint16_t port)
{
	for (size_t i = 0; i < c->check->count; i++)
		if (c->check->items[i].move_to == port)
			return true;
	return false;
}

static uint16_t free_place(const struct checking *c, const struct port *row)
{
	uint16_t low = row->range_low, high = row->range_high;
	if (port_has_slot(row)) {
		low = c->claim->base_port;
		high = (uint16_t)(low + instance_slots(c->claim->spans) - 1);
	}
	for (int port = low; port && port <= high; port++) {
		const struct lease *lease;
		bool udp = row->protocol == PROTOCOL_UDP;
		if (!claim_avoids(c->claim, row, (uint16_t)port) && !is_wanted(c, (uint16_t)port) &&
			!is_promised(c, (uint16_t)port) &&
			verdict_of(c, (uint16_t)port, udp, &lease).class == CLASS_FREE)
			return (uint16_t)port;
	}
	return 0;
}

static bool may_move(const struct checking *c, const struct port *row)
{
	return !c->strict && !row->immutable && row->on_conflict != CONFLICT_FAIL &&
		(port_has_slot(row) || row->range_low) && !row->overridden;
}

static void add_conflict(struct checking *c, const struct port *row, uint16_t port,
	const struct port_verdict *v, const struct lease *lease)
{
	OWNED_TEXT line = {0};
	port_verdict_add(&line, v, lease);
	struct arena *arena = c->check->arena;
	uint16_t move_to = row && may_move(c, row) ? free_place(c, row) : 0;
	*arena_append(arena, c->check->items, c->check->count) = (struct port_conflict){
		.project = arena_string(arena, c->claim->project),
		.instance = c->claim->instance,
		.service = row ? arena_string(arena, row->service) : "",
		.port = port,
		.class = v->class,
		.is_protected = claim_protects(c->claim, port),
		.holder = v->holder,
		.text = arena_string(arena, text_string(&line)),
		.default_action = v->class == CLASS_OWN_STALE ? "stop"
			: !row ? "none" : move_to ? "move"
			: v->class == CLASS_TIME_WAIT ? "wait" : "fail",
		.move_to = v->class == CLASS_OWN_STALE ? 0 : move_to,
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

static size_t look_at(struct checking *c, uint16_t **out)
{
	struct arena *arena = c->check->arena;
	size_t count = 0;
	*out = NULL;
	for (size_t i = 0; i < c->count; i++)
		*arena_append(arena, *out, count) = c->ports[i];
	for (size_t i = 0; i < c->row_count; i++)
		for (int port = c->rows[i].range_low; port && port <= c->rows[i].range_high; port++)
			*arena_append(arena, *out, count) = (uint16_t)port;
	return count;
}

int ports_check(const char *state, const struct claim *claim, const struct port *ports,
	size_t count, bool strict, struct port_check *check, struct error *e)
{
	struct registry *r = NULL;
	struct checking c = {.state = state, .claim = claim, .check = check, .row_count = count,
		.strict = strict};
	if (look_begin(&check->arena, state, &r, e))
		return -1;
	int result = look_read_leases(r, NULL, check->arena, &c.leases, &c.lease_count, e);
	registry_close(r);
	struct port *rows = arena_take(check->arena, (count + 1) * sizeof *rows);
	if (count)
		memcpy(rows, ports, count * sizeof *rows);
	c.rows = rows;
	if (result || claim_preview(claim, rows, count, e))
		return -1;
	collect(&c);
	uint16_t *all;
	size_t all_count = look_at(&c, &all);
	if (!all_count)
		return 0;
	result = look_see(all, all_count, &c.sockets, &check->owners, e);
	if (!result) {
		settle_pool(&c, rows);
		check_all(&c);
	}
	list_release(&c.sockets);
	return result;
}
