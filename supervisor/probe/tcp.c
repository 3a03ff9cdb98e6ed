#include "probe/attempt.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "probe/dial.h"

static void tcp_drop(struct attempt *a)
{
	if (a->tcp.fd < 0)
		return;
	io_watch_stop(&a->tcp.watch);
	close(a->tcp.fd);
	a->tcp.fd = -1;
}

static void try_next(struct attempt *a);

static void tcp_connected(struct attempt *a)
{
	OWNED_TEXT reason = {0};
	enum listener_owner owner;
	enum probe_result result = shares_socket(a) ? judge_fresh(a, a->tcp.fd, &owner, &reason)
						    : judge_connection(a, a->tcp.fd, &reason);
	if (result == PROBE_OK && !reason.length)
		attempt_succeed(a);
	else
		attempt_end(a, result, "%s", text_string(&reason));
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
		tcp_connected(a);
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

static void tcp_start(struct attempt *a)
{
	a->tcp = (struct tcp_attempt){.fd = -1};
	a->tcp.address_count =
		dial_addresses(a->probe->host, a->probe->port, a->tcp.addresses, ADDRESSES_MOST);
	if (!a->tcp.address_count) {
		attempt_end(a, PROBE_UNKNOWN,
			"a tcp check wants localhost or a numeric address, not '%s'",
			a->probe->host);
		return;
	}
	try_next(a);
}

const struct way way_tcp = {
	.plural = "TCP checks",
	.most = PROBER_TCP_MOST,
	.lane = 0,
	.start = tcp_start,
	.drop = tcp_drop,
};
