/*
 * claims.h - whose instance a row without a directory is: the linked worktree that has its branch
 * checked out.
 *
 * A team's table knows branches, not directories. What git keeps of linked worktrees is described
 * in gitrepository-layout(5): worktrees/NAME/HEAD and worktrees/NAME/gitdir.
 */
#ifndef LEDGER_CLAIMS_H
#define LEDGER_CLAIMS_H

#include "registry/instances.h"

/*
 * Fills worktree, git_dir and git_mark of a row whose worktree is "", for the project in that
 * directory. They stay empty where no worktree has the branch, or where it is that of one of `rows`
 * already (the project's).
 */
void claim_by_branch(struct instance *row, const char *main_dir, const struct instance *rows,
	size_t count, struct arena *arena);

#endif
