/*
 * chores.h - what somebody who comes by does now and then, and when it is due next.
 *
 * Seconds since 1970: these are days and months, and a clock that jumps only makes a chore early or
 * late.
 */
#ifndef REGISTRY_CHORES_H
#define REGISTRY_CHORES_H

#include "registry/registry.h"

#define CHORE_TIDY   "tidy_next" /* remove stale rows */
#define CHORE_REVIEW "review_next" /* mention idle instances */

/* *when is 0 where it was never done. */
int chore_next(struct registry *r, const char *name, int64_t *when, struct error *e);
int chore_put_off(struct registry *r, const char *name, int64_t when, struct error *e);

#endif
