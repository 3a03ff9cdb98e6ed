#include "ledger/collect.h"

#include <stdlib.h>
#include <string.h>

#include "registry/lock.h"

static int collect_projects(
	struct registry *r, struct arena *arena, struct ledger *out, struct error *e)
{
	struct project *rows;
	struct block_row *blocks;
	size_t count, block_count, next = 0;
	if (project_list(r, arena, &rows, &count, e) ||
		block_list_of(r, 0, arena, &blocks, &block_count, e))
		return -1;
	int *numbers = arena_take(arena, (block_count + 1) * sizeof *numbers);
	out->projects = arena_take(arena, (count + 1) * sizeof *out->projects);
	out->project_count = count;
	for (size_t i = 0; i < count; i++) {
		struct ledger_project *project = &out->projects[i];
		*project = (struct ledger_project){.row = rows[i], .blocks = &numbers[next]};
		for (; next < block_count && blocks[next].project_id == rows[i].id; next++) {
			numbers[next] = blocks[next].block;
			project->block_count++;
		}
	}
	return 0;
}

static int collect_instances(struct registry *r, const char *state, struct arena *arena,
	struct ledger *out, struct error *e)
{
	struct instance *rows;
	size_t count;
	if (instance_list(r, 0, arena, &rows, &count, e))
		return -1;
	out->instances = arena_take(arena, (count + 1) * sizeof *out->instances);
	out->instance_count = count;
	for (size_t i = 0; i < count; i++) {
		if (rows[i].status == INSTANCE_RUNNING && !instance_is_elsewhere(&rows[i]) &&
			!instance_is_alive(state, rows[i].project_id, rows[i].number))
			rows[i].status = INSTANCE_CRASHED;
		out->instances[i] = (struct ledger_instance){.row = rows[i], .has_status = true};
	}
	return 0;
}

static int collect_slots(
	struct registry *r, struct arena *arena, struct ledger *out, struct error *e)
{
	for (size_t i = 0; i < out->project_count; i++) {
		struct slot_row *rows;
		size_t count;
		if (slot_list(r, out->projects[i].row.id, arena, &rows, &count, e))
			return -1;
		for (size_t k = 0; k < count; k++)
			*arena_append(arena, out->slots, out->slot_count) =
				(struct ledger_slot){out->projects[i].row.name, rows[k]};
	}
	return 0;
}

static int by_owner(const void *a, const void *b)
{
	const struct lease *one = a, *other = b;
	int order = strcmp(one->project, other->project);
	if (order)
		return order;
	return one->instance != other->instance ? one->instance - other->instance
						: one->port - other->port;
}

/* Those of instances that run: the others mean nothing (leases.h). */
static int collect_leases(
	struct registry *r, struct arena *arena, struct ledger *out, struct error *e)
{
	struct lease *rows;
	size_t count, next = 0;
	if (lease_list(r, 0, 0, arena, &rows, &count, e))
		return -1;
	if (count)
		qsort(rows, count, sizeof *rows, by_owner);
	for (size_t i = 0; i < out->instance_count; i++) {
		const struct instance *row = &out->instances[i].row;
		const struct lease key = {.project = row->project, .instance = row->number};
		while (next < count && by_owner(&rows[next], &key) < 0)
			next++;
		for (; next < count && rows[next].instance == row->number &&
			!strcmp(rows[next].project, row->project);
			next++)
			if (row->status == INSTANCE_RUNNING)
				*arena_append(arena, out->leases, out->lease_count) = rows[next];
	}
	return 0;
}

static int collect_reservations(
	struct registry *r, struct arena *arena, struct ledger *out, struct error *e)
{
	struct reservation *rows;
	size_t count;
	if (reservation_list(r, arena, &rows, &count, e))
		return -1;
	for (size_t i = 0; i < count; i++)
		*arena_append(arena, out->reservations, out->reservation_count) =
			(struct ledger_reservation){.row = rows[i]};
	return 0;
}

int ledger_collect(struct registry *r, const char *state, enum ledger_format format,
	struct arena *arena, struct ledger *out, struct error *e)
{
	*out = (struct ledger){0};
	if (ports_base_get(r, &out->ports_base, e) || collect_projects(r, arena, out, e) ||
		collect_instances(r, state, arena, out, e))
		return -1;
	if (format != LEDGER_JSON)
		return 0;
	return collect_slots(r, arena, out, e) ||
			service_list(r, arena, &out->services, &out->service_count, e) ||
			collect_leases(r, arena, out, e) || collect_reservations(r, arena, out, e)
		? -1
		: 0;
}

int ledger_collect_state(const char *state, enum ledger_format format, struct arena *arena,
	struct ledger *out, struct error *e)
{
	struct registry *r = registry_open(state, REGISTRY_READ, REGISTRY_BOOT_MS, NULL, e);
	int result = r ? ledger_collect(r, state, format, arena, out, e) : -1;
	registry_close(r);
	return result;
}
