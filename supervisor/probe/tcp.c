#include "probe/attempt.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "probe/dial.h"

/* A connection is looked at until it is accepted: at once, then after 1, 2, 4 ms and so on. */
enum { ACCEPT_LOOKS = 8 };

int tcp_take(struct attempt *a)
{
	int fd = a->tcp.fd;
	if (fd < 0)
		return -1;
	ev_timer_stop(a->prober->loop, &a->tcp.again);
	io_watch_stop(&a->tcp.watch);
	a->tcp.fd = -1;
	return fd;
}

void tcp_drop(struct attempt *a)
{
	int fd = tcp_take(a);
	if (fd >= 0)
		close(fd);
}

static void try_next(struct attempt *a);

static void look_again(struct attempt *a)
{
	ev_timer_set(&a->tcp.again, (double)(1 << a->tcp.looks) / 1000., 0.);
	ev_now_update(a->prober->loop);
	ev_timer_start(a->prober->loop, &a->tcp.again);
	a->tcp.looks++;
}

static void look_at_connection(struct attempt *a)
{
	OWNED_TEXT reason = {0};
	enum listener_owner owner = LISTENER_UNKNOWN;
	bool shared = shares_socket(a);
	enum probe_result result = shared ? judge_fresh(a, a->tcp.fd, &owner, &reason)
					  : judge_connection(a, a->tcp.fd, &reason);
	bool known = !shared || owner != LISTENER_UNKNOWN;
	if (!known && a->tcp.looks < ACCEPT_LOOKS - 1)
		look_again(a);
	else
		a->tcp.on_open(a, known, result, text_string(&reason));
}

static void on_again(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)loop;
	(void)events;
	look_at_connection(timer->data);
}

static void on_writable(struct io_watch *watch, int events)
{
	(void)events;
	struct attempt *a = watch->owner;
	int error = 0;
	socklen_t size = sizeof error;
	if (getsockopt(a->tcp.fd, SOL_SOCKET, SO_ERROR, &error, &size))
		error = errno;
	if (!error) {
		io_watch_stop(watch);
		look_at_connection(a);
		return;
	}
	a->tcp.error = error;
	tcp_drop(a);
	try_next(a);
}

static void give_up(struct attempt *a)
{
	OWNED_TEXT hosts = {0};
	int error = a->tcp.error;
	for (size_t i = 0; i < a->tcp.address_count; i++) {
		text_add(&hosts, i ? " and " : "");
		dial_show(&hosts, (struct sockaddr *)&a->tcp.addresses[i]);
	}
	if (is_shortage(error))
		attempt_end(a, PROBE_UNKNOWN, "cannot connect: %s", strerror(error));
	else
		attempt_end(a, PROBE_FAILED, "%s on %s, port %u",
			error == ECONNREFUSED ? "connection refused" : strerror(error),
			text_string(&hosts), a->probe->port);
}

/* EINPROGRESS, 0, or what went wrong. */
static int connect_to(struct attempt *a, const struct sockaddr *address)
{
	a->tcp.fd = dial_socket(address->sa_family, SOCK_STREAM, 0);
	if (a->tcp.fd < 0)
		return errno;
	io_watch_init(&a->tcp.watch, a->prober->loop, a->tcp.fd, EV_WRITE, on_writable, a);
	return connect(a->tcp.fd, address, dial_length(address)) ? errno : 0;
}

static void try_next(struct attempt *a)
{
	while (a->tcp.next < a->tcp.address_count) {
		struct sockaddr *address = (struct sockaddr *)&a->tcp.addresses[a->tcp.next++];
		int error = connect_to(a, address);
		if (!error || error == EINPROGRESS) {
			/* Told by the loop also where it is connected already. */
			io_watch_start(&a->tcp.watch);
			return;
		}
		/* "refused" says more than "no IPv6 here" */
		if (!a->tcp.error || error != EAFNOSUPPORT)
			a->tcp.error = error;
		tcp_drop(a);
	}
	give_up(a);
}

void tcp_open(struct attempt *a, const char *host, on_tcp_open *on_open)
{
	a->tcp = (struct tcp_attempt){.fd = -1, .on_open = on_open};
	ev_timer_init(&a->tcp.again, on_again, 0., 0.);
	a->tcp.again.data = a;
	a->tcp.address_count =
		dial_addresses(host, a->probe->port, a->tcp.addresses, ADDRESSES_MOST);
	if (a->tcp.address_count)
		try_next(a);
	else
		attempt_end(a, PROBE_UNKNOWN,
			"a tcp check wants localhost or a numeric address, not '%s'", host);
}

static void tcp_answered(
	struct attempt *a, bool known, enum probe_result result, const char *reason)
{
	(void)known;
	if (result == PROBE_OK && !reason[0])
		attempt_succeed(a);
	else
		attempt_end(a, result, "%s", reason);
}

static void tcp_start(struct attempt *a)
{
	tcp_open(a, a->probe->host, tcp_answered);
}

const struct way way_tcp = {
	.plural = "TCP checks",
	.most = PROBER_TCP_MOST,
	.lane = 0,
	.start = tcp_start,
	.drop = tcp_drop,
};
