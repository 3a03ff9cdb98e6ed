/*
 * leftovers.h - processes of a run whose supervisor and guardian are both gone.
 *
 * A process is a leftover of (project, instance) when the lock byte of the instance is free or
 * ours, and
 *	- it has our uid, its environment carries STACKUP_ID and these two names, and its
 *	  STACKUP_STATE_DIR lies in our state, or
 *	- the roster of a run of that instance proves that it belongs to it (kin.h). It has our uid
 *	  then, or we are root.
 *
 * It is signalled only through a pidfd that was opened before its start time was checked again, so
 * no stranger that got the pid can be hit (ending.h). Leftovers are never adopted. This process and
 * those that have led to it are none, whatever they carry, nor are those of leftovers_spare().
 */
#ifndef ORPHANS_LEFTOVERS_H
#define ORPHANS_LEFTOVERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "listeners/owner.h"
#include "registry/registry.h"

/*
 * Appends those that are not in *out yet. run_id, when not NULL, is the run that is alive: its
 * processes are not leftovers. The caller makes sure of the lock byte. instance 0 is every
 * instance.
 */
void leftovers_find(const char *state, const char *project, int instance, const char *run_id,
	struct owner_list *out);

/*
 * TERM (and CONT), then KILL after grace_ms, until they are gone; *removed gets all that were
 * found. Waits on pidfds. -1 when one could not be ended, e names it; else their rosters are
 * removed as well.
 */
int leftovers_remove(const char *state, const char *project, int instance, const char *run_id,
	int grace_ms, struct owner_list *removed, struct error *e);

/*
 * Is it the supervisor or the guardian of an instance that lives? Their environment can be that of
 * a service or of `exec`, from which they were started.
 */
bool leftovers_spare(pid_t pid);

/* Rows of the audit about those that were removed; in a transaction. */
int leftovers_audit(struct registry *r, int64_t project_id, int instance,
	const struct owner_list *removed, struct error *e);

#endif
