/*
 * forward.h - a port that leads to another one of this machine for a while, on the libev loop.
 *
 *	1. forward_new(loop, to, grace_ms)
 *	2. forward_listen() for each listening socket of the old port
 *	3. forward_aim() when the new port has moved on
 *	4. forward_close() when the old port has an owner again: nothing new is accepted, what is
 *	   under way goes on
 *	5. once a turn of the loop: forward_is_over(), then forward_free()
 *
 * Bytes go from socket to socket by splice(2) through a pipe and never enter this process. A side
 * that ends its sending is passed on as such (shutdown(2)), so protocols that half-close work.
 *
 * It cannot hurt the loop: at most forward_most() connections of all forwards at once
 * (FORWARD_CONNECTIONS, or as many as half of the descriptors allow), at most FORWARD_BUDGET bytes of one connection a turn,
 * what a pipe holds is all that waits in between. When accept(2) or pipe(2) have no descriptor it
 * pauses for FORWARD_PAUSE_MS. Whoever is one too many waits in the backlog; when no place has
 * become free within FORWARD_PATIENCE_MS, all who wait and who come are closed until one does.
 *
 * At the end of the grace nothing new is accepted, and servers are told that no more comes: what is
 * under way has FORWARD_DRAIN_MS to arrive. Then every connection is closed.
 */
#ifndef FORWARD_FORWARD_H
#define FORWARD_FORWARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct ev_loop;
struct forward;

enum {
	FORWARD_CONNECTIONS = 1024,
	FORWARD_LISTENERS = 4,
	FORWARD_BUDGET = 256 * 1024,
	FORWARD_PAUSE_MS = 100,
	FORWARD_PATIENCE_MS = 1000,
	FORWARD_DRAIN_MS = 2000,
};

/* NULL: out of memory. `to` is a port of 127.0.0.1, or ::1 where that refuses. */
struct forward *forward_new(struct ev_loop *loop, uint16_t to, int64_t grace_ms);
void forward_free(struct forward *f);
/* Owns the non-blocking, listening fd from now on, also when there are too many (then false). */
bool forward_listen(struct forward *f, int fd);
void forward_aim(struct forward *f, uint16_t to);
void forward_close(struct forward *f);
/* The grace and the drain have passed, or it is closed and nothing is under way. */
bool forward_is_over(const struct forward *f);
/* Has it accepted the connection with this socket inode? */
bool forward_has(const struct forward *f, uint64_t inode);
size_t forward_connections(const struct forward *f);
/* The bound of forward_connections() of all forwards of the process. */
size_t forward_most(const struct forward *f);
/* So many were closed because it was full. */
size_t forward_refused(const struct forward *f);

#endif
