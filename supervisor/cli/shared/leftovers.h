/*
 * leftovers.h - a run whose supervisor died, as the commands that come after see it.
 *
 * From that moment the instance is `failed`, and `crashed` in the registry, until somebody starts it
 * again with `up` or puts it away with `down`; then it is what they made of it. Every `status` until
 * then says so, and why, as far as the supervisor's log tells (daemon/crash.h).
 *
 * The first `status` or `down` also ends the processes that carry the marks of that run, for when its
 * guardian died as well, and says which. (`up` does the same as part of its claim.)
 */
#ifndef CLI_SHARED_LEFTOVERS_H
#define CLI_SHARED_LEFTOVERS_H

#include "cli/context.h"

/*
 * Does nothing for an instance that lives or was stopped. `away`: for `down`. -1 when a process could
 * not be ended or the registry not be written.
 */
int leftovers_clear(struct context *context, struct target *target, bool away, struct error *e);
/* Says that it died, and why, when that failed: for who goes on nevertheless. */
void leftovers_tell(const struct target *target);

#endif
