/*
 * server_inside.h - what server.c (listening, accepting) and server_client.c (one client: its frames,
 * its output, its end) share. Private to this room.
 *
 * Clients are found by number, never by pointer, once a callback has returned: a reply that comes
 * turns later asks for the number, and a client that has gone is simply not found. A client is never
 * freed inside its own callback; it is marked dead and buried when the turn's work on it is done.
 */
#ifndef CONTROL_SERVER_INSIDE_H
#define CONTROL_SERVER_INSIDE_H

#include "base/list.h"
#include "control/server.h"
#include "control/wire.h"
#include "loop/io_watch.h"

struct sentry;

struct client {
	struct control_server *server; /* borrows */
	uint64_t number;
	int fd; /* owns */
	struct io_watch readable;
	struct io_watch writable;
	ev_timer deadline; /* runs while a greeting or the rest of a frame is due */
	struct frame_reader reader;
	struct text output; /* owns: frames not written yet */
	size_t written; /* of output */
	double last_s; /* loop time of its last request or answer */
	int open; /* requests without a reply */
	bool greeted;
	bool same_version;
	bool lifeline;
	bool busy; /* somebody up the stack works on it: do not free */
	bool dead;
};

struct control_server {
	struct ev_loop *loop; /* borrows */
	struct control_handler handler;
	char *path; /* owns */
	int fd; /* owns; -1 while the socket is being made again */
	struct io_watch acceptable;
	ev_timer pause; /* accept(2) had no descriptor */
	ev_timer again; /* some client has whole frames left from the last turn */
	struct sentry *sentry; /* owns; NULL where inotify is not to be had */
	uint64_t last_number;
	LIST(struct client *) clients;
};

/* Owns fd, also on failure (NULL). Greets it. */
struct client *client_new(struct control_server *server, int fd, bool lifeline);
/* Ends it; it is freed now, or by whoever works on it. */
void client_drop(struct client *client);
/* False when the client is gone. */
bool client_write_out(struct client *client);
/* Takes the frames that are there, but not more than one turn's share. */
void client_drain(struct client *client);

void server_trouble(struct control_server *server, const char *text);

#endif
