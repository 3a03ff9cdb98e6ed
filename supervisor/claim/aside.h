/*
 * aside.h - the state of an instance number that changes hands is moved out of the way, never removed.
 */
#ifndef CLAIM_ASIDE_H
#define CLAIM_ASIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

/* dir becomes dir.before-TIME: 1, and *kept is its new name; 0: there is no such directory; -1. */
int state_set_aside(const char *dir, struct text *kept, struct error *e);
/* Is that the name of such a directory, and of which instance, since when (wall clock)? */
bool state_is_aside(const char *name, int *instance, int64_t *since_ms);

#endif
