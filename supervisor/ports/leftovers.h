/*
 * leftovers.h - processes of a run whose supervisor and guardian are both gone.
 *
 * A process is a leftover of (project, instance) when its environment carries STACKUP_ID and these two
 * names, its STACKUP_STATE_DIR lies in our state, it has our uid, and the lock byte of the instance is free or ours. It is signalled only
 * through a pidfd that was opened before all of this was checked again, so no stranger that got the
 * pid can be hit. Leftovers are never adopted.
 */
#ifndef PORTS_LEFTOVERS_H
#define PORTS_LEFTOVERS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "ports/owner.h"

/*
 * Processes that carry the marker. run_id, when not NULL, is the run that is alive: its processes are
 * not leftovers. The caller makes sure of the lock byte. instance 0 is every instance.
 */
void leftovers_find(const char *state, const char *project, int instance, const char *run_id,
	struct owner_list *out);

/*
 * TERM (and CONT), then KILL after grace_ms, until they are gone; *removed gets what was found. Waits
 * on pidfds. -1 when one could not be ended, e names it.
 */
int leftovers_remove(const char *state, const char *project, int instance, const char *run_id,
	int grace_ms, struct owner_list *removed, struct error *e);

#endif
