/*
 * server.h - the supervisor's end of the control socket, on its libev loop.
 *
 * It knows frames, clients and limits; what a verb means is the handler's business.
 *
 * 1. control_listen() after the instance's lock byte is held: a socket file that lies there is then
 *    certainly stale and is replaced. The socket is 0600 in a 0700 directory, and every peer is asked
 *    for its uid (SO_PEERCRED): ours or root's.
 * 2. on_request() is called for each request of a client that has greeted. The handler answers with
 *    control_reply() or control_refuse() exactly once, at once or turns later, and may send any
 *    number of control_more() before. A ticket stays safe to use for ever: when its client has gone,
 *    the calls return false and free what they were given.
 * 3. on_gone() tells that a client has left while it had open requests, or that was a lifeline.
 * 4. control_close() ends everything and removes the socket.
 *
 * No client can hurt the loop: at most CONTROL_CLIENTS_MOST at once (the one that is idle longest is
 * closed for a new one); a greeting within 5 s and a begun frame within 10 s; REQUESTS_A_TURN
 * requests of one client in one loop turn; REQUESTS_OPEN unanswered ones; once more than 256 KiB
 * wait to be read by it, a client is closed. When accept(2) has no descriptor it pauses for a second
 * instead of spinning. A socket file that somebody removed is made again at once (inotify).
 * Without clients there is no timer.
 */
#ifndef CONTROL_SERVER_H
#define CONTROL_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/error.h"

struct ev_loop;
struct control_server;

enum {
	CONTROL_CLIENTS_MOST = 64,
	CONTROL_OUTPUT_MOST = 256 * 1024,
	CONTROL_REQUESTS_A_TURN = 16,
	CONTROL_REQUESTS_OPEN = 64,
};

/* One request of one client. Plain data: copy it, keep it. */
struct control_ticket {
	uint64_t client; /* never used twice */
	int64_t request; /* the client's id */
};

struct control_handler {
	void *self;
	/* body is borrowed for the call; its "verb" is verb. */
	void (*on_request)(void *self, struct control_ticket ticket, const char *verb,
		const json_t *body);
	void (*on_gone)(void *self, uint64_t client, bool lifeline);
	/* For the log: one sentence. May be NULL. */
	void (*on_trouble)(void *self, const char *text);
};

/* NULL with e. Copies the path and the handler. */
struct control_server *control_listen(struct ev_loop *loop, const char *path,
	const struct control_handler *handler, struct error *e);
/*
 * The same with a socket that listens there already, of the supervisor before this one: who has connected
 * meanwhile is answered. Takes fd; -1: one is made.
 */
struct control_server *control_listen_on(struct ev_loop *loop, int fd, const char *path,
	const struct control_handler *handler, struct error *e);
/* The listening socket; -1 while it is made again. */
int control_socket(const struct control_server *server);
/*
 * Takes a connected stream socket (one end of a socketpair) as a client, for instance the lifeline
 * of the command that launched us. The greeting goes over it as over any other.
 * Its client number, 0 when it could not be taken (fd is closed then).
 */
uint64_t control_adopt(struct control_server *server, int fd, bool lifeline);
/* Stops listening and removes the socket; who is connected stays. Before the lock byte is given up. */
void control_hide(struct control_server *server);
void control_close(struct control_server *server);

/* These steal body (NULL means {}), add "id", "ok" or "more", and return false when it was in vain. */
bool control_reply(struct control_server *server, struct control_ticket ticket, json_t *body);
bool control_more(struct control_server *server, struct control_ticket ticket, json_t *body);
bool control_refuse(
	struct control_server *server, struct control_ticket ticket, const struct error *error);
/* As control_refuse, with further members for the error object ("complaints"); steals extra. */
bool control_refuse_with(struct control_server *server, struct control_ticket ticket,
	const struct error *error, json_t *extra);

bool control_present(const struct control_server *server, uint64_t client);
/* Writes what it can of all output without waiting: before the process ends. */
void control_flush(struct control_server *server);
int control_client_count(const struct control_server *server);

#endif
