#include "upkeep/figures.h"

#include <stdlib.h>
#include <string.h>

#include "ports/policy.h"
#include "registry/projects.h"

enum { MONTHS = 12, INCIDENTS = 10 };

struct counting {
	const struct verify_facts *facts;
	struct arena *arena;
	struct figures *out;
	struct launch_count *launches;
	size_t launch_count;
};

/* ---- now ---- */

static void count_leases(struct counting *c, const struct verification *found)
{
	for (size_t i = 0; i < c->facts->lease_count; i++) {
		const struct verify_lease *lease = &c->facts->leases[i];
		bool runs = lease->owner && lease->owner->row.status == INSTANCE_RUNNING;
		if (!runs || !lease->is_here || !*lease->row->service)
			continue;
		c->out->leased_ports++;
		c->out->moved_ports += lease->row->kind == LEASE_MOVED;
		c->out->active_ports += verify_is_served(lease);
	}
	for (size_t i = 0; i < found->count; i++)
		c->out->conflicts_now += found->items[i].kind == VERIFY_STRANGER;
}

static void count_projects(struct counting *c)
{
	const struct inventory *all = &c->facts->all;
	c->out->projects = (int)all->project_count;
	for (size_t i = 0; i < all->project_count; i++) {
		const char *status = all->projects[i].row.status;
		c->out->active_projects += !strcmp(status, "active");
		c->out->reserved_projects += !strcmp(status, "reserved");
		c->out->legacy_projects += !strcmp(status, "legacy");
		c->out->archived_projects += !strcmp(status, "archived");
	}
	c->out->instances = (int)all->instance_count;
	for (size_t i = 0; i < all->instance_count; i++)
		c->out->running_instances += all->instances[i].row.status == INSTANCE_RUNNING;
}

static int active_ports_of(const struct counting *c, const struct inventory_instance *instance)
{
	int count = 0;
	for (size_t i = 0; i < c->facts->lease_count; i++) {
		const struct verify_lease *lease = &c->facts->leases[i];
		count +=
			lease->owner == instance && *lease->row->service && verify_is_served(lease);
	}
	return count;
}

static void take_block(struct counting *c, const struct inventory_project *project, int block)
{
	const struct inventory *all = &c->facts->all;
	struct block_use *use = arena_append(c->arena, c->out->blocks, c->out->block_count);
	*use = (struct block_use){.block = block,
		.base_port = block_port(all->ports_base, block),
		.project = project->row.name};
	for (size_t i = project->first; i < project->first + project->count; i++) {
		const struct inventory_instance *instance = &all->instances[i];
		bool runs = instance->row.status == INSTANCE_RUNNING;
		if (instance->row.block != block)
			continue;
		use->instances++;
		use->running += runs;
		use->active_ports += runs ? active_ports_of(c, instance) : 0;
	}
}

static int fullest_first(const void *first, const void *second)
{
	const struct block_use *a = first, *b = second;
	if (a->active_ports != b->active_ports)
		return a->active_ports < b->active_ports ? 1 : -1;
	if (a->instances != b->instances)
		return a->instances < b->instances ? 1 : -1;
	return (a->block > b->block) - (a->block < b->block);
}

static void take_blocks(struct counting *c)
{
	const struct inventory *all = &c->facts->all;
	for (size_t i = 0; i < all->project_count; i++)
		for (size_t k = 0; k < all->projects[i].block_count; k++)
			take_block(c, &all->projects[i], all->projects[i].blocks[k]);
	c->out->blocks_owned = (int)c->out->block_count;
	if (c->out->block_count)
		qsort(c->out->blocks, c->out->block_count, sizeof *c->out->blocks, fullest_first);
}

static void count_left(struct counting *c, const bool *needed)
{
	uint16_t base = c->facts->all.ports_base ? c->facts->all.ports_base : PORTS_BASE;
	for (int block = 1; block <= BLOCK_MOST; block++)
		c->out->blocks_left += block_is_automatic(base, block) && !needed[block];
}

/* ---- since ---- */

static void take_busiest(struct counting *c)
{
	for (size_t i = 0; i < c->launch_count; i++) {
		const struct inventory_instance *instance = inventory_find(
			&c->facts->all, c->launches[i].project_id, c->launches[i].instance);
		if (!instance)
			continue;
		*arena_append(c->arena, c->out->busiest, c->out->busiest_count) =
			(struct instance_use){instance->row.project, instance->row.number,
				c->launches[i].launches, active_ports_of(c, instance)};
	}
}

static int most_often_first(const void *first, const void *second)
{
	const struct conflict_count *a = first, *b = second;
	if (a->times != b->times)
		return a->times < b->times ? 1 : -1;
	return a->port - b->port;
}

static int read_registry(struct counting *c, struct registry *r, const char *since, struct error *e)
{
	bool needed[BLOCKS] = {false};
	struct figures *out = c->out;
	if (blocks_needed(r, needed, BLOCKS, e) || launch_figures(r, since, &out->launches, e) ||
		launch_counts(r, since, c->arena, &c->launches, &c->launch_count, e) ||
		month_figures(r, MONTHS, c->arena, &out->months, &out->month_count, e) ||
		history_conflict_counts(r, since, c->arena, &out->ports, &out->port_count, e) ||
		history_incident_counts(r, since, c->arena, &out->incident_kinds,
			&out->incident_kind_count, e) ||
		history_incidents(r, since, INCIDENTS, c->arena, &out->incidents,
			&out->incident_count, e))
		return -1;
	count_left(c, needed);
	if (out->port_count)
		qsort(out->ports, out->port_count, sizeof *out->ports, most_often_first);
	return 0;
}

int figures_read(const char *state, const char *since, int64_t now_ms,
	const struct verify_facts *facts, const struct verification *found, struct arena *arena,
	struct figures *out, struct error *e)
{
	struct counting c = {.facts = facts, .arena = arena, .out = out};
	*out = (struct figures){0};
	struct registry *r = registry_open(state, REGISTRY_READ, REGISTRY_BOOT_MS, NULL, e);
	int result = r ? read_registry(&c, r, since, e) : -1;
	registry_close(r);
	if (result)
		return -1;
	count_leases(&c, found);
	count_projects(&c);
	take_blocks(&c);
	take_busiest(&c);
	idle_find(state, &facts->all, now_ms, IDLE_DAYS, arena, &out->idle);
	return 0;
}
