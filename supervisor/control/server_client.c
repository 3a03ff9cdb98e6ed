#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/protocol.h"
#include "control/server_inside.h"

static const double GREETING_S = 5.0;
static const double FRAME_S = 10.0;
enum { READ_A_TURN = 64 * 1024 };

static struct client *find_client(const struct control_server *server, uint64_t number)
{
	for (size_t i = 0; i < server->clients.count; i++)
		if (server->clients.items[i]->number == number)
			return server->clients.items[i]->dead ? NULL : server->clients.items[i];
	return NULL;
}

/* ---- the end of a client ---- */

static void bury(struct client *client)
{
	struct control_server *server = client->server;
	for (size_t i = 0; i < server->clients.count; i++) {
		if (server->clients.items[i] == client) {
			list_remove(&server->clients, i);
			break;
		}
	}
	frame_reader_release(&client->reader);
	text_release(&client->output);
	free(client);
}

/* Descriptors first: on_gone may look for a free one. */
void client_drop(struct client *client)
{
	if (client->dead)
		return;
	struct control_server *server = client->server;
	client->dead = true;
	io_watch_stop(&client->readable);
	io_watch_stop(&client->writable);
	ev_timer_stop(server->loop, &client->deadline);
	close(client->fd);
	client->fd = -1;
	if (client->open > 0 || client->lifeline)
		server->handler.on_gone(server->handler.self, client->number, client->lifeline);
	if (!client->busy)
		bury(client);
}

/* ---- output ---- */

/* False when the client is gone. */
bool client_write_out(struct client *client)
{
	while (client->written < client->output.length) {
		ssize_t count = send(client->fd, client->output.data + client->written,
			client->output.length - client->written, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0 && errno != EAGAIN && errno != ENOBUFS && errno != ENOMEM) {
			client_drop(client);
			return false;
		}
		if (count < 0)
			break;
		client->written += (size_t)count;
	}
	if (client->written < client->output.length) {
		io_watch_start(&client->writable);
		return true;
	}
	io_watch_stop(&client->writable);
	client->written = 0;
	if (client->output.capacity > (size_t)64 * 1024)
		text_release(&client->output);
	text_clear(&client->output);
	return true;
}

/* One answer may be larger than the bound; what is bounded is what lies unread before it. */
static bool push_frame(struct client *client, const json_t *object, struct error *e)
{
	struct control_server *server = client->server;
	if (client->output.length - client->written > CONTROL_OUTPUT_MOST) {
		server_trouble(server, "a client of the control socket does not read; it was closed");
		client_drop(client);
		fail(e, EXIT_FAILED, "the client does not read");
		return false;
	}
	if (client->written) {
		text_consume(&client->output, client->written);
		client->written = 0;
	}
	if (frame_encode(object, &client->output, e) < 0) {
		if (!text_ok(&client->output))
			client_drop(client);
		return false;
	}
	client->last_s = ev_now(server->loop);
	return client_write_out(client);
}

static json_t *error_object(const struct error *error, json_t *extra)
{
	json_t *object = json_pack("{s:s, s:i, s:o, s:o}", "code", exit_code_word(error->code), "exit",
		error->code, "text", wire_string(error->text), "hint",
		wire_string(error->hint));
	if (object && extra)
		json_object_update(object, extra);
	json_decref(extra);
	return object;
}

static bool send_error(struct client *client, int64_t request, const struct error *error, json_t *extra)
{
	json_t *frame = json_pack("{s:I, s:b, s:o*}", "id", (json_int_t)request, "ok", 0, "error",
		error_object(error, extra));
	struct error e;
	bool sent = frame && push_frame(client, frame, &e);
	json_decref(frame);
	return sent;
}

/* Adds the id and one flag to the body and sends it. */
static bool send_body(struct control_server *server, struct control_ticket ticket, json_t *body,
	const char *flag, bool final)
{
	struct client *client = find_client(server, ticket.client);
	json_t *frame = body ? body : json_object();
	if (!client || !frame ||
		json_object_set_new(frame, "id", json_integer(ticket.request)) < 0 ||
		json_object_set_new(frame, flag, json_true()) < 0) {
		json_decref(frame);
		if (client)
			client_drop(client);
		return false;
	}
	if (final && client->open > 0)
		client->open--;
	struct error e = {0};
	bool sent = push_frame(client, frame, &e);
	json_decref(frame);
	client = find_client(server, ticket.client);
	if (!sent && client && final)
		send_error(client, ticket.request, &e, NULL);
	return sent;
}

bool control_reply(struct control_server *server, struct control_ticket ticket, json_t *body)
{
	return send_body(server, ticket, body, "ok", true);
}

bool control_more(struct control_server *server, struct control_ticket ticket, json_t *body)
{
	return send_body(server, ticket, body, "more", false);
}

bool control_refuse(
	struct control_server *server, struct control_ticket ticket, const struct error *error)
{
	return control_refuse_with(server, ticket, error, NULL);
}

bool control_refuse_with(struct control_server *server, struct control_ticket ticket,
	const struct error *error, json_t *extra)
{
	struct client *client = find_client(server, ticket.client);
	if (!client) {
		json_decref(extra);
		return false;
	}
	if (client->open > 0)
		client->open--;
	return send_error(client, ticket.request, error, extra);
}

/* ---- input ---- */

static bool take_greeting(struct client *client, const json_t *frame)
{
	const json_t *version = json_object_get(frame, "stackup");
	if (!json_is_integer(version))
		return false;
	client->greeted = true;
	client->same_version = json_integer_value(version) == PROTOCOL_VERSION;
	if (json_is_true(json_object_get(frame, "lifeline")))
		client->lifeline = true;
	return true;
}

/* Whether the handler may see it; otherwise the refusal is sent. */
static bool admit(struct client *client, int64_t id, const char *verb)
{
	struct error e = {0};
	if (!verb) {
		fail(&e, EXIT_USAGE, "a request without a number or a verb");
	} else if (!client->same_version && !protocol_is_common(verb)) {
		fail(&e, EXIT_FAILED, "this instance is supervised by stackup %s, which speaks another "
			"version of the control protocol", STACKUP_VERSION);
		error_hint(&e, "`stackup down` works; start it again afterwards");
	} else if (client->open >= CONTROL_REQUESTS_OPEN) {
		fail(&e, EXIT_FAILED, "more than %d requests of one client wait for an answer",
			(int)CONTROL_REQUESTS_OPEN);
	} else {
		return true;
	}
	send_error(client, id, &e, NULL);
	return false;
}

static bool is_continuation(const char *verb)
{
	return strcmp(verb, "input") == 0 || strcmp(verb, "winch") == 0;
}

static void take_request(struct client *client, const json_t *frame)
{
	struct control_server *server = client->server;
	struct control_ticket ticket = {.client = client->number,
		.request = json_integer_value(json_object_get(frame, "id"))};
	bool numbered = json_is_integer(json_object_get(frame, "id"));
	const char *verb = numbered ? json_string_value(json_object_get(frame, "verb")) : NULL;
	if (!admit(client, ticket.request, verb))
		return;
	if (!is_continuation(verb))
		client->open++;
	client->last_s = ev_now(server->loop);
	server->handler.on_request(server->handler.self, ticket, verb, frame);
}

static void take_frame(struct client *client, const json_t *frame)
{
	if (client->greeted)
		take_request(client, frame);
	else if (!take_greeting(client, frame))
		client_drop(client);
}

/* The deadline of what is due from the client: its greeting, the rest of a frame, or nothing. */
static void set_deadline(struct client *client)
{
	struct ev_loop *loop = client->server->loop;
	bool due = !client->greeted || frame_begun(&client->reader);
	if (!due) {
		ev_timer_stop(loop, &client->deadline);
	} else if (!ev_is_active(&client->deadline)) {
		ev_timer_set(&client->deadline, client->greeted ? FRAME_S : GREETING_S, 0.);
		ev_timer_start(loop, &client->deadline);
	}
}

/* Takes the frames that are there, but not more than one turn's share. */
void client_drain(struct client *client)
{
	struct control_server *server = client->server;
	client->busy = true;
	enum frame_result what = FRAME_PARTIAL;
	for (int n = 0; n < CONTROL_REQUESTS_A_TURN && !client->dead; n++) {
		json_t *frame;
		struct error e;
		what = frame_next(&client->reader, &frame, &e);
		if (what != FRAME_READY)
			break;
		ev_timer_stop(server->loop, &client->deadline);
		take_frame(client, frame);
		json_decref(frame);
	}
	if (what == FRAME_BAD)
		client_drop(client);
	client->busy = false;
	if (client->dead) {
		bury(client);
		return;
	}
	/* While frames are left nothing more is read: the client waits, not our memory. */
	bool more = frame_waiting(&client->reader);
	if (more) {
		io_watch_stop(&client->readable);
		ev_timer_start(server->loop, &server->again);
	} else {
		io_watch_start(&client->readable);
		set_deadline(client);
	}
}

static void on_readable(struct io_watch *watch, int events)
{
	(void)events;
	struct client *client = watch->owner;
	char bytes[READ_A_TURN];
	ssize_t count = recv(client->fd, bytes, sizeof bytes, MSG_DONTWAIT);
	if (count < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (count <= 0 || !frame_feed(&client->reader, bytes, (size_t)count))
		client_drop(client);
	else
		client_drain(client);
}

static void on_writable(struct io_watch *watch, int events)
{
	(void)events;
	client_write_out(watch->owner);
}

static void on_deadline(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	client_drop(timer->data);
}

/* ---- its beginning ---- */

/* Room for one more, if need be by closing the client that has been idle longest. */
static bool make_room(struct control_server *server)
{
	if (server->clients.count < CONTROL_CLIENTS_MOST)
		return true;
	struct client *oldest = NULL;
	for (size_t i = 0; i < server->clients.count; i++) {
		struct client *c = server->clients.items[i];
		if (!c->open && !c->lifeline && !c->busy && (!oldest || c->last_s < oldest->last_s))
			oldest = c;
	}
	if (oldest)
		client_drop(oldest);
	return oldest != NULL;
}

static bool greet(struct client *client)
{
	json_t *greeting =
		json_pack("{s:i, s:s}", "stackup", PROTOCOL_VERSION, "version", STACKUP_VERSION);
	struct error e;
	client->busy = true;
	bool sent = greeting && push_frame(client, greeting, &e);
	json_decref(greeting);
	if (!sent)
		client_drop(client);
	client->busy = false;
	return sent;
}

struct client *client_new(struct control_server *server, int fd, bool lifeline)
{
	struct client *client = make_room(server) ? calloc(1, sizeof *client) : NULL;
	if (!client || !list_push(&server->clients, client)) {
		free(client);
		close(fd);
		return NULL;
	}
	client->server = server;
	client->number = ++server->last_number;
	client->fd = fd;
	client->last_s = ev_now(server->loop);
	io_watch_init(&client->readable, server->loop, fd, EV_READ, on_readable, client);
	io_watch_init(&client->writable, server->loop, fd, EV_WRITE, on_writable, client);
	ev_timer_init(&client->deadline, on_deadline, 0., 0.);
	client->deadline.data = client;
	if (!greet(client)) {
		bury(client);
		return NULL;
	}
	client->lifeline = lifeline;
	io_watch_start(&client->readable);
	set_deadline(client);
	return client;
}

bool control_present(const struct control_server *server, uint64_t client)
{
	return find_client(server, client) != NULL;
}
