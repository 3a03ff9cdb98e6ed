#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/own.h"
#include "claim/forget.h"
#include "claim/worktree.h"
#include "registry/history.h"
#include "registry/instances.h"
#include "registry/leases.h"
#include "registry/lock.h"
#include "registry/record.h"
#include "registry/reservations.h"
#include "upkeep/stale.h"

struct removing {
	const char *state;
	struct registry *registry;
	struct arena *arena;
};

/* "its worktree was removed; last used 2026-01-02" */
static const char *reason_of(const struct removing *m, const struct stale_fact *fact)
{
	char day[CLOCK_ISO_SIZE];
	clock_iso(fact->last_ms, day);
	return arena_format(m->arena, "%s %.10s", stale_kind_why(fact->kind), day);
}

static int audit(const struct removing *m, const struct stale_fact *fact, struct error *e)
{
	return history_audit(m->registry, fact->project_id, fact->project_id ? fact->instance : 0,
		"removed", fact->what, reason_of(m, fact), e);
}

/* 1: as it was when it was looked at, and *row is it; 0: not any more; -1. */
static int find_same(
	const struct removing *m, struct stale_fact *fact, struct instance *row, struct error *e)
{
	*row = (struct instance){0};
	int got = instance_find(m->registry, fact->project_id, fact->instance, m->arena, row, e);
	bool same = got == 1 ? row->used == fact->used : got == 0 && !fact->used;
	if (got >= 0 && !same)
		fact->answer = STALE_CHANGED;
	return got < 0 ? -1 : same;
}

/*
 * Inside the transaction nobody can claim the instance anew: a claim takes its byte in one of its
 * own. So the byte need not be kept until the commit.
 */
static int is_free(const struct removing *m, struct stale_fact *fact, struct error *e)
{
	OWNED_FD fd = -1;
	int got = instance_lock(m->state, fact->project_id, fact->instance, 1, &fd, e);
	if (!got)
		fact->answer = STALE_LIVES;
	return got;
}

static int remove_leases(struct removing *m, struct stale_fact *fact, struct error *e)
{
	struct instance row;
	int got = is_free(m, fact, e);
	if (got > 0)
		got = find_same(m, fact, &row, e);
	if (got <= 0)
		return got;
	return lease_drop(m->registry, fact->project_id, fact->instance, e) || audit(m, fact, e)
		? -1
		: 0;
}

static int remove_worktree(struct removing *m, struct stale_fact *fact, struct error *e)
{
	struct instance row;
	OWNED_TEXT kept = {0};
	int got = is_free(m, fact, e);
	if (got > 0)
		got = find_same(m, fact, &row, e);
	if (got <= 0)
		return got;
	if (!worktree_is_gone(&row)) {
		fact->answer = STALE_CHANGED;
		return 0;
	}
	return instance_part(m->registry, &row, m->state, reason_of(m, fact), &kept, e);
}

static int remove_reservation(struct removing *m, struct stale_fact *fact, struct error *e)
{
	struct reservation now;
	int got = reservation_find(m->registry, fact->port, m->arena, &now, e);
	if (got < 0)
		return -1;
	if (!got || strcmp(now.created_at, fact->created_at) != 0) {
		fact->answer = STALE_CHANGED;
		return 0;
	}
	return reservation_drop(m->registry, fact->port, e) || audit(m, fact, e) ? -1 : 0;
}

typedef int remover(struct removing *m, struct stale_fact *fact, struct error *e);
static remover *const removers[STALE_KIND_COUNT] = {
	[STALE_LEASES] = remove_leases,
	[STALE_WORKTREE] = remove_worktree,
	[STALE_RESERVATION] = remove_reservation,
	[STALE_DIRECTORY] = NULL, /* only its audit is in the registry */
};

static int remove_rows(struct removing *m, struct stale_facts *facts, struct error *e)
{
	for (size_t i = 0; i < facts->count; i++) {
		struct stale_fact *fact = &facts->items[i];
		if (fact->answer != STALE_GOES)
			continue;
		remover *run = removers[fact->kind];
		if (run ? run(m, fact, e) : audit(m, fact, e))
			return -1;
	}
	return 0;
}

static int in_transaction(struct removing *m, struct stale_facts *facts, struct error *e)
{
	m->registry = registry_open(m->state, REGISTRY_WRITE, REGISTRY_LOOP_MS, NULL, e);
	if (!m->registry)
		return -1;
	int result = registry_begin(m->registry, e);
	if (!result)
		result = remove_rows(m, facts, e);
	if (!result)
		result = registry_commit(m->registry, e);
	registry_close(m->registry);
	return result;
}

/* What follows the commit: files. */
static int remove_files(const char *state, const struct stale_facts *facts, struct error *e)
{
	int result = 0;
	for (size_t i = 0; i < facts->count; i++) {
		const struct stale_fact *fact = &facts->items[i];
		struct error why = {0};
		if (fact->answer != STALE_GOES)
			continue;
		if (fact->kind == STALE_WORKTREE)
			record_drop(state, fact->project_id, fact->instance);
		if (fact->kind != STALE_DIRECTORY || !file_remove_tree(fact->path, &why))
			continue;
		if (!result && e)
			*e = why;
		result = -1;
	}
	return result;
}

int stale_remove(const char *state, struct stale_facts *facts, size_t *removed, struct error *e)
{
	struct removing m = {.state = state, .arena = arena_new()};
	*removed = 0;
	if (!m.arena)
		return fail(e, EXIT_FAILED, "out of memory");
	int result = in_transaction(&m, facts, e);
	arena_free(m.arena);
	if (result)
		return -1;
	for (size_t i = 0; i < facts->count; i++)
		*removed += facts->items[i].answer == STALE_GOES;
	return remove_files(state, facts, e);
}
