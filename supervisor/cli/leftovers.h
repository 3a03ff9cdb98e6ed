/*
 * leftovers.h - what a dead supervisor and its dead guardian left behind.
 *
 * `down` and `status` look before they do anything else: processes that carry the marks of a run
 * whose lock byte is free are ended, the registry says `crashed`, and the user is told. (`up` does
 * the same as part of its claim.)
 */
#ifndef CLI_LEFTOVERS_H
#define CLI_LEFTOVERS_H

#include <stddef.h>

#include "cli/context.h"

/*
 * Does nothing for an instance that lives. *ended (may be NULL) counts the processes; -1 when one
 * could not be ended or the registry not be written.
 */
int leftovers_clear(struct context *context, struct target *target, size_t *ended, struct error *e);

#endif
