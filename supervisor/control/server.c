/*
 * Clients are found by number, never by pointer, once a callback has returned: a reply that comes
 * turns later asks for the number, and a client that has gone is simply not found. A client is never
 * freed inside its own callback; it is marked dead and buried when the turn's work on it is done.
 */
#include "control/server.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/list.h"
#include "base/own.h"
#include "control/path.h"
#include "control/protocol.h"
#include "control/sentry.h"
#include "control/wire.h"

static const double GREETING_S = 5.0;
static const double FRAME_S = 10.0;
static const double ACCEPT_PAUSE_S = 1.0;
enum { READ_A_TURN = 64 * 1024, ACCEPTS_A_TURN = 16, BACKLOG = 64 };

struct client {
	struct control_server *server; /* borrows */
	uint64_t number;
	int fd; /* owns */
	ev_io readable;
	ev_io writable;
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
	ev_io acceptable;
	ev_timer pause; /* accept(2) had no descriptor */
	ev_timer again; /* some client has whole frames left from the last turn */
	struct sentry *sentry; /* owns; NULL where inotify is not to be had */
	uint64_t last_number;
	LIST(struct client *) clients;
};

static void trouble(struct control_server *server, const char *text)
{
	if (server->handler.on_trouble)
		server->handler.on_trouble(server->handler.self, text);
}

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
static void drop(struct client *client)
{
	if (client->dead)
		return;
	struct control_server *server = client->server;
	client->dead = true;
	ev_io_stop(server->loop, &client->readable);
	ev_io_stop(server->loop, &client->writable);
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
static bool write_out(struct client *client)
{
	while (client->written < client->output.length) {
		ssize_t count = send(client->fd, client->output.data + client->written,
			client->output.length - client->written, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0 && errno != EAGAIN && errno != ENOBUFS && errno != ENOMEM) {
			drop(client);
			return false;
		}
		if (count < 0)
			break;
		client->written += (size_t)count;
	}
	if (client->written < client->output.length) {
		ev_io_start(client->server->loop, &client->writable);
		return true;
	}
	ev_io_stop(client->server->loop, &client->writable);
	client->written = 0;
	if (client->output.capacity > 64 * 1024)
		text_release(&client->output);
	text_clear(&client->output);
	return true;
}

/* One answer may be larger than the bound; what is bounded is what lies unread before it. */
static bool push_frame(struct client *client, const json_t *object, struct error *e)
{
	struct control_server *server = client->server;
	if (client->output.length - client->written > CONTROL_OUTPUT_MOST) {
		trouble(server, "a client of the control socket does not read; it was closed");
		drop(client);
		return fail(e, EXIT_FAILED, "the client does not read") == 0;
	}
	if (client->written) {
		text_consume(&client->output, client->written);
		client->written = 0;
	}
	if (frame_encode(object, &client->output, e) < 0) {
		if (!text_ok(&client->output))
			drop(client);
		return false;
	}
	client->last_s = ev_now(server->loop);
	return write_out(client);
}

static json_t *error_object(const struct error *error, json_t *extra)
{
	json_t *object = json_pack("{s:s, s:i, s:s, s:s}", "code", exit_code_word(error->code), "exit",
		error->code, "text", error->text, "hint", error->hint);
	if (!object) /* a text that is not UTF-8: still an answer */
		object = json_pack("{s:s, s:i, s:s, s:s}", "code", exit_code_word(error->code),
			"exit", error->code, "text", "the reason is not valid UTF-8", "hint", "");
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
			drop(client);
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

static bool works_between_versions(const char *verb)
{
	return strcmp(verb, "down") == 0 || strcmp(verb, "ping") == 0;
}

/* Whether the handler may see it; otherwise the refusal is sent. */
static bool admit(struct client *client, int64_t id, const char *verb)
{
	struct error e = {0};
	if (!verb) {
		fail(&e, EXIT_USAGE, "a request without a verb");
	} else if (!client->same_version && !works_between_versions(verb)) {
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
	const char *verb = json_string_value(json_object_get(frame, "verb"));
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
		drop(client);
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
static void drain(struct client *client)
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
		drop(client);
	client->busy = false;
	if (client->dead) {
		bury(client);
		return;
	}
	/* While frames are left nothing more is read: the client waits, not our memory. */
	bool more = frame_waiting(&client->reader);
	if (more) {
		ev_io_stop(server->loop, &client->readable);
		ev_timer_start(server->loop, &server->again);
	} else {
		ev_io_start(server->loop, &client->readable);
		set_deadline(client);
	}
}

static void on_again(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	struct control_server *server = timer->data;
	for (size_t i = server->clients.count; i > 0; i--)
		if (i <= server->clients.count && frame_waiting(&server->clients.items[i - 1]->reader))
			drain(server->clients.items[i - 1]);
}

static void on_readable(struct ev_loop *loop, ev_io *io, int events)
{
	(void)loop;
	(void)events;
	struct client *client = io->data;
	char bytes[READ_A_TURN];
	ssize_t count = recv(client->fd, bytes, sizeof bytes, MSG_DONTWAIT);
	if (count < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (count <= 0 || !frame_feed(&client->reader, bytes, (size_t)count))
		drop(client);
	else
		drain(client);
}

static void on_writable(struct ev_loop *loop, ev_io *io, int events)
{
	(void)loop;
	(void)events;
	write_out(io->data);
}

static void on_deadline(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	drop(timer->data);
}

/* ---- new clients ---- */

static bool peer_is_ours(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof peer;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return false;
	return peer.uid == geteuid() || peer.uid == 0;
}

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
		drop(oldest);
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
	client->busy = false;
	return sent;
}

/* fd is the client's from here on. NULL: closed. */
static struct client *add_client(struct control_server *server, int fd, bool lifeline)
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
	ev_io_init(&client->readable, on_readable, fd, EV_READ);
	ev_io_init(&client->writable, on_writable, fd, EV_WRITE);
	ev_timer_init(&client->deadline, on_deadline, 0., 0.);
	client->readable.data = client->writable.data = client->deadline.data = client;
	if (!greet(client)) {
		bury(client);
		return NULL;
	}
	client->lifeline = lifeline;
	ev_io_start(server->loop, &client->readable);
	set_deadline(client);
	return client;
}

static void on_acceptable(struct ev_loop *loop, ev_io *io, int events)
{
	(void)events;
	struct control_server *server = io->data;
	for (int n = 0; n < ACCEPTS_A_TURN; n++) {
		int fd = accept4(io->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0) {
			if (peer_is_ours(fd))
				add_client(server, fd, false);
			else
				close(fd);
			continue;
		}
		if (errno == EINTR || errno == ECONNABORTED)
			continue;
		if (errno == EAGAIN)
			return;
		/* No descriptor or no memory: the listener stays readable, so looking again at
		 * once would spin. */
		ev_io_stop(loop, io);
		ev_timer_set(&server->pause, ACCEPT_PAUSE_S, 0.);
		ev_timer_start(loop, &server->pause);
		return;
	}
}

/* ---- the listening socket ---- */

static int open_socket(const char *path, struct error *e)
{
	OWNED_FD fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail_errno(e, EXIT_FAILED, "making the control socket");
	if (unlink(path) < 0 && errno != ENOENT)
		return fail_errno(e, EXIT_FAILED, "removing the old control socket %s", path);
	if (path_bind(fd, path) < 0 || listen(fd, BACKLOG) < 0)
		return fail_errno(e, EXIT_FAILED, "control socket %s", path);
	return take_fd(&fd);
}

static int prepare_directory(const char *path, struct error *e)
{
	const char *slash = strrchr(path, '/');
	OWNED(char) dir = slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
	if (!dir)
		return fail(e, EXIT_FAILED, "out of memory");
	if (file_make_directories(dir, e) < 0 || path_check_private(dir, e) < 0)
		return fail_while(e, "control socket %s", path);
	return 0;
}

static int start_listening(struct control_server *server, struct error *e)
{
	if (prepare_directory(server->path, e) < 0)
		return -1;
	int fd = open_socket(server->path, e);
	if (fd < 0)
		return -1;
	server->fd = fd;
	ev_io_set(&server->acceptable, fd, EV_READ);
	ev_io_start(server->loop, &server->acceptable);
	if (server->sentry)
		sentry_watch(server->sentry, server->path);
	return 0;
}

static void stop_listening(struct control_server *server)
{
	ev_io_stop(server->loop, &server->acceptable);
	if (server->fd >= 0)
		close(server->fd);
	server->fd = -1;
}

/* After a pause: listen again, or try again to make the socket that was removed. */
static void on_pause(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)events;
	struct control_server *server = timer->data;
	struct error e;
	if (server->fd >= 0) {
		ev_io_start(loop, &server->acceptable);
	} else if (start_listening(server, &e) < 0) {
		ev_timer_set(timer, ACCEPT_PAUSE_S, 0.);
		ev_timer_start(loop, timer);
	}
}

static void on_socket_gone(void *self)
{
	struct control_server *server = self;
	struct error e;
	stop_listening(server);
	if (start_listening(server, &e) == 0) {
		trouble(server, "the control socket was removed; it is there again");
		return;
	}
	trouble(server, e.text);
	ev_timer_set(&server->pause, ACCEPT_PAUSE_S, 0.);
	ev_timer_start(server->loop, &server->pause);
}

struct control_server *control_listen(struct ev_loop *loop, const char *path,
	const struct control_handler *handler, struct error *e)
{
	struct control_server *server = calloc(1, sizeof *server);
	if (!server || !(server->path = strdup(path))) {
		free(server);
		fail(e, EXIT_FAILED, "out of memory");
		return NULL;
	}
	server->loop = loop;
	server->handler = *handler;
	server->fd = -1;
	ev_io_init(&server->acceptable, on_acceptable, 0, EV_READ);
	ev_timer_init(&server->pause, on_pause, 0., 0.);
	ev_timer_init(&server->again, on_again, 0., 0.);
	server->acceptable.data = server->pause.data = server->again.data = server;
	server->sentry = sentry_new(loop, on_socket_gone, server);
	if (start_listening(server, e) == 0)
		return server;
	control_close(server);
	return NULL;
}

uint64_t control_adopt(struct control_server *server, int fd, bool lifeline)
{
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
		fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
		close(fd);
		return 0;
	}
	struct client *client = add_client(server, fd, lifeline);
	return client ? client->number : 0;
}

void control_hide(struct control_server *server)
{
	sentry_free(server->sentry);
	server->sentry = NULL;
	if (server->fd >= 0)
		unlink(server->path);
	stop_listening(server);
}

void control_close(struct control_server *server)
{
	if (!server)
		return;
	sentry_free(server->sentry);
	ev_timer_stop(server->loop, &server->pause);
	ev_timer_stop(server->loop, &server->again);
	if (server->fd >= 0)
		unlink(server->path);
	stop_listening(server);
	/* Nobody is told any more: the owner is ending as well. */
	while (server->clients.count) {
		struct client *client = server->clients.items[server->clients.count - 1];
		client->open = 0;
		client->lifeline = false;
		client->busy = false;
		drop(client);
	}
	list_release(&server->clients);
	free(server->path);
	free(server);
}

bool control_present(const struct control_server *server, uint64_t client)
{
	return find_client(server, client) != NULL;
}

void control_flush(struct control_server *server)
{
	for (size_t i = server->clients.count; i > 0; i--)
		if (i <= server->clients.count && !server->clients.items[i - 1]->dead)
			write_out(server->clients.items[i - 1]);
}

int control_client_count(const struct control_server *server)
{
	return (int)server->clients.count;
}
