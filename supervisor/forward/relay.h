/*
 * relay.h - one connection of a forward: two sockets and a pipe each way. Private to this room.
 */
#ifndef FORWARD_RELAY_H
#define FORWARD_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "loop/io_watch.h"

enum { RELAY_DESCRIPTORS = 6 };
enum relay_side { RELAY_CLIENT, RELAY_SERVER };

/* What one side sends to the other. */
struct relay_way {
	int pipe[2]; /* owns */
	size_t held; /* bytes in the pipe */
	bool last; /* what has not come yet is not waited for */
	bool ended; /* it will send no more ... */
	bool passed_on; /* ... and the other side knows */
};

struct relay {
	struct ev_loop *loop; /* borrows */
	int fd[2]; /* owns; by side */
	struct io_watch watch[2];
	int wanted[2]; /* events that are watched */
	struct relay_way way[2]; /* by the sending side */
	uint16_t to;
	bool connecting;
	bool second_try; /* over IPv6 */
	void (*on_end)(struct relay *relay); /* frees it */
	void *owner;
	TAILQ_ENTRY(relay) link;
};

/* Owns client from now on, also on failure. NULL with errno: no memory or no descriptors. */
struct relay *relay_new(struct ev_loop *loop, int client, uint16_t to,
	void (*on_end)(struct relay *relay), void *owner);
/* The server gets what the client has sent, and its end; the client the answer. May free it. */
void relay_finish(struct relay *relay);
void relay_free(struct relay *relay);

#endif
