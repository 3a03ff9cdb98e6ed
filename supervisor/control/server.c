#include "control/server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "base/own.h"
#include "control/path.h"
#include "control/sentry.h"
#include "control/server_inside.h"

static const double ACCEPT_PAUSE_S = 1.0;
enum { ACCEPTS_A_TURN = 16, BACKLOG = 64 };

void server_trouble(struct control_server *server, const char *text)
{
	if (server->handler.on_trouble)
		server->handler.on_trouble(server->handler.self, text);
}

static void on_again(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	struct control_server *server = timer->data;
	for (size_t i = server->clients.count; i > 0; i--)
		if (i <= server->clients.count && frame_waiting(&server->clients.items[i - 1]->reader))
			client_drain(server->clients.items[i - 1]);
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

static void on_acceptable(struct io_watch *watch, int events)
{
	(void)events;
	struct control_server *server = watch->owner;
	for (int n = 0; n < ACCEPTS_A_TURN; n++) {
		int fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0) {
			if (peer_is_ours(fd))
				client_new(server, fd, false);
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
		io_watch_stop(watch);
		ev_timer_set(&server->pause, ACCEPT_PAUSE_S, 0.);
		ev_timer_start(server->loop, &server->pause);
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

static int start_listening(struct control_server *server, int fd, struct error *e)
{
	if (prepare_directory(server->path, e) < 0)
		return -1;
	if (fd < 0)
		fd = open_socket(server->path, e);
	if (fd < 0)
		return -1;
	server->fd = fd;
	io_watch_init(&server->acceptable, server->loop, fd, EV_READ, on_acceptable, server);
	io_watch_start(&server->acceptable);
	if (server->sentry)
		sentry_watch(server->sentry, server->path);
	return 0;
}

static void stop_listening(struct control_server *server)
{
	io_watch_stop(&server->acceptable);
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
		io_watch_start(&server->acceptable);
	} else if (start_listening(server, -1, &e) < 0) {
		ev_timer_set(timer, ACCEPT_PAUSE_S, 0.);
		ev_timer_start(loop, timer);
	}
}

static void on_socket_gone(void *self)
{
	struct control_server *server = self;
	struct error e;
	stop_listening(server);
	if (start_listening(server, -1, &e) == 0) {
		server_trouble(server, "the control socket was removed; it is there again");
		return;
	}
	server_trouble(server, e.text);
	ev_timer_set(&server->pause, ACCEPT_PAUSE_S, 0.);
	ev_timer_start(server->loop, &server->pause);
}

struct control_server *control_listen(struct ev_loop *loop, const char *path,
	const struct control_handler *handler, struct error *e)
{
	return control_listen_on(loop, -1, path, handler, e);
}

int control_socket(const struct control_server *server)
{
	return server->fd;
}

struct control_server *control_listen_on(struct ev_loop *loop, int fd, const char *path,
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
	io_watch_init(&server->acceptable, loop, -1, EV_READ, on_acceptable, server);
	ev_timer_init(&server->pause, on_pause, 0., 0.);
	ev_timer_init(&server->again, on_again, 0., 0.);
	server->pause.data = server->again.data = server;
	server->sentry = sentry_new(loop, on_socket_gone, server);
	if (start_listening(server, fd, e) == 0)
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
	struct client *client = client_new(server, fd, lifeline);
	return client ? client->number : 0;
}

void control_hide(struct control_server *server)
{
	if (server->sentry)
		sentry_rest(server->sentry);
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
		client_drop(client);
	}
	list_release(&server->clients);
	free(server->path);
	free(server);
}

void control_flush(struct control_server *server)
{
	for (size_t i = server->clients.count; i > 0; i--)
		if (i <= server->clients.count && !server->clients.items[i - 1]->dead)
			client_write_out(server->clients.items[i - 1]);
}

int control_client_count(const struct control_server *server)
{
	return (int)server->clients.count;
}
