#include "claim/reset.h"

#include <string.h>

#include "base/text.h"
#include "ports/reserved.h"
#include "registry/history.h"
#include "registry/leases.h"
#include "registry/lock.h"
#include "registry/reservations.h"

struct looking {
	const char *state;
	struct registry *registry;
	int64_t project_id;
	const char *service;
	struct arena *arena;
	struct reset_list *out;
};

static void add(struct looking *l, const char *service, const char *what, bool stays)
{
	if (l->service[0] && strcmp(l->service, service) != 0)
		return;
	*arena_append(l->arena, l->out->items, l->out->count) =
		(struct reset_item){service, what, stays};
	l->out->staying += stays;
}

static int look_at_leases(struct looking *l, struct error *e)
{
	struct lease *all;
	size_t count;
	if (lease_list(l->registry, l->project_id, 0, l->arena, &all, &count, e))
		return -1;
	for (size_t i = 0; i < count; i++)
		if (all[i].kind == LEASE_MOVED)
			add(l, all[i].service,
				arena_format(l->arena, "port %u of instance %d, moved from its own",
					all[i].port, all[i].instance),
				instance_is_alive(l->state, l->project_id, all[i].instance));
	return 0;
}

static int look_at_slots(struct looking *l, struct error *e)
{
	struct slot_row *slots;
	struct hold_mode_row *modes;
	size_t count;
	if (slot_list(l->registry, l->project_id, l->arena, &slots, &count, e))
		return -1;
	for (size_t i = 0; i < count; i++)
		add(l, slots[i].service, arena_format(l->arena, "auto slot %d", slots[i].slot), false);
	if (hold_mode_list(l->registry, l->project_id, l->arena, &modes, &count, e))
		return -1;
	for (size_t i = 0; i < count; i++)
		add(l, modes[i].service, arena_format(l->arena, "hold mode %s", modes[i].mode), false);
	return 0;
}

static int look_at_kept(struct looking *l, struct error *e)
{
	struct pool_row *pool;
	struct reservation *reserved;
	size_t count;
	if (pool_list(l->registry, l->arena, &pool, &count, e))
		return -1;
	for (size_t i = 0; i < count; i++)
		if (pool[i].project_id == l->project_id)
			add(l, pool[i].service,
				arena_format(l->arena, "pool port %u of instance %d", pool[i].port,
					pool[i].instance),
				false);
	if (reservation_list(l->registry, l->arena, &reserved, &count, e))
		return -1;
	for (size_t i = 0; i < count; i++)
		if (reserved[i].project_id == l->project_id)
			add(l, reserved[i].service,
				arena_format(l->arena, "port %u, reserved for instance %d",
					reserved[i].port, reserved[i].instance),
				false);
	return 0;
}

int reset_look(const char *state, int64_t project_id, const char *service, struct arena *arena,
	struct reset_list *out, struct error *e)
{
	struct looking l = {state, NULL, project_id, service, arena, out};
	*out = (struct reset_list){0};
	l.registry = registry_open(state, REGISTRY_READ, REGISTRY_BOOT_MS, NULL, e);
	if (!l.registry)
		return -1;
	int result = look_at_leases(&l, e) || look_at_slots(&l, e) || look_at_kept(&l, e) ? -1 : 0;
	registry_close(l.registry);
	return result;
}

/* Those of instances that do not run. */
static int forget_moves(struct registry *r, const char *state, int64_t project_id,
	const char *service, struct arena *arena, struct error *e)
{
	struct lease *all;
	size_t count;
	if (lease_list(r, project_id, 0, arena, &all, &count, e))
		return -1;
	for (size_t i = 0; i < count; i++)
		if (all[i].kind == LEASE_MOVED &&
			!instance_is_alive(state, project_id, all[i].instance) &&
			lease_drop_moved(r, project_id, all[i].instance, service, e))
			return -1;
	return 0;
}

static int forget(struct registry *r, const char *state, int64_t project_id, const char *service,
	struct arena *arena, struct error *e)
{
	if (forget_moves(r, state, project_id, service, arena, e) ||
		slot_drop_of(r, project_id, service, e) ||
		hold_mode_drop_of(r, project_id, service, e) ||
		pool_drop_of(r, project_id, service, e) ||
		reservation_drop_of(r, project_id, service, e))
		return -1;
	const char *target = arena_format(arena, "ports of %s%s%s", service[0] ? "service '" : "",
		service[0] ? service : "all services", service[0] ? "'" : "");
	return history_audit(r, project_id, 0, "reset", target,
		"moves, auto slots, pool ports, hold modes and reservations were forgotten", e);
}

int reset_ports(const char *state, int64_t project_id, const char *service, struct error *e)
{
	struct arena *arena = arena_new();
	if (!arena)
		return fail(e, EXIT_FAILED, "out of memory");
	struct registry *r = registry_open(state, REGISTRY_WRITE, REGISTRY_BOOT_MS, NULL, e);
	int result = r ? registry_begin(r, e) : -1;
	if (!result)
		result = forget(r, state, project_id, service, arena, e);
	if (!result)
		result = registry_commit(r, e);
	registry_close(r);
	arena_free(arena);
	return result;
}
