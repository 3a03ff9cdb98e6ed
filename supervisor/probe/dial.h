/*
 * dial.h - sockets for checks, and how addresses read. Private to this room.
 */
#ifndef PROBE_DIAL_H
#define PROBE_DIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "base/text.h"

/*
 * Non-blocking and close-on-exec. Its local port is taken from above all blocks of stackup
 * (IP_LOCAL_PORT_RANGE, Linux 6.3): a check that closes first leaves its local port in TIME_WAIT,
 * and were that the port of some instance, its server could not bind it for a minute. -1 and errno.
 */
int dial_socket(int family, int type, int protocol);

/*
 * localhost becomes 127.0.0.1 and ::1, a numeric address (brackets allowed) itself. Returns how
 * many these are, 0 for any other name: nothing here waits for a name server.
 */
size_t dial_addresses(
	const char *host, unsigned short port, struct sockaddr_storage *addresses, size_t most);

socklen_t dial_length(const struct sockaddr *address);
unsigned short dial_port(const struct sockaddr *address);
bool dial_is_loopback(const struct sockaddr *address);
bool dial_same_host(const struct sockaddr *one, const struct sockaddr *other);
/* "127.0.0.1" */
void dial_show(struct text *out, const struct sockaddr *address);

#endif
