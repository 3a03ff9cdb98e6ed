/*
 * guardian_sweep.h - the two things the guardian does when the supervisor is dead. No heap.
 */
#ifndef SPAWN_GUARDIAN_SWEEP_H
#define SPAWN_GUARDIAN_SWEEP_H

#include <stdbool.h>

/*
 * SIGKILL to every child of this process and reaping, until there is none. SIGCHLD must be blocked.
 * False: none has ended for patience_ms (they changed their user, or wait in the kernel).
 */
bool guardian_sweep(int patience_ms);

/* Moves what is in the pipe to the log, at the log's offset, until the pipe is empty. */
void guardian_drain(int pipe_fd, int log_fd);

#endif
