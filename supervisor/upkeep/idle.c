#include "upkeep/idle.h"

#include <stdlib.h>

#include "claim/worktree.h"

static const int64_t DAY_MS = INT64_C(24) * 60 * 60 * 1000;

static int longest_first(const void *first, const void *second)
{
	const struct idle_instance *a = first, *b = second;
	if (a->days != b->days)
		return a->days < b->days ? 1 : -1;
	return a->instance < b->instance ? -1 : a->instance > b->instance;
}

void idle_find(const char *state, const struct inventory *all, int64_t now_ms, int days,
	struct arena *arena, struct idle_list *out)
{
	*out = (struct idle_list){0};
	for (size_t i = 0; i < all->instance_count; i++) {
		const struct inventory_instance *instance = &all->instances[i];
		if (instance->row.status == INSTANCE_RUNNING)
			continue;
		int64_t last_ms = inventory_last_sign(state, &instance->row, now_ms);
		if (now_ms - last_ms < days * DAY_MS)
			continue;
		*arena_append(arena, out->items, out->count) =
			(struct idle_instance){.instance = instance,
				.days = (int)((now_ms - last_ms) / DAY_MS),
				.is_gone = worktree_is_gone(&instance->row)};
	}
	if (out->count)
		qsort(out->items, out->count, sizeof *out->items, longest_first);
}

/* What ended without being stopped is stopped first: something of it may be left. */
void idle_add_command(struct text *out, const struct idle_instance *idle)
{
	const struct instance *row = &idle->instance->row;
	if (row->status == INSTANCE_CRASHED)
		text_addf(out, "stackup down -p %s -i %d && ", row->project, row->number);
	text_addf(out, "stackup instances release %d -p %s", row->number, row->project);
}
