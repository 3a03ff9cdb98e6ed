/*
 * guardian_guard.h - the guardian's own life, see guardian.h. Without a heap. Private to this room.
 */
#ifndef SPAWN_GUARDIAN_GUARD_H
#define SPAWN_GUARDIAN_GUARD_H

#include <stdbool.h>
#include <sys/types.h>

/* After the fork: watches until it ends. signals: a signalfd of what it is sent, all of it blocked. */
_Noreturn void guardian_guard(pid_t supervisor, int socket, int signals);

/*
 * In S, after its fork: what signals do, death of the guardian, subreaper, 0 to 2 (-1: /dev/null). What is
 * blocked stays so.
 */
void guardian_settle_supervisor(pid_t guardian, int stderr_fd);
/* The same, and nothing is blocked any more. */
void guardian_become_supervisor(pid_t guardian, int stderr_fd);

/* ---- guardian_signals.c: what people send to G goes to S, or waits until there is one ---- */

/* From the signalfd; without waiting. */
void guardian_signals_read(int fd);
void guardian_signals_hand_on(pid_t supervisor);
/*
 * S has died. What it had been sent shortly before waits for the next one, which may so get it twice; where
 * S has not run yet, all it had been sent.
 */
void guardian_signals_take_back(bool none_was_seen);

/* ---- guardian_store.c: what S has given to G ---- */

struct guardian_message;

/* KEEP to LET_GO; false: another word. Takes the descriptors. */
bool guardian_store(const struct guardian_message *message, const int *fds, size_t count);
/*
 * The n-th of what is kept, to be handed on; n counts up, and past places without anything. False: there
 * is none any more.
 */
bool guardian_store_next(
	int *n, struct guardian_message *message, int *fds, size_t *count);
/* What is left in the pipes goes to the files. */
void guardian_store_drain(void);

/* ---- guardian_replace.c: another S in the place of the last one ---- */

/* Of the process S: *socket is the new one's other end. -1: it could not be made. */
pid_t guardian_replace(int program_fd, int stderr_fd, int oom_score, int *socket);

#endif
