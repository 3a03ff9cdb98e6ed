#include "listeners/sockets.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/own.h"
#include "listeners/sockets_proc.h"

enum {
	STATES_LISTEN = 1 << TCP_LISTEN,
	/* Everything but CLOSE and LISTEN; SYN_RECV lives on as the new state 12 as well. */
	STATES_CONNECTED = 1 << TCP_ESTABLISHED | 1 << TCP_SYN_SENT | 1 << TCP_SYN_RECV |
		1 << TCP_FIN_WAIT1 | 1 << TCP_FIN_WAIT2 | 1 << TCP_TIME_WAIT | 1 << TCP_CLOSE_WAIT |
		1 << TCP_LAST_ACK | 1 << TCP_CLOSING | 1 << 12,
	/* TCP_BOUND_INACTIVE of linux/tcp_states.h (6.8); older kernels answer nothing to it. */
	STATES_BOUND = 1 << 13,
	REPLY_BYTES = 32 * 1024,
};

void sockets_init(struct sockets *s)
{
	*s = (struct sockets){.fd = -1};
}

void sockets_release(struct sockets *s)
{
	if (s->fd >= 0)
		close(s->fd);
	sockets_init(s);
}

/* What is asked for: kinds of sockets, the ports as a set, the range around them for the kernel. */
struct query {
	unsigned kinds;
	const uint16_t *ports; /* of the range; NULL: all of it */
	size_t count;
	uint16_t low;
	uint16_t high;
	uint8_t family;
	bool udp;
	struct socket_list *out;
};

static bool wants(const struct query *q, uint16_t port)
{
	if (port < q->low || port > q->high)
		return false;
	for (size_t i = 0; i < q->count; i++)
		if (q->ports[i] == port)
			return true;
	return !q->count;
}

static uint32_t states_of(const struct query *q)
{
	if (q->udp)
		return UINT32_MAX;
	return (q->kinds & KIND_LISTEN ? STATES_LISTEN : 0U) |
		(q->kinds & KIND_BOUND ? STATES_BOUND : 0U) |
		(q->kinds & KIND_CONNECTED ? STATES_CONNECTED : 0U);
}

/*
 * Two conditions of the kernel's filter language, source port >= low and <= high, each an operation
 * and its operand: on success go to the next, otherwise 4 bytes past the end, which means no
 * (net/ipv4/inet_diag.c, inet_diag_bc_run).
 */
struct filter {
	struct rtattr attribute;
	struct inet_diag_bc_op least;
	struct inet_diag_bc_op least_port;
	struct inet_diag_bc_op most;
	struct inet_diag_bc_op most_port;
};

static struct filter filter_of(const struct query *q)
{
	return (struct filter){
		.attribute = {.rta_len = sizeof(struct filter), .rta_type = INET_DIAG_REQ_BYTECODE},
		.least = {.code = INET_DIAG_BC_S_GE, .yes = 8, .no = 20},
		.least_port = {.no = q->low},
		.most = {.code = INET_DIAG_BC_S_LE, .yes = 8, .no = 12},
		.most_port = {.no = q->high},
	};
}

/*
 * For TCP the older form of the request: it is answered for both families in one walk over the
 * kernel's tables. For UDP there is only the newer form, of one family each.
 */
struct request {
	struct nlmsghdr header;
	union {
		struct {
			struct inet_diag_req diag;
			struct filter filter;
		} tcp;
		struct {
			struct inet_diag_req_v2 diag;
			struct filter filter;
		} udp;
	};
};

static void fill_request(struct request *request, const struct query *q)
{
	bool filtered = q->low > 0 || q->high < UINT16_MAX;
	size_t size = sizeof request->header;
	*request = (struct request){.header = {.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP}};
	if (q->udp) {
		request->header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
		request->udp.diag = (struct inet_diag_req_v2){.sdiag_family = q->family,
			.sdiag_protocol = IPPROTO_UDP, .idiag_states = states_of(q)};
		request->udp.filter = filter_of(q);
		size += filtered ? sizeof request->udp : sizeof request->udp.diag;
	} else {
		request->header.nlmsg_type = TCPDIAG_GETSOCK;
		request->tcp.diag = (struct inet_diag_req){
			.idiag_family = q->family, .idiag_states = states_of(q)};
		request->tcp.filter = filter_of(q);
		size += filtered ? sizeof request->tcp : sizeof request->tcp.diag;
	}
	request->header.nlmsg_len = (uint32_t)size;
}

static enum socket_state state_of(const struct query *q, uint8_t state)
{
	if (q->udp)
		return state == TCP_ESTABLISHED ? SOCKET_CONNECTED : SOCKET_UDP;
	if (state == TCP_LISTEN)
		return SOCKET_LISTEN;
	if (state == TCP_TIME_WAIT)
		return SOCKET_TIME_WAIT;
	/* Bound-only sockets are in the state CLOSE, in which no other socket is ever dumped. */
	return state == TCP_CLOSE ? SOCKET_BOUND : SOCKET_CONNECTED;
}

/* The macros of rtnetlink(3) cast `const` away, and go on below zero where a length is no multiple of 4. */
static void take_attributes(struct socket_entry *entry, struct nlmsghdr *header)
{
	size_t at = NLMSG_LENGTH(sizeof(struct inet_diag_msg));
	while (at + sizeof(struct rtattr) <= header->nlmsg_len) {
		const struct rtattr *attribute = (void *)((char *)header + at);
		const uint8_t *value = (const uint8_t *)attribute + sizeof *attribute;
		size_t size = attribute->rta_len;
		if (size < sizeof *attribute || size > header->nlmsg_len - at)
			return;
		if (attribute->rta_type == INET_DIAG_SKV6ONLY && size > sizeof *attribute)
			entry->v6_only = *value;
		else if (attribute->rta_type == INET_DIAG_CGROUP_ID &&
			size >= sizeof *attribute + sizeof entry->cgroup)
			memcpy(&entry->cgroup, value, sizeof entry->cgroup);
		at += RTA_ALIGN(size);
	}
}

static int add_entry(const struct query *q, struct nlmsghdr *header)
{
	const struct inet_diag_msg *message = NLMSG_DATA(header);
	struct socket_entry entry = {
		.state = state_of(q, message->idiag_state),
		.v6 = message->idiag_family == AF_INET6,
		.udp = q->udp,
		.port = ntohs(message->id.idiag_sport),
		.peer_port = ntohs(message->id.idiag_dport),
		.uid = message->idiag_uid,
		.inode = message->idiag_inode,
	};
	if (!wants(q, entry.port))
		return 0;
	/* A request socket (SYN_RECV of a listener) has no inode yet and belongs to the listener. */
	if (message->idiag_state == TCP_TIME_WAIT)
		entry.expires_ms = message->idiag_expires;
	size_t size = entry.v6 ? 16 : 4;
	memcpy(entry.address, message->id.idiag_src, size);
	memcpy(entry.peer, message->id.idiag_dst, size);
	take_attributes(&entry, header);
	return list_push(q->out, entry) ? 0 : -1;
}

/* 1: more to come, 0: done, -1: errno. */
static int take_message(const struct query *q, struct nlmsghdr *header)
{
	size_t size = header->nlmsg_len - NLMSG_HDRLEN;
	if (header->nlmsg_type == NLMSG_DONE)
		return 0;
	if (header->nlmsg_type == NLMSG_ERROR) {
		const struct nlmsgerr *error = NLMSG_DATA(header);
		errno = size >= sizeof *error && error->error < 0 ? -error->error : EPROTO;
		return -1;
	}
	bool is_socket = header->nlmsg_type == SOCK_DIAG_BY_FAMILY ||
		header->nlmsg_type == TCPDIAG_GETSOCK;
	if (is_socket && size >= sizeof(struct inet_diag_msg) && add_entry(q, header)) {
		errno = ENOMEM;
		return -1;
	}
	return 1;
}

static int take_reply(const struct query *q, char *reply, size_t length)
{
	size_t at = 0;
	int more = 1;
	while (more == 1 && at + sizeof(struct nlmsghdr) <= length) {
		struct nlmsghdr *header = (void *)(reply + at);
		if (header->nlmsg_len < sizeof *header || header->nlmsg_len > length - at)
			break;
		more = take_message(q, header);
		at += NLMSG_ALIGN(header->nlmsg_len);
	}
	return more;
}

static int dump(int fd, const struct query *q)
{
	struct request request;
	fill_request(&request, q);
	ssize_t sent;
	do
		sent = send(fd, &request, request.header.nlmsg_len, 0);
	while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return -1;
	_Alignas(struct nlmsghdr) char reply[REPLY_BYTES];
	for (;;) {
		ssize_t got = recv(fd, reply, sizeof reply, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		int more = take_reply(q, reply, (size_t)got);
		if (more <= 0)
			return more;
	}
}

/* A dump that was left in the middle would answer the next question: start with a new socket. */
static int dump_fresh(struct sockets *s, const struct query *q)
{
	if (s->fd < 0)
		s->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	if (s->fd < 0)
		return -1;
	if (!dump(s->fd, q))
		return 0;
	int number = errno;
	close(s->fd);
	s->fd = -1;
	errno = number;
	return -1;
}

static bool is_absent(int number)
{
	return number == EPROTONOSUPPORT || number == EAFNOSUPPORT || number == ESOCKTNOSUPPORT ||
		number == EACCES || number == EPERM || number == ENOENT;
}

static int both_families(struct sockets *s, struct query q)
{
	q.family = AF_INET;
	if (dump_fresh(s, &q))
		return -1;
	if (!q.udp)
		return 0;
	/* ENOENT: a kernel without IPv6. */
	q.family = AF_INET6;
	return dump_fresh(s, &q) && errno != ENOENT ? -1 : 0;
}

static bool is_asked_for(const struct query *q, const struct socket_entry *entry)
{
	if (!wants(q, entry->port))
		return false;
	return q->udp || q->kinds & (entry->state == SOCKET_LISTEN ? KIND_LISTEN : KIND_CONNECTED);
}

/* Bound-only sockets are not in these files. */
static int ask_proc(const struct query *q, struct error *e)
{
	struct socket_list found = {0};
	int result = sockets_read_proc(q->udp, &found, e);
	for (size_t i = 0; !result && i < found.count; i++)
		if (is_asked_for(q, &found.items[i]) && !list_push(q->out, found.items[i]))
			result = fail(e, EXIT_FAILED, "out of memory");
	list_release(&found);
	return result;
}

/* One question about each family; without sock_diag the same from /proc/net. */
static int ask_protocol(struct sockets *s, const struct query *q, struct error *e)
{
	size_t before = q->out->count;
	if (!s->by_proc && !both_families(s, *q))
		return 0;
	if (!s->by_proc && !is_absent(errno))
		return fail_errno(e, EXIT_FAILED, "looking at the sockets of this machine");
	s->by_proc = true;
	q->out->count = before;
	return ask_proc(q, e);
}

static int ask(struct sockets *s, struct query q, struct error *e)
{
	if (q.kinds & (KIND_ALL & ~KIND_UDP) && ask_protocol(s, &q, e))
		return -1;
	q.udp = true;
	return q.kinds & KIND_UDP ? ask_protocol(s, &q, e) : 0;
}

int sockets_dump(struct sockets *s, unsigned kinds, uint16_t low, uint16_t high,
	struct socket_list *out, struct error *e)
{
	return ask(s, (struct query){.kinds = kinds, .low = low, .high = high, .out = out}, e);
}

static int ask_ports(struct sockets *s, unsigned kinds, const uint16_t *ports, size_t count,
	struct socket_list *out, struct error *e)
{
	struct query q = {.kinds = kinds, .ports = ports, .count = count, .out = out,
		.low = count ? UINT16_MAX : 0, .high = count ? 0 : UINT16_MAX};
	for (size_t i = 0; i < count; i++) {
		q.low = ports[i] < q.low ? ports[i] : q.low;
		q.high = ports[i] > q.high ? ports[i] : q.high;
	}
	return ask(s, q, e);
}

int sockets_listeners(struct sockets *s, const uint16_t *ports, size_t count,
	struct socket_list *out, struct error *e)
{
	return ask_ports(s, KIND_LISTEN, ports, count, out, e);
}

int sockets_all(struct sockets *s, const uint16_t *ports, size_t count, bool udp,
	struct socket_list *out, struct error *e)
{
	return ask_ports(s, udp ? KIND_ALL : KIND_ALL & ~KIND_UDP, ports, count, out, e);
}
