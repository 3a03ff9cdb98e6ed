/*
 * lock.h - is the supervisor of an instance alive? The lock byte knows.
 *
 * locks/p<ID>.lock belongs to project ID; byte N belongs to instance N. A supervisor holds its byte
 * (and those of the ranges it spans) through one close-on-exec descriptor for its whole life. The
 * kernel frees it at once when the process dies in any way.
 */
#ifndef REGISTRY_LOCK_H
#define REGISTRY_LOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

/* *fd gets a descriptor that holds the bytes. 1: ours, 0: somebody lives there, -1: error. */
int instance_lock(const char *state, int64_t project_id, int instance, int spans, int *fd,
	struct error *e);
/* Held by somebody else than a descriptor of ours? A missing file is no. */
bool instance_is_alive(const char *state, int64_t project_id, int instance);
/* A descriptor to ask about several instances of a project (bytelock_is_held()); -1: none lives. */
int instance_lock_look(const char *state, int64_t project_id);
/*
 * Has that process the project's lock file open, as a supervisor has for all its life? A pid from
 * the registry is not signalled before: pid and start time of a stranger can be the recorded ones.
 */
bool instance_lock_is_open_in(const char *state, int64_t project_id, pid_t pid);
/*
 * Does that process hold the byte of an instance, of whatever registry? The kernel's word alone
 * (proc_pid_fdinfo(5)): neither a name nor a row counts. false also where it cannot be looked at.
 */
bool instance_lock_is_held_by(pid_t pid);
/* The same among its first descriptors: who opens the lock first, as supervisors do, has it there. */
bool instance_lock_is_among_first_of(pid_t pid);

#endif
