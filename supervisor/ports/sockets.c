#include "ports/sockets.h"

#include <arpa/inet.h>
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
#include "base/words.h"
#include "ports/sockets_proc.h"

enum {
	STATES_LISTEN = 1 << TCP_LISTEN,
	/* Everything but CLOSE and LISTEN; SYN_RECV lives on as the new state 12 as well. */
	STATES_CONNECTED = 1 << TCP_ESTABLISHED | 1 << TCP_SYN_SENT | 1 << TCP_SYN_RECV |
		1 << TCP_FIN_WAIT1 | 1 << TCP_FIN_WAIT2 | 1 << TCP_TIME_WAIT | 1 << TCP_CLOSE_WAIT |
		1 << TCP_LAST_ACK | 1 << TCP_CLOSING | 1 << 12,
	/* TCP_BOUND_INACTIVE of linux/tcp_states.h (6.8); older kernels answer nothing to it. */
	STATES_BOUND = 1 << 13,
	STATES_ANY = -1,
	REPLY_BYTES = 32 * 1024,
};

WORDS(socket_state_word, socket_state, SOCKET_STATES)

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

/* What is asked for: the ports as a set, and the range around them for the kernel. */
struct query {
	const uint16_t *ports;
	size_t count;
	uint16_t low;
	uint16_t high;
	uint8_t family;
	bool udp;
	int states;
	struct socket_list *out;
};

static bool wants(const struct query *q, uint16_t port)
{
	if (!q->count)
		return true;
	if (port < q->low || port > q->high)
		return false;
	for (size_t i = 0; i < q->count; i++)
		if (q->ports[i] == port)
			return true;
	return false;
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

struct request {
	struct nlmsghdr header;
	struct inet_diag_req_v2 diag;
	struct filter filter;
};

static void fill_request(struct request *request, const struct query *q)
{
	bool filtered = q->count > 0;
	size_t size = filtered ? sizeof *request : offsetof(struct request, filter);
	*request = (struct request){
		.header = {.nlmsg_len = (uint32_t)size, .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.diag = {.sdiag_family = q->family,
			.sdiag_protocol = q->udp ? IPPROTO_UDP : IPPROTO_TCP,
			.idiag_states = (uint32_t)q->states},
		.filter = {
			.attribute = {.rta_len = sizeof(struct filter),
				.rta_type = INET_DIAG_REQ_BYTECODE},
			.least = {.code = INET_DIAG_BC_S_GE, .yes = 8, .no = 20},
			.least_port = {.no = q->low},
			.most = {.code = INET_DIAG_BC_S_LE, .yes = 8, .no = 12},
			.most_port = {.no = q->high},
		},
	};
}

static enum socket_state state_of(const struct query *q, uint8_t state)
{
	if (q->udp)
		return SOCKET_UDP;
	if (state == TCP_LISTEN)
		return SOCKET_LISTEN;
	if (state == TCP_TIME_WAIT)
		return SOCKET_TIME_WAIT;
	return q->states == STATES_BOUND ? SOCKET_BOUND : SOCKET_CONNECTED;
}

static int add_entry(const struct query *q, const struct inet_diag_msg *message)
{
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
	return list_push(q->out, entry) ? 0 : -1;
}

/* 1: more to come, 0: done, -1: errno. */
static int take_reply(const struct query *q, char *reply, size_t length)
{
	struct nlmsghdr *header = (struct nlmsghdr *)(void *)reply;
	for (; NLMSG_OK(header, length); header = NLMSG_NEXT(header, length)) {
		if (header->nlmsg_type == NLMSG_DONE)
			return 0;
		if (header->nlmsg_type == NLMSG_ERROR) {
			const struct nlmsgerr *error = NLMSG_DATA(header);
			errno = error->error ? -error->error : EPROTO;
			return -1;
		}
		if (header->nlmsg_type == SOCK_DIAG_BY_FAMILY && add_entry(q, NLMSG_DATA(header))) {
			errno = ENOMEM;
			return -1;
		}
	}
	return 1;
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
	OWNED(char) reply = malloc(REPLY_BYTES);
	if (!reply)
		return -1;
	for (;;) {
		ssize_t got = recv(fd, reply, REPLY_BYTES, 0);
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

static void set_range(struct query *q)
{
	q->low = UINT16_MAX;
	for (size_t i = 0; i < q->count; i++) {
		q->low = q->ports[i] < q->low ? q->ports[i] : q->low;
		q->high = q->ports[i] > q->high ? q->ports[i] : q->high;
	}
}

static bool is_absent(int number)
{
	return number == EPROTONOSUPPORT || number == EAFNOSUPPORT || number == ESOCKTNOSUPPORT ||
		number == EACCES || number == EPERM || number == ENOENT;
}

static int both_families(struct sockets *s, struct query q)
{
	static const uint8_t families[] = {AF_INET, AF_INET6};
	for (size_t i = 0; i < 2; i++) {
		q.family = families[i];
		/* ENOENT for AF_INET6: a kernel without it. */
		if (dump_fresh(s, &q) && !(errno == ENOENT && i == 1))
			return -1;
	}
	return 0;
}

/* One question about each family; without sock_diag the same from /proc/net. */
static int ask(struct sockets *s, struct query q, struct error *e)
{
	set_range(&q);
	size_t before = q.out->count;
	if (!s->by_proc && !both_families(s, q))
		return 0;
	if (!s->by_proc && !is_absent(errno))
		return fail_errno(e, EXIT_FAILED, "looking at the sockets of this machine");
	s->by_proc = true;
	q.out->count = before;
	if (q.states == STATES_BOUND)
		return 0;
	struct socket_list found = {0};
	int result = sockets_read_proc(q.udp, &found, e);
	for (size_t i = 0; !result && i < found.count; i++) {
		const struct socket_entry *entry = &found.items[i];
		bool listens = entry->state == SOCKET_LISTEN;
		if (!q.udp && listens != (q.states == STATES_LISTEN))
			continue;
		if (wants(&q, entry->port) && !list_push(q.out, *entry))
			result = fail(e, EXIT_FAILED, "out of memory");
	}
	list_release(&found);
	return result;
}

int sockets_listeners(struct sockets *s, const uint16_t *ports, size_t count,
	struct socket_list *out, struct error *e)
{
	return ask(s, (struct query){.ports = ports, .count = count, .states = STATES_LISTEN,
		.out = out}, e);
}

int sockets_all(struct sockets *s, const uint16_t *ports, size_t count, bool udp,
	struct socket_list *out, struct error *e)
{
	struct query q = {.ports = ports, .count = count, .out = out};
	static const int states[] = {STATES_LISTEN, STATES_BOUND, STATES_CONNECTED};
	for (size_t i = 0; i < 3; i++) {
		q.states = states[i];
		if (ask(s, q, e))
			return -1;
	}
	q.udp = true;
	q.states = STATES_ANY;
	return udp ? ask(s, q, e) : 0;
}

const char *socket_address(const struct socket_entry *entry, char buffer[SOCKET_ADDRESS_SIZE])
{
	if (!inet_ntop(entry->v6 ? AF_INET6 : AF_INET, entry->address, buffer, SOCKET_ADDRESS_SIZE))
		buffer[0] = '\0';
	return buffer;
}
