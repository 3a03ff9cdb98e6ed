/*
 * dry_run.h - `up --dry-run`: what would be started, in which order, on which ports;
 * where the instance runs, what would change.
 */
#ifndef CLI_SHARED_DRY_RUN_H
#define CLI_SHARED_DRY_RUN_H

#include "base/error.h"

struct context;

/* Exit code; -1 with e. Starts and changes nothing. */
int dry_run(struct context *context, struct error *e);

#endif
