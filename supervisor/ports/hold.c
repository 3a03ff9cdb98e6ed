#include "ports/hold.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/own.h"

/* Nobody's servers are here, and it overlaps every wildcard bind. */
enum { MARKER_ADDRESS = 0x7f530001 }; /* 127.83.0.1 */
enum { BACKLOG = 4096 };

static int set_reuse(int fd, int on)
{
	return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
}

static int open_socket(int family, bool udp)
{
	return socket(family, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

static int bind4(int fd, uint32_t address, uint16_t port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = htonl(address)};
	return bind(fd, (struct sockaddr *)&to, sizeof to);
}

static int bind6_dual(int fd, uint16_t port)
{
	int off = 0;
	struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off))
		return -1;
	return bind(fd, (struct sockaddr *)&to, sizeof to);
}

/* [::] dual-stack, or 0.0.0.0 on a kernel without IPv6. Descriptor, or -1 with errno. */
static int bind_everywhere(uint16_t port, bool udp, bool reuse)
{
	OWNED_FD fd = open_socket(AF_INET6, udp);
	bool v6 = fd >= 0;
	if (!v6 && (errno == EAFNOSUPPORT || errno == EPROTONOSUPPORT))
		fd = open_socket(AF_INET, udp);
	if (fd < 0)
		return -1;
	if (reuse && set_reuse(fd, 1))
		return -1;
	int result = v6 ? bind6_dual(fd, port) : bind4(fd, INADDR_ANY, port);
	return result ? -1 : take_fd(&fd);
}

int hold_take(struct hold *hold, uint16_t port, bool udp, struct error *e)
{
	int fd = bind_everywhere(port, udp, false);
	if (fd < 0)
		return fail_errno(e, EXIT_CONFLICT, "%s port %u", udp ? "UDP" : "TCP", port);
	*hold = (struct hold){.fd = fd, .port = port, .udp = udp, .state = HOLD_IS_EXCLUSIVE};
	return 0;
}

int hold_take_beside(struct hold *hold, uint16_t port, struct error *e)
{
	OWNED_FD fd = bind_everywhere(port, false, true);
	if (fd < 0 || set_reuse(fd, 0))
		return fail_errno(e, EXIT_CONFLICT, "TCP port %u", port);
	*hold = (struct hold){.fd = take_fd(&fd), .port = port, .state = HOLD_IS_EXCLUSIVE};
	return 0;
}

bool hold_could_take(uint16_t port, bool udp)
{
	OWNED_FD fd = bind_everywhere(port, udp, false);
	return fd >= 0;
}

static void let_go(struct hold *hold)
{
	if (hold->fd >= 0)
		close(hold->fd);
	hold->fd = -1;
	hold->marker = false;
}

void hold_close(struct hold *hold)
{
	let_go(hold);
	hold->state = HOLD_CLOSED;
}

/*
 * The wide socket is relaxed first, so that the marker fits beside it: at no time is nothing of ours
 * bound. The marker then is what keeps others from a plain bind of the wildcard.
 */
static int change_to_marker(struct hold *hold, struct error *e)
{
	OWNED_FD marker = open_socket(AF_INET, false);
	if (marker < 0 || set_reuse(hold->fd, 1) || set_reuse(marker, 1) ||
		bind4(marker, MARKER_ADDRESS, hold->port))
		return fail_errno(e, EXIT_FAILED, "holding port %u by a marker", hold->port);
	let_go(hold);
	hold->fd = take_fd(&marker);
	hold->marker = true;
	return 0;
}

static int relax_open(struct hold *hold, enum hold_mode mode, struct error *e)
{
	if (mode == HOLD_LISTEN) {
		/* Accepted connections inherit it: what is left of them hinders no later hold. */
		if (set_reuse(hold->fd, 1) || listen(hold->fd, BACKLOG))
			return fail_errno(e, EXIT_CONFLICT, "listening on port %u", hold->port);
		hold->state = HOLD_IS_LISTENING;
		return 0;
	}
	if (mode == HOLD_MARKER && change_to_marker(hold, e))
		return -1;
	if (mode != HOLD_MARKER && set_reuse(hold->fd, 1))
		return fail_errno(e, EXIT_FAILED, "relaxing the hold of port %u", hold->port);
	hold->state = HOLD_IS_RELAXED;
	return 0;
}

int hold_relax(struct hold *hold, enum hold_mode mode, struct error *e)
{
	if (mode == HOLD_AUTO)
		mode = HOLD_RELAXED;
	if (hold->fd < 0 || (hold->state == HOLD_IS_LISTENING && mode == HOLD_LISTEN))
		return 0;
	/* The stack file says something else now. */
	if (hold_unlisten(hold, e))
		return -1;
	bool close_it = mode == HOLD_NO || hold->udp;
	if (mode == HOLD_RELAXED && !hold_relaxing_works())
		close_it = true;
	if (!close_it)
		return relax_open(hold, mode, e);
	let_go(hold);
	hold->state = HOLD_IS_RELAXED;
	return 0;
}

static int bind_to(int fd, bool v6, const uint8_t address[16], uint16_t port)
{
	struct sockaddr_in to4 = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct sockaddr_in6 to6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	int off = 0;
	if (!v6) {
		memcpy(&to4.sin_addr, address, sizeof to4.sin_addr);
		return bind(fd, (struct sockaddr *)&to4, sizeof to4);
	}
	memcpy(&to6.sin6_addr, address, sizeof to6.sin6_addr);
	if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off))
		return -1;
	return bind(fd, (struct sockaddr *)&to6, sizeof to6);
}

int hold_answer(struct hold *hold, bool v6, const uint8_t address[16], struct error *e)
{
	OWNED_FD fd = open_socket(v6 ? AF_INET6 : AF_INET, false);
	bool held = hold->fd >= 0 && hold->state == HOLD_IS_EXCLUSIVE;
	if (fd < 0 || set_reuse(fd, 1) || (held && set_reuse(hold->fd, 1)))
		return fail_errno(e, EXIT_FAILED, "answering on port %u", hold->port);
	int failed = bind_to(fd, v6, address, hold->port) || listen(fd, BACKLOG);
	int number = errno;
	if (held)
		(void)set_reuse(hold->fd, 0);
	errno = number;
	return failed ? fail_errno(e, EXIT_CONFLICT, "answering on port %u", hold->port)
		      : take_fd(&fd);
}

int hold_unlisten(struct hold *hold, struct error *e)
{
	if (hold->state != HOLD_IS_LISTENING)
		return 0;
	/* The port stays bound: it was bound by number (SOCK_BINDPORT_LOCK of the kernel). */
	if (set_reuse(hold->fd, 0) || shutdown(hold->fd, SHUT_RDWR))
		return fail_errno(e, EXIT_FAILED, "holding port %u again", hold->port);
	hold->state = HOLD_IS_EXCLUSIVE;
	return 0;
}

/* With SO_REUSEADDR beside the marker, which is ours as well; from then on nobody else fits. */
static int change_from_marker(struct hold *hold)
{
	(void)set_reuse(hold->fd, 1);
	OWNED_FD wide = bind_everywhere(hold->port, false, true);
	if (wide < 0 || set_reuse(wide, 0))
		return -1;
	let_go(hold);
	hold->fd = take_fd(&wide);
	return 0;
}

static int rearm_closed(struct hold *hold, struct error *e)
{
	struct hold again = HOLD_NONE;
	if (hold_take(&again, hold->port, hold->udp, e))
		return -1;
	*hold = again;
	return 0;
}

int hold_rearm(struct hold *hold, struct error *e)
{
	if (hold->state == HOLD_IS_EXCLUSIVE || hold->state == HOLD_IS_LISTENING ||
		hold->state == HOLD_CLOSED)
		return 0;
	if (hold->fd < 0)
		return rearm_closed(hold, e);
	if (hold->marker && change_from_marker(hold)) {
		int number = errno;
		/* The marker at least keeps plain wildcard binders and other stackups away. */
		(void)set_reuse(hold->fd, 0);
		errno = number;
		return fail_errno(e, EXIT_CONFLICT, "holding port %u again", hold->port);
	}
	if (set_reuse(hold->fd, 0))
		return fail_errno(e, EXIT_FAILED, "holding port %u again", hold->port);
	hold->state = HOLD_IS_EXCLUSIVE;
	return 0;
}

static uint16_t bound_port(int fd)
{
	struct sockaddr_storage at;
	socklen_t length = sizeof at;
	if (getsockname(fd, (struct sockaddr *)&at, &length))
		return 0;
	/* Same place in both families. */
	struct sockaddr_in in;
	memcpy(&in, &at, sizeof in);
	return ntohs(in.sin_port);
}

static bool try_relaxing(void)
{
	OWNED_FD hold = bind_everywhere(0, false, false);
	uint16_t port = hold < 0 ? 0 : bound_port(hold);
	OWNED_FD server = open_socket(AF_INET, false);
	/* No descriptors left says nothing about the kernel. */
	if (!port || server < 0)
		return true;
	return !set_reuse(hold, 1) && !set_reuse(server, 1) &&
		!bind4(server, INADDR_LOOPBACK, port) && !listen(server, 1);
}

bool hold_relaxing_works(void)
{
	static enum { UNTRIED, WORKS, FAILS } known = UNTRIED;
	if (known == UNTRIED)
		known = try_relaxing() ? WORKS : FAILS;
	return known == WORKS;
}

static int option_of(int fd, int option)
{
	int value = 0;
	socklen_t size = sizeof value;
	return getsockopt(fd, SOL_SOCKET, option, &value, &size) ? 0 : value;
}

int hold_adopt(struct hold *hold, int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} at = {0};
	socklen_t size = sizeof at;
	if (getsockname(fd, &at.any, &size) || (at.any.sa_family != AF_INET && at.any.sa_family != AF_INET6)) {
		close(fd);
		return -1;
	}
	bool v4 = at.any.sa_family == AF_INET;
	bool listens = option_of(fd, SO_ACCEPTCONN);
	*hold = (struct hold){.fd = fd,
		.port = ntohs(v4 ? at.v4.sin_port : at.v6.sin6_port),
		.udp = option_of(fd, SO_TYPE) == SOCK_DGRAM,
		.marker = v4 && ntohl(at.v4.sin_addr.s_addr) == MARKER_ADDRESS,
		.state = listens ? HOLD_IS_LISTENING
			: option_of(fd, SO_REUSEADDR) ? HOLD_IS_RELAXED : HOLD_IS_EXCLUSIVE};
	return 0;
}
