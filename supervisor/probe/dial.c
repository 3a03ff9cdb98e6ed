#include "probe/dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE 51
#endif

enum { LOCAL_LOW = 41000, LOCAL_HIGH = 60999 };

int dial_socket(int family, int type, int protocol)
{
	int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
	if (fd < 0)
		return -1;
	uint32_t range = (uint32_t)LOCAL_HIGH << 16 | LOCAL_LOW;
	/* Older kernels do not know it, and work as they always did. */
	setsockopt(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE, &range, sizeof range);
	return fd;
}

static void make_v4(struct sockaddr_storage *out, struct in_addr host, unsigned short port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = host};
	memcpy(out, &at, sizeof at);
}

static void make_v6(struct sockaddr_storage *out, struct in6_addr host, unsigned short port)
{
	struct sockaddr_in6 at = {
		.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = host};
	memcpy(out, &at, sizeof at);
}

size_t dial_addresses(
	const char *host, unsigned short port, struct sockaddr_storage *addresses, size_t most)
{
	if (most < 2)
		return 0;
	if (!host || !strcasecmp(host, "localhost")) {
		make_v4(&addresses[0], (struct in_addr){htonl(INADDR_LOOPBACK)}, port);
		make_v6(&addresses[1], in6addr_loopback, port);
		return 2;
	}
	char bare[INET6_ADDRSTRLEN];
	size_t length = strlen(host);
	bool brackets = length > 2 && host[0] == '[' && host[length - 1] == ']';
	if (brackets) {
		host++;
		length -= 2;
	}
	if (length >= sizeof bare)
		return 0;
	memcpy(bare, host, length);
	bare[length] = '\0';
	struct in_addr v4;
	struct in6_addr v6;
	if (inet_pton(AF_INET, bare, &v4) == 1)
		make_v4(&addresses[0], v4, port);
	else if (inet_pton(AF_INET6, bare, &v6) == 1)
		make_v6(&addresses[0], v6, port);
	else
		return 0;
	return 1;
}

socklen_t dial_length(const struct sockaddr *address)
{
	return address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
					      : sizeof(struct sockaddr_in);
}

unsigned short dial_port(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)(const void *)address)->sin6_port);
	return ntohs(((const struct sockaddr_in *)(const void *)address)->sin_port);
}

/* An IPv4 address as it is, or the one inside a mapped IPv6 address. */
static bool as_v4(const struct sockaddr *address, struct in_addr *out)
{
	if (address->sa_family == AF_INET) {
		*out = ((const struct sockaddr_in *)(const void *)address)->sin_addr;
		return true;
	}
	const struct in6_addr *v6 =
		&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
	if (!IN6_IS_ADDR_V4MAPPED(v6))
		return false;
	memcpy(out, v6->s6_addr + 12, sizeof *out);
	return true;
}

bool dial_is_loopback(const struct sockaddr *address)
{
	struct in_addr v4;
	if (as_v4(address, &v4))
		return ntohl(v4.s_addr) >> 24 == IN_LOOPBACKNET;
	return IN6_IS_ADDR_LOOPBACK(
		&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
}

bool dial_same_host(const struct sockaddr *one, const struct sockaddr *other)
{
	struct in_addr v4_one;
	struct in_addr v4_other;
	bool is_v4 = as_v4(one, &v4_one);
	if (is_v4 != as_v4(other, &v4_other))
		return false;
	if (is_v4)
		return v4_one.s_addr == v4_other.s_addr;
	return !memcmp(&((const struct sockaddr_in6 *)(const void *)one)->sin6_addr,
		&((const struct sockaddr_in6 *)(const void *)other)->sin6_addr,
		sizeof(struct in6_addr));
}

void dial_show(struct text *out, const struct sockaddr *address)
{
	char words[INET6_ADDRSTRLEN];
	const void *host = address->sa_family == AF_INET6
		? (const void *)&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr
		: (const void *)&((const struct sockaddr_in *)(const void *)address)->sin_addr;
	text_add(out, inet_ntop(address->sa_family, host, words, sizeof words) ? words : "?");
}
