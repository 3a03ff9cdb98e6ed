#include "forward/relay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/own.h"
#include "forward/forward.h"

enum { PIPE_BYTES = 64 * 1024 };

static void on_ready(struct io_watch *watch, int events);

static void watch_side(struct relay *r, enum relay_side side, int events)
{
	struct io_watch *watch = &r->watch[side];
	if (r->wanted[side] == events)
		return;
	r->wanted[side] = events;
	io_watch_stop(watch);
	if (!events)
		return;
	io_watch_init(watch, r->loop, r->fd[side], events, on_ready, r);
	io_watch_start(watch);
}

/* What is sent is passed on at once: whoever is small and slow waits for an answer. */
static void hurry(int fd)
{
	int on = 1;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* -1: it cannot be reached. */
static int dial(struct relay *r)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(r->to),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(r->to),
		.sin6_addr = IN6ADDR_LOOPBACK_INIT};
	own_close(&r->fd[RELAY_SERVER]);
	int fd = socket(r->second_try ? AF_INET6 : AF_INET,
		SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	r->fd[RELAY_SERVER] = fd;
	hurry(fd);
	int failed = r->second_try ? connect(fd, (struct sockaddr *)&v6, sizeof v6)
				   : connect(fd, (struct sockaddr *)&v4, sizeof v4);
	return failed && errno != EINPROGRESS ? -1 : 0;
}

static bool connect_somewhere(struct relay *r)
{
	while (dial(r)) {
		if (r->second_try)
			return false;
		r->second_try = true;
	}
	r->connecting = true;
	watch_side(r, RELAY_SERVER, EV_WRITE);
	return true;
}

/* False: one side is gone. A way is filled and then emptied: a full pipe is not tried again. */
static bool pump(struct relay *r, enum relay_side from)
{
	struct relay_way *way = &r->way[from];
	enum relay_side to = from == RELAY_CLIENT ? RELAY_SERVER : RELAY_CLIENT;
	const unsigned flags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK;
	for (size_t moved = 0; moved < FORWARD_BUDGET;) {
		if (!way->held && !way->ended) {
			ssize_t got = splice(
				r->fd[from], NULL, way->pipe[1], NULL, PIPE_BYTES, flags);
			bool dry = got < 0 && errno == EAGAIN && way->last;
			if (got < 0 && !dry)
				return errno == EAGAIN || errno == EINTR;
			way->ended = got <= 0;
			way->held = dry ? 0 : (size_t)got;
		}
		if (!way->held)
			break;
		ssize_t put = splice(way->pipe[0], NULL, r->fd[to], NULL, way->held, flags);
		if (put < 0)
			return errno == EAGAIN || errno == EINTR;
		way->held -= (size_t)put;
		moved += (size_t)put;
	}
	if (way->ended && !way->held && !way->passed_on) {
		way->passed_on = true;
		(void)shutdown(r->fd[to], SHUT_WR);
	}
	return true;
}

static void watch_both(struct relay *r)
{
	for (int side = RELAY_CLIENT; side <= RELAY_SERVER; side++) {
		const struct relay_way *sends = &r->way[side];
		const struct relay_way *receives = &r->way[1 - side];
		int reads = !sends->held && !sends->ended ? EV_READ : 0;
		int writes = receives->held ? EV_WRITE : 0;
		watch_side(r, (enum relay_side)side, reads | writes);
	}
}

/* 1: connected, 0: another attempt is under way, -1: it cannot be reached. */
static int finish_connecting(struct relay *r)
{
	int error = 0;
	socklen_t size = sizeof error;
	if (!getsockopt(r->fd[RELAY_SERVER], SOL_SOCKET, SO_ERROR, &error, &size) && !error) {
		r->connecting = false;
		return 1;
	}
	if (r->second_try)
		return -1;
	r->second_try = true;
	watch_side(r, RELAY_SERVER, 0);
	return connect_somewhere(r) ? 0 : -1;
}

static void on_ready(struct io_watch *watch, int events)
{
	(void)events;
	struct relay *r = watch->owner;
	int state = r->connecting ? finish_connecting(r) : 1;
	if (!state)
		return;
	bool alive = state > 0 && pump(r, RELAY_CLIENT) && pump(r, RELAY_SERVER);
	bool over = r->way[RELAY_CLIENT].passed_on && r->way[RELAY_SERVER].passed_on;
	if (!alive || over)
		r->on_end(r);
	else
		watch_both(r);
}

void relay_finish(struct relay *r)
{
	r->way[RELAY_CLIENT].last = true;
	/* While it connects there is nobody to tell; that is done when it has. */
	if (!r->connecting)
		on_ready(&r->watch[RELAY_CLIENT], 0);
}

struct relay *relay_new(struct ev_loop *loop, int client, uint16_t to,
	void (*on_end)(struct relay *relay), void *owner)
{
	struct relay *r = calloc(1, sizeof *r);
	if (!r) {
		close(client);
		errno = ENOMEM;
		return NULL;
	}
	*r = (struct relay){.loop = loop, .fd = {client, -1}, .to = to, .on_end = on_end,
		.owner = owner, .way = {{.pipe = {-1, -1}}, {.pipe = {-1, -1}}}};
	hurry(client);
	for (int side = RELAY_CLIENT; side <= RELAY_SERVER; side++)
		io_watch_init(&r->watch[side], loop, -1, EV_READ, on_ready, r);
	if (!pipe2(r->way[0].pipe, O_CLOEXEC | O_NONBLOCK)
		&& !pipe2(r->way[1].pipe, O_CLOEXEC | O_NONBLOCK) && connect_somewhere(r))
		return r;
	int number = errno;
	relay_free(r);
	errno = number;
	return NULL;
}

void relay_free(struct relay *r)
{
	for (int side = RELAY_CLIENT; side <= RELAY_SERVER; side++) {
		io_watch_stop(&r->watch[side]);
		own_close(&r->fd[side]);
		own_close(&r->way[side].pipe[0]);
		own_close(&r->way[side].pipe[1]);
	}
	free(r);
}
