#include "control/client.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/own.h"
#include "control/path.h"
#include "control/protocol.h"

static int broken(struct error *e)
{
	fail(e, EXIT_FAILED, "the supervisor closed the connection");
	if (e)
		e->number = EPIPE;
	return -1;
}

/* Milliseconds left of a deadline for poll(2); -1 for no deadline. */
static int left_ms(int64_t deadline_ms)
{
	if (deadline_ms < 0)
		return -1;
	int64_t left = deadline_ms - clock_now_ms();
	return left < 0 ? 0 : left > 1000000 ? 1000000 : (int)left;
}

static int64_t deadline_in(int64_t timeout_ms)
{
	return timeout_ms < 0 ? -1 : clock_now_ms() + timeout_ms;
}

static int send_frame(struct control_client *client, const json_t *frame, struct error *e)
{
	OWNED_TEXT bytes = {0};
	if (!frame)
		return fail(e, EXIT_FAILED, "out of memory while writing a request");
	if (frame_encode(frame, &bytes, e) < 0)
		return -1;
	for (size_t sent = 0; sent < bytes.length;) {
		ssize_t count =
			send(client->fd, bytes.data + sent, bytes.length - sent, MSG_NOSIGNAL);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0 && (errno == EPIPE || errno == ECONNRESET))
			return broken(e);
		if (count < 0)
			return fail_errno(e, EXIT_FAILED, "writing to the supervisor");
		sent += (size_t)count;
	}
	return 0;
}

/* One read of what is there. */
static int fill(struct control_client *client, struct error *e)
{
	char bytes[64 * 1024];
	ssize_t count;
	do
		count = recv(client->fd, bytes, sizeof bytes, 0);
	while (count < 0 && errno == EINTR);
	if (count == 0 || (count < 0 && errno == ECONNRESET))
		return broken(e);
	if (count < 0)
		return fail_errno(e, EXIT_FAILED, "reading from the supervisor");
	if (!frame_feed(&client->reader, bytes, (size_t)count))
		return fail(e, EXIT_FAILED, "out of memory while reading from the supervisor");
	return 0;
}

/* 1: *frame is set, 0: the deadline or a signal came first, -1: e says what broke. */
static int read_frame(
	struct control_client *client, int64_t deadline_ms, json_t **frame, struct error *e)
{
	for (;;) {
		switch (frame_next(&client->reader, frame, e)) {
		case FRAME_READY:
			return 1;
		case FRAME_BAD:
			return fail_while(e, "reading from the supervisor");
		case FRAME_PARTIAL:
			break;
		}
		struct pollfd wait = {.fd = client->fd, .events = POLLIN};
		int left = left_ms(deadline_ms);
		int ready;
		/* A look that does not wait is taken again; a signal ends only a wait. */
		do
			ready = poll(&wait, 1, left);
		while (ready < 0 && errno == EINTR && left == 0);
		if (ready < 0 && errno != EINTR)
			return fail_errno(e, EXIT_FAILED, "waiting for the supervisor");
		if (ready <= 0)
			return 0;
		if (fill(client, e) < 0)
			return -1;
	}
}

/* Their greeting first: a listener that is no stackup says so before we tell it anything. */
static int take_greeting(struct control_client *client, int64_t timeout_ms, struct error *e)
{
	json_t *frame = NULL;
	int64_t deadline = deadline_in(timeout_ms);
	int got;
	do
		got = read_frame(client, deadline, &frame, e);
	while (got == 0 && left_ms(deadline) != 0);
	if (got < 0)
		return -1;
	if (got == 0)
		return fail(e, EXIT_TIMED_OUT, "the supervisor does not answer");
	const json_t *protocol = json_object_get(frame, "stackup");
	const char *version = json_string_value(json_object_get(frame, "version"));
	client->protocol = (int)json_integer_value(protocol);
	strncat(client->version, version ? version : "?", sizeof client->version - 1);
	bool known = json_is_integer(protocol);
	json_decref(frame);
	return known ? 0 : fail(e, EXIT_FAILED, "what listens there is not a stackup supervisor");
}

static int send_greeting(struct control_client *client, bool lifeline, struct error *e)
{
	json_t *greeting = json_pack("{s:i, s:s}", "stackup", PROTOCOL_VERSION, "version",
		STACKUP_VERSION);
	if (greeting && lifeline)
		json_object_set_new(greeting, "lifeline", json_true());
	int result = send_frame(client, greeting, e);
	json_decref(greeting);
	return result;
}

int client_adopt(struct control_client *client, int fd, bool lifeline, int64_t timeout_ms,
	struct error *e)
{
	*client = (struct control_client){.fd = fd};
	if (take_greeting(client, timeout_ms, e) == 0 && send_greeting(client, lifeline, e) == 0)
		return 0;
	client_close(client);
	return -1;
}

int client_connect(struct control_client *client, const char *path, int64_t timeout_ms,
	struct error *e)
{
	*client = (struct control_client){.fd = -1};
	OWNED_FD fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail_errno(e, EXIT_FAILED, "making a socket");
	/* connect(2) of a unix socket waits only while the backlog is full; this bounds it. */
	struct timeval limit = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	if (path_connect(fd, path) < 0) {
		bool absent = errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR;
		return fail_errno(e, absent ? EXIT_NOT_FOUND : EXIT_FAILED,
			"connecting to the supervisor at %s", path);
	}
	return client_adopt(client, take_fd(&fd), false, timeout_ms, e);
}

void client_close(struct control_client *client)
{
	if (client->fd >= 0)
		close(client->fd);
	client->fd = -1;
	frame_reader_release(&client->reader);
	json_decref(client->refusal);
	client->refusal = NULL;
}

static int check_version(const struct control_client *client, const char *verb, struct error *e)
{
	if (client->protocol == PROTOCOL_VERSION || protocol_is_common(verb))
		return 0;
	fail(e, EXIT_FAILED,
		"this instance is supervised by stackup %s, whose control protocol %d is not ours "
		"(stackup %s, protocol %d)",
		client->version, client->protocol, STACKUP_VERSION, PROTOCOL_VERSION);
	error_hint(e, "`stackup upgrade` puts this version in its place, `stackup down` ends the instance");
	return -1;
}

int client_send_more(struct control_client *client, int64_t id, json_t *frame, struct error *e)
{
	int result = -1;
	if (!frame || json_object_set_new(frame, "id", json_integer(id)) < 0)
		fail(e, EXIT_FAILED, "out of memory while writing a request");
	else
		result = send_frame(client, frame, e);
	json_decref(frame);
	return result;
}

int client_send(struct control_client *client, json_t *request, int64_t *id, struct error *e)
{
	if (check_version(client, json_string_value(json_object_get(request, "verb")), e) < 0) {
		json_decref(request);
		return -1;
	}
	int64_t number = ++client->last_id;
	if (id)
		*id = number;
	return client_send_more(client, number, request, e);
}

static void take_refusal(struct control_client *client, const json_t *frame, struct error *e)
{
	json_t *object = json_object_get(frame, "error");
	const char *text = json_string_value(json_object_get(object, "text"));
	const char *hint = json_string_value(json_object_get(object, "hint"));
	int code = (int)json_integer_value(json_object_get(object, "exit"));
	fail(e, code ? code : EXIT_FAILED, "%s", text ? text : "the supervisor refused");
	if (hint && hint[0])
		error_hint(e, "%s", hint);
	json_decref(client->refusal);
	client->refusal = json_incref(object);
}

enum client_result client_next(struct control_client *client, int64_t id, int64_t timeout_ms,
	json_t **frame, struct error *e)
{
	int64_t deadline = deadline_in(timeout_ms);
	*frame = NULL;
	for (;;) {
		json_t *got = NULL;
		int result = read_frame(client, deadline, &got, e);
		if (result <= 0)
			return result < 0 ? CLIENT_FAILED : CLIENT_WAITING;
		if (json_integer_value(json_object_get(got, "id")) != id) {
			json_decref(got);
			continue;
		}
		if (json_is_true(json_object_get(got, "more"))) {
			*frame = got;
			return CLIENT_MORE;
		}
		if (json_is_true(json_object_get(got, "ok"))) {
			*frame = got;
			return CLIENT_REPLY;
		}
		take_refusal(client, got, e);
		json_decref(got);
		return CLIENT_FAILED;
	}
}

int client_call_stream(struct control_client *client, json_t *request, int64_t timeout_ms,
	void (*on_more)(void *self, const json_t *part), void *self, json_t **reply, struct error *e)
{
	int64_t id;
	if (client_send(client, request, &id, e) < 0)
		return -1;
	int64_t deadline = deadline_in(timeout_ms);
	for (;;) {
		json_t *frame = NULL;
		enum client_result what =
			client_next(client, id, deadline < 0 ? -1 : left_ms(deadline), &frame, e);
		if (what == CLIENT_MORE && on_more)
			on_more(self, frame);
		if (what == CLIENT_REPLY && reply)
			*reply = json_incref(frame);
		json_decref(frame);
		if (what == CLIENT_REPLY)
			return 0;
		if (what == CLIENT_FAILED)
			return -1;
		if (what == CLIENT_WAITING && left_ms(deadline) == 0)
			return fail(e, EXIT_TIMED_OUT, "the supervisor does not answer");
	}
}

int client_call(struct control_client *client, json_t *request, int64_t timeout_ms, json_t **reply,
	struct error *e)
{
	return client_call_stream(client, request, timeout_ms, NULL, NULL, reply, e);
}
