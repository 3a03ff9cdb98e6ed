/*
 * reconcile.h - what git did to worktrees since their instances were used last: another branch, another name
 * of it, another place.
 */
#ifndef CLI_RECONCILE_H
#define CLI_RECONCILE_H

#include <stdint.h>

struct context;

/*
 * Writes what has changed of the project's instances into the registry. Never a failure: where it cannot be
 * written, what was recorded is shown.
 */
void reconcile_worktrees(const struct context *context, int64_t project_id);

#endif
