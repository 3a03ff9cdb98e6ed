#include "forward/forward.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "forward/relay.h"

enum { ACCEPTS_A_TURN = 16 };

/* Of all forwards: they share the descriptors of the process. */
static size_t under_way;

struct forward {
	struct ev_loop *loop; /* borrows */
	uint16_t to;
	struct io_watch listeners[FORWARD_LISTENERS]; /* own their descriptors */
	size_t listener_count;
	TAILQ_HEAD(, relay) relays; /* owns */
	size_t relay_count;
	size_t most; /* under way at once */
	size_t refused;
	ev_timer grace;
	ev_timer pause; /* accepting goes on when it is over */
	bool refuses; /* it has been full for too long */
	bool drains;
	bool over;
};

static bool is_full(const struct forward *f)
{
	return under_way >= f->most;
}

static void accept_more(struct forward *f, bool on)
{
	for (size_t i = 0; i < f->listener_count; i++) {
		if (on)
			io_watch_start(&f->listeners[i]);
		else
			io_watch_stop(&f->listeners[i]);
	}
}

static void pause_accepting(struct forward *f, int ms)
{
	accept_more(f, false);
	ev_timer_set(&f->pause, ms / 1000., 0.);
	ev_timer_start(f->loop, &f->pause);
}

static void go_on_accepting(struct forward *f)
{
	f->refuses = is_full(f);
	ev_timer_stop(f->loop, &f->pause);
	accept_more(f, true);
}

static void on_pause_over(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	go_on_accepting(timer->data);
}

static void on_grace_over(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)events;
	struct forward *f = timer->data;
	f->over = f->drains;
	if (f->drains)
		return;
	f->drains = true;
	forward_close(f);
	ev_timer_set(timer, FORWARD_DRAIN_MS / 1000., 0.);
	ev_timer_start(loop, timer);
	struct relay *next;
	for (struct relay *relay = TAILQ_FIRST(&f->relays); relay; relay = next) {
		next = TAILQ_NEXT(relay, link);
		relay_finish(relay);
	}
}

static void drop(struct forward *f, struct relay *relay)
{
	TAILQ_REMOVE(&f->relays, relay, link);
	f->relay_count--;
	under_way--;
	relay_free(relay);
}

static void on_relay_end(struct relay *relay)
{
	struct forward *f = relay->owner;
	drop(f, relay);
	go_on_accepting(f);
}

static bool is_shortage(int number)
{
	return number == EMFILE || number == ENFILE || number == ENOMEM || number == ENOBUFS;
}

/*
 * Whether accept(2) waits is a flag of what is open, not of the descriptor: a server to which this
 * socket was passed may have taken it away. Then the whole supervisor would wait.
 */
static void never_wait(int fd)
{
	int flags = fcntl(fd, F_GETFL);
	if (flags >= 0 && !(flags & O_NONBLOCK))
		(void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

/* Another forward may have taken the last place since, or given one back. */
static bool must_wait(struct forward *f)
{
	bool full = is_full(f);
	f->refuses = f->refuses && full;
	if (full && !f->refuses)
		pause_accepting(f, FORWARD_PATIENCE_MS);
	return full && !f->refuses;
}

/* False: it is to be looked at again later. */
static bool accept_one(struct forward *f, int listener)
{
	if (must_wait(f))
		return false;
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct relay *relay = NULL;
	if (fd >= 0 && f->refuses) {
		close(fd);
		f->refused++;
		return true;
	}
	if (fd >= 0)
		relay = relay_new(f->loop, fd, f->to, on_relay_end, f);
	if (!relay && is_shortage(errno)) {
		pause_accepting(f, FORWARD_PAUSE_MS);
		return false;
	}
	if (!relay)
		return fd >= 0;
	TAILQ_INSERT_TAIL(&f->relays, relay, link);
	f->relay_count++;
	under_way++;
	if (!is_full(f))
		return true;
	pause_accepting(f, FORWARD_PATIENCE_MS);
	return false;
}

static void on_connection(struct io_watch *watch, int events)
{
	(void)events;
	struct forward *f = watch->owner;
	never_wait(watch->io.fd);
	for (int i = 0; i < ACCEPTS_A_TURN && accept_one(f, watch->io.fd); i++)
		continue;
}

/* The supervisor's own work needs descriptors as well. */
static size_t most_connections(void)
{
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files))
		return FORWARD_CONNECTIONS;
	rlim_t fit = files.rlim_cur / 2 / RELAY_DESCRIPTORS;
	return fit < 1 ? 1 : fit < FORWARD_CONNECTIONS ? (size_t)fit : FORWARD_CONNECTIONS;
}

struct forward *forward_new(struct ev_loop *loop, uint16_t to, int64_t grace_ms)
{
	struct forward *f = calloc(1, sizeof *f);
	if (!f)
		return NULL;
	f->loop = loop;
	f->to = to;
	f->most = most_connections();
	TAILQ_INIT(&f->relays);
	ev_timer_init(&f->pause, on_pause_over, 0., 0.);
	ev_timer_init(&f->grace, on_grace_over, (double)grace_ms / 1000., 0.);
	f->pause.data = f->grace.data = f;
	ev_now_update(loop);
	ev_timer_start(loop, &f->grace);
	return f;
}

bool forward_listen(struct forward *f, int fd)
{
	if (f->listener_count == FORWARD_LISTENERS) {
		close(fd);
		return false;
	}
	struct io_watch *watch = &f->listeners[f->listener_count++];
	io_watch_init(watch, f->loop, fd, EV_READ, on_connection, f);
	io_watch_start(watch);
	return true;
}

void forward_aim(struct forward *f, uint16_t to)
{
	f->to = to;
}

void forward_close(struct forward *f)
{
	accept_more(f, false);
	for (size_t i = 0; i < f->listener_count; i++)
		close(f->listeners[i].io.fd);
	f->listener_count = 0;
}

bool forward_is_over(const struct forward *f)
{
	return f->over || (!f->listener_count && !f->relay_count);
}

bool forward_has(const struct forward *f, uint64_t inode)
{
	struct relay *relay;
	struct stat st;
	TAILQ_FOREACH(relay, &f->relays, link)
		if (!fstat(relay->fd[RELAY_CLIENT], &st) && st.st_ino == inode)
			return true;
	return false;
}

size_t forward_connections(const struct forward *f)
{
	return f->relay_count;
}

size_t forward_most(const struct forward *f)
{
	return f->most;
}

size_t forward_refused(const struct forward *f)
{
	return f->refused;
}

void forward_free(struct forward *f)
{
	if (!f)
		return;
	forward_close(f);
	struct relay *relay;
	while ((relay = TAILQ_FIRST(&f->relays)))
		drop(f, relay);
	ev_timer_stop(f->loop, &f->grace);
	ev_timer_stop(f->loop, &f->pause);
	free(f);
}
