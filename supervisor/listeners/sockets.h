/*
 * sockets.h - who listens where, by looking only.
 *
 * The kernel's sock_diag interface is asked (sock_diag(7)); no port is ever probed with bind or
 * connect, which would make other programs' starts fail. A look at a few ports costs about 10 us. When
 * the kernel has no sock_diag, /proc/net/tcp and tcp6 are read instead.
 *
 *	struct sockets sockets;
 *	sockets_init(&sockets);			// opens on first use; keeps its descriptor
 *	struct socket_list list = {0};
 *	sockets_listeners(&sockets, ports, n, &list, e);
 *	...
 *	list_release(&list);
 *	sockets_release(&sockets);
 */
#ifndef LISTENERS_SOCKETS_H
#define LISTENERS_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/list.h"

#define SOCKET_STATES(X)                                                                           \
	X(SOCKET_LISTEN, "listen")                                                                 \
	X(SOCKET_BOUND, "bound") /* bound and neither listening nor connected: a hold */           \
	X(SOCKET_TIME_WAIT, "time_wait")                                                           \
	X(SOCKET_CONNECTED, "connected") /* any other state with a peer; also UDP with a peer */   \
	X(SOCKET_UDP, "udp") /* bound, no peer: takes datagrams of everybody */
#define X(name, word) name,
enum socket_state { SOCKET_STATES(X) };
#undef X
const char *socket_state_word(enum socket_state state);

struct socket_entry {
	enum socket_state state;
	bool v6; /* AF_INET6; a dual-stack listener is one v6 entry */
	bool v6_only; /* IPV6_V6ONLY is set; never by /proc/net, which does not tell */
	bool udp;
	uint16_t port;
	uint16_t peer_port;
	uint8_t address[16]; /* 4 bytes used for AF_INET */
	uint8_t peer[16];
	uid_t uid;
	uint64_t inode; /* 0 for TIME_WAIT: no process has it */
	uint64_t cgroup; /* id of the cgroup it was made in (cgroup.h); 0 where unknown */
	uint32_t expires_ms; /* TIME_WAIT: what is left of it; 0 where unknown */
};
struct socket_list {
	struct socket_entry *items; /* owns */
	size_t count;
	size_t capacity;
};

struct sockets {
	int fd; /* owns; -1 while not open */
	bool by_proc; /* no sock_diag here */
};

void sockets_init(struct sockets *s);
void sockets_release(struct sockets *s);

enum socket_kind {
	KIND_LISTEN = 1,
	KIND_BOUND = 2,
	KIND_CONNECTED = 4, /* and TIME_WAIT */
	KIND_UDP = 8,
	KIND_ALL = 15,
};
/*
 * The sockets of these kinds (bits of enum socket_kind) whose local port is low to high: one
 * question per protocol, however many ports. 5,000 listeners take about a millisecond.
 */
int sockets_dump(struct sockets *s, unsigned kinds, uint16_t low, uint16_t high,
	struct socket_list *out, struct error *e);
/* By port, TCP before UDP, listeners before connections, IPv4 before IPv6. */
void sockets_sort(struct socket_list *list);

/* Listening TCP sockets on any of the ports (all with count 0), both families. */
int sockets_listeners(struct sockets *s, const uint16_t *ports, size_t count,
	struct socket_list *out, struct error *e);
/*
 * Every socket whose local port is one of these: listening, bound only (kernels from about 6.8),
 * TIME_WAIT, connected; with udp also UDP sockets. Accepted connections of a listener on the same
 * port are included.
 */
int sockets_all(struct sockets *s, const uint16_t *ports, size_t count, bool udp,
	struct socket_list *out, struct error *e);

enum { SOCKET_ADDRESS_SIZE = 48 };
/* "127.0.0.1", "::1", "::", ... into buffer; returns buffer. */
const char *socket_address(const struct socket_entry *entry, char buffer[SOCKET_ADDRESS_SIZE]);

#endif
