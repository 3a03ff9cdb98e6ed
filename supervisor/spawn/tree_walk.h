/*
 * tree_walk.h - visits the processes of a tree; inside this room.
 *
 * A *proven* walk opens a pidfd for each process before it looks at it, and visits it only when its
 * parent is then still the one it was found under (or we are, because that parent has just died),
 * so that a signal through this pidfd can hit nobody else. A plain walk only looks.
 */
#ifndef SPAWN_TREE_WALK_H
#define SPAWN_TREE_WALK_H

#include "base/list.h"
#include "spawn/proc.h"
#include "spawn/tree.h"

struct pid_list {
	pid_t *items; /* owns */
	size_t count;
	size_t capacity;
};

/*
 * Owners besides the index of a service. UNSURE: in the middle of an exec or of its end, when marks
 * cannot be read; it may be anybody's.
 */
enum { OWNER_NOBODY = -2, OWNER_HELPER = -3, OWNER_DEAD = -4, OWNER_UNSURE = -5 };

/* Direct children of ours. */
void tree_direct(const struct tree *tree, struct pid_list *out);
/* NULL: not one that we started, or reaped. */
const struct tree_known *tree_find_known(const struct tree *tree, pid_t pid);
/* Whose a direct child is: a service, or one of the words above. */
int tree_owner(const struct tree *tree, pid_t direct);

struct tree_walk {
	struct tree *tree;
	bool proven;
	int service;  /* or TREE_EVERYTHING */
	pid_t helper; /* not 0: this direct child and the orphans of its session, instead */
	/* A living process; pidfd is -1 in a plain walk, and closed afterwards. */
	void (*visit)(void *self, const struct proc_stat *stat, int pidfd);
	void *self;
	bool unsure; /* an orphan was left out whose owner could not be seen: look again */
	struct pid_list pending; /* owned by the walk: children still to be visited */
};

void tree_walk(struct tree_walk *walk);
/* One direct child and all below it. */
void tree_walk_below(struct tree_walk *walk, pid_t direct);

#endif
