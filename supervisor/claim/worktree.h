/*
 * worktree.h - whose claim is it: a worktree is known wherever it goes.
 *
 * A main worktree is known by its path. A linked one is known by the directory that git keeps for it,
 * .git/worktrees/NAME: it stays when `git worktree move` changes the path and when the branch gets
 * another name, and goes with `git worktree remove`. The time at which that directory was made (where the
 * file system tells it) distinguishes it from a later worktree of the same name. What git keeps there is
 * described in gitrepository-layout(5).
 */
#ifndef CLAIM_WORKTREE_H
#define CLAIM_WORKTREE_H

#include <stdbool.h>

#include "base/arena.h"
#include "registry/instances.h"

struct worktree {
	const char *path; /* absolute */
	const char *git_dir; /* of a linked worktree, absolute; "" of any other */
	char mark[48]; /* when git_dir was made; "" where unknown */
};

/* Borrows both; git_dir may be NULL. */
void worktree_init(struct worktree *w, const char *path, const char *git_dir);
/* Did this worktree claim the instance? Also before it was moved. */
bool worktree_has(const struct worktree *w, const struct instance *row);
/*
 * Of all instances of the project the one that is meant where none is named: what the worktree claimed
 * first, whatever it was told to start beside it; number 2, which is for tests, only where it has no
 * other. NULL.
 */
const struct instance *worktree_own(const struct worktree *w, const struct instance *rows, size_t count);
/*
 * Nobody can come back for the instance: the worktree was removed, whatever is at its path now. One
 * that git has locked (because its disk is not always there, git-worktree(1)) and one that cannot be
 * looked at are not gone.
 */
bool worktree_is_gone(const struct instance *row);
/*
 * Of one that is gone: it may also be that its disk is away. What git has forgotten was removed; otherwise
 * the directory it was in must be there, and not empty as a mount point is.
 */
bool worktree_is_unseen(const struct instance *row);
/* Where the instance's worktree is now; as recorded when that cannot be told. */
const char *worktree_path(const struct instance *row, struct arena *arena);

#endif
