/*
 * client.h - the command's end of the control socket: blocking, with deadlines.
 *
 *	struct control_client c;
 *	if (client_connect(&c, path, 2000, &error)) ...	// e.code EXIT_NOT_FOUND: nobody there
 *	if (client_call(&c, json_pack("{s:s}", "verb", "status"), 5000, &reply, &error)) ...
 *	json_decref(reply);
 *	client_close(&c);
 *
 * A refusal of the supervisor arrives as an ordinary error with its exit code. A supervisor of another
 * protocol version is an error for every verb but those of protocol_is_common(), before anything is sent.
 */
#ifndef CONTROL_CLIENT_H
#define CONTROL_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/error.h"
#include "control/wire.h"

enum { CLIENT_VERSION_SIZE = 32 };

struct control_client {
	int fd; /* owns; -1 when closed. May be polled for reading */
	struct frame_reader reader;
	int64_t last_id;
	int protocol; /* theirs */
	char version[CLIENT_VERSION_SIZE]; /* theirs */
	json_t *refusal; /* owns: the "error" object of the last refusal; NULL: there was none */
};

/* Connects and exchanges greetings. -1 with EXIT_NOT_FOUND when nobody listens there. */
int client_connect(struct control_client *client, const char *path, int64_t timeout_ms,
	struct error *e);
/* The same over a socket that is connected already; owns fd from now on, also on failure. */
int client_adopt(struct control_client *client, int fd, bool lifeline, int64_t timeout_ms,
	struct error *e);
void client_close(struct control_client *client);

/* Sends a request (stolen; its "verb" is set, "id" is added). *id may be NULL. */
int client_send(struct control_client *client, json_t *request, int64_t *id, struct error *e);
/* Sends another frame of a request that is open ("input", "winch"); steals it. */
int client_send_more(struct control_client *client, int64_t id, json_t *frame, struct error *e);

enum client_result { CLIENT_FAILED = -1, CLIENT_REPLY, CLIENT_MORE, CLIENT_WAITING };
/*
 * The next frame for request id. CLIENT_REPLY: *frame is the reply, CLIENT_MORE: a part of a stream,
 * CLIENT_WAITING: nothing within timeout_ms (0: do not wait, negative: for ever) or a signal came,
 * CLIENT_FAILED: e holds the refusal or what broke; e->number is EPIPE when the other side left.
 * CLIENT_FAILED leaves *frame NULL; what a refusal says beyond e is in client->refusal.
 */
enum client_result client_next(struct control_client *client, int64_t id, int64_t timeout_ms,
	json_t **frame, struct error *e);

/* Send and wait for the reply; *reply may be NULL. A stream's parts go to on_more when it is set. */
int client_call(struct control_client *client, json_t *request, int64_t timeout_ms, json_t **reply,
	struct error *e);
int client_call_stream(struct control_client *client, json_t *request, int64_t timeout_ms,
	void (*on_more)(void *self, const json_t *part), void *self, json_t **reply,
	struct error *e);

#endif
