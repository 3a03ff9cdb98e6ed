/*
 * reconcile.h - what git did to worktrees since their instances were used last: another branch, another name
 * of it, another place.
 */
#ifndef CLI_SHARED_RECONCILE_H
#define CLI_SHARED_RECONCILE_H

#include <stdbool.h>
#include <stdint.h>

struct context;

/* Of more instances than this a verb that lists all does not look at the worktrees: it is to be quick. */
enum { RECONCILE_MOST = 200 };

/*
 * Writes what has changed of the project's instances (with 0 of all) into the registry, and whether anything
 * had. Never a failure: where it cannot be written, what was recorded is shown.
 */
bool reconcile_worktrees(const struct context *context, int64_t project_id);

#endif
