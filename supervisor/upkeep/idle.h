/*
 * idle.h - instances that nobody has used for a long time, for somebody to look over.
 *
 * One that runs is in use; when the others were used last, inventory_last_sign() knows.
 */
#ifndef UPKEEP_IDLE_H
#define UPKEEP_IDLE_H

#include "upkeep/inventory.h"

enum { IDLE_DAYS = 30 };

struct idle_instance {
	const struct inventory_instance *instance; /* borrows */
	int days;
	bool is_gone; /* its worktree was removed */
};
struct idle_list {
	struct idle_instance *items; /* in the arena */
	size_t count;
};

/* Of the whole inventory, longest ago first. Looks at worktrees only of those that are idle. */
void idle_find(const char *state, const struct inventory *all, int64_t now_ms, int days,
	struct arena *arena, struct idle_list *out);
/* The command that gives the instance back. */
void idle_add_command(struct text *out, const struct idle_instance *idle);

#endif
