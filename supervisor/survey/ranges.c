#include "survey/ranges.h"

#include <string.h>

#include "base/words.h"
#include "claim/pool.h"
#include "listeners/owner.h"
#include "ports/policy.h"
#include "registry/instances.h"
#include "registry/leases.h"

WORDS(range_kind_word, range_kind, RANGE_KINDS)

struct surveying {
	struct arena *arena;
	const struct range_wish *wish;
	struct range_list *out;
	struct claim machine; /* nobody's: reservations, pool and blocks of the machine */
	struct project *projects;
	size_t project_count;
	struct lease *leases;
	size_t lease_count;
};

/* ---- ranges ---- */

static struct inhabited_range *add(struct surveying *s, enum range_kind kind, struct named_range range,
	bool own)
{
	struct inhabited_range *row = arena_append(s->arena, s->out->items, s->out->count);
	*row = (struct inhabited_range){.kind = kind, .range = range, .block = -1, .own = own};
	return row;
}

static void add_pool(struct surveying *s)
{
	bool own = s->wish->pool.low != 0;
	struct port row = {.service = "", .name = "", .source = PORT_POOL};
	struct named_range pool = s->wish->pool;
	if (!own) {
		pool_preview(&s->machine, &row, 1);
		pool.low = row.range_low;
		pool.high = row.range_high;
	}
	pool.name = "pool";
	pool.aliases = "";
	pool.text = "for `port = pool`";
	int block = own ? -1 : block_of_port(s->machine.ports_base, pool.low);
	add(s, RANGE_POOL, pool, own)->block = block;
}

static const struct project *project_of(const struct surveying *s, int64_t id)
{
	for (size_t i = 0; i < s->project_count; i++)
		if (s->projects[i].id == id)
			return &s->projects[i];
	return NULL;
}

static void add_blocks(struct surveying *s)
{
	for (size_t i = 0; i < s->machine.block_count; i++) {
		const struct block_row *row = &s->machine.blocks[i];
		const struct project *project = project_of(s, row->project_id);
		uint16_t low = block_port(s->machine.ports_base, row->block);
		struct named_range range = {.name = project ? project->name : "?", .low = low,
			.high = (uint16_t)(low + BLOCK_PORTS - 1), .aliases = "",
			.text = project ? project->path : ""};
		add(s, RANGE_BLOCK, range, false)->block = row->block;
	}
}

static bool is_type(const char *name)
{
	const struct named_range *type = type_range_find(name);
	return type && !strcmp(type->name, name);
}

static const struct named_range *own_range(const struct surveying *s, const char *name)
{
	for (size_t i = 0; i < s->wish->range_count; i++)
		if (!strcmp(s->wish->ranges[i].name, name))
			return &s->wish->ranges[i];
	return NULL;
}

static void add_types(struct surveying *s)
{
	for (size_t i = 0; i < TYPE_RANGES; i++) {
		struct named_range range = type_ranges[i];
		const struct named_range *own = own_range(s, range.name);
		range.low = own ? own->low : range.low;
		range.high = own ? own->high : range.high;
		add(s, RANGE_TYPE, range, own != NULL);
	}
	for (size_t i = 0; i < s->wish->range_count; i++) {
		const struct named_range *range = &s->wish->ranges[i];
		if (!is_type(range->name) && own_range(s, range->name) == range)
			add(s, RANGE_TYPE, *range, true);
	}
}

static void add_ranges(struct surveying *s)
{
	struct named_range emergency = s->wish->emergency;
	s->out->ports_base = s->machine.ports_base;
	emergency.name = "emergency";
	emergency.aliases = "";
	emergency.text = "where a service goes that finds no other port";
	add_pool(s);
	add_blocks(s);
	add_types(s);
	for (size_t i = 0; i < LEGACY_RANGES; i++)
		add(s, RANGE_LEGACY, legacy_ranges[i], false);
	if (emergency.low)
		add(s, RANGE_EMERGENCY, emergency, false);
}

/* ---- inhabitants ---- */

static bool is_shown(const struct surveying *s, uint16_t port)
{
	for (size_t i = 0; i < s->out->count; i++)
		if (port >= s->out->items[i].range.low && port <= s->out->items[i].range.high)
			return true;
	return false;
}

static const char *process_of(struct surveying *s, const struct owner_list *owners, uint64_t inode)
{
	for (size_t i = 0; inode && i < owners->count; i++) {
		const struct owner *owner = &owners->items[i];
		if (owner->inode == inode && owner->pid)
			return arena_format(s->arena, "%s (pid %d)",
				owner->name ? owner->name : "?", (int)owner->pid);
	}
	return NULL;
}

static struct inhabitant *inhabitant_at(struct inhabitant *places[], struct surveying *s,
	uint16_t port)
{
	if (!places[port]) {
		places[port] = arena_new_object(s->arena, struct inhabitant);
		places[port]->port = port;
		places[port]->service = "";
	}
	return places[port];
}

static void add_listeners(struct surveying *s, struct inhabitant *places[],
	const struct socket_list *seen, const struct owner_list *owners)
{
	for (size_t i = 0; i < seen->count; i++) {
		const struct socket_entry *socket = &seen->items[i];
		struct inhabitant *row = inhabitant_at(places, s, socket->port);
		const char *process = process_of(s, owners, socket->inode);
		row->listening = true;
		row->process = process ? process : row->process;
	}
}

static void add_leases(struct surveying *s, struct inhabitant *places[])
{
	struct owner_mark self;
	owner_mark_self(&self);
	for (size_t i = 0; i < s->lease_count; i++) {
		const struct lease *lease = &s->leases[i];
		if (lease->netns != self.netns || !lease->service[0] || !is_shown(s, lease->port))
			continue;
		struct inhabitant *row = inhabitant_at(places, s, lease->port);
		row->project = lease->project;
		row->instance = lease->instance;
		row->service = lease->service;
	}
}

/* Who lies in two ranges is told in both: 8080 is legacy, and of whoever takes core's place. */
static void settle(struct surveying *s, struct inhabitant *places[])
{
	for (size_t i = 0; i < s->out->count; i++) {
		struct inhabited_range *row = &s->out->items[i];
		for (int port = row->range.low; port <= row->range.high; port++)
			if (places[port])
				*arena_append(s->arena, row->inhabitants, row->count) = *places[port];
	}
}

static int look(struct surveying *s, struct error *e)
{
	struct sockets sockets;
	struct socket_list seen = {0};
	struct owner_list owners = {0};
	size_t kept = 0;
	sockets_init(&sockets);
	int result = sockets_dump(&sockets, KIND_LISTEN, 1, UINT16_MAX, &seen, e);
	sockets_release(&sockets);
	for (size_t i = 0; i < seen.count; i++)
		if (is_shown(s, seen.items[i].port))
			seen.items[kept++] = seen.items[i];
	seen.count = kept;
	if (!result) {
		struct inhabitant **places =
			arena_take(s->arena, (UINT16_MAX + 1) * sizeof(struct inhabitant *));
		owners_find(&seen, &owners);
		add_listeners(s, places, &seen, &owners);
		add_leases(s, places);
		settle(s, places);
	}
	owners_release(&owners);
	list_release(&seen);
	return result;
}

int ranges_look(const char *state, const struct range_wish *wish, struct arena *arena,
	struct range_list *out, struct error *e)
{
	struct surveying s = {.arena = arena, .wish = wish, .out = out};
	*out = (struct range_list){0};
	s.machine.arena = arena;
	struct registry *r = registry_open(state, REGISTRY_READ, REGISTRY_BOOT_MS, NULL, e);
	int result = r ? 0 : -1;
	if (!result && (claim_load_machine(r, &s.machine, e) ||
			       project_list(r, arena, &s.projects, &s.project_count, e) ||
			       lease_list(r, 0, 0, arena, &s.leases, &s.lease_count, e)))
		result = -1;
	registry_close(r);
	if (result)
		return -1;
	add_ranges(&s);
	return look(&s, e);
}
