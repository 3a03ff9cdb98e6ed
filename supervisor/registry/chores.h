/*
 * chores.h - what somebody who comes by does now and then, and when it was done last.
 *
 * Seconds since 1970: these are days and months, and a clock that jumps only makes a chore early or late.
 */
#ifndef REGISTRY_CHORES_H
#define REGISTRY_CHORES_H

#include "registry/registry.h"

#define CHORE_TIDY   "tidied_at" /* stale rows were removed */
#define CHORE_REVIEW "reviewed_at" /* idle instances were mentioned */

/* *when is 0 where it was never done. */
int chore_last(struct registry *r, const char *name, int64_t *when, struct error *e);
int chore_done(struct registry *r, const char *name, int64_t when, struct error *e);

#endif
