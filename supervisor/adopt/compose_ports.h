/*
 * compose_ports.h - an entry of `ports` of a compose file, as docker reads it. Pure.
 *
 *	[[HOST_IP:]PUBLISHED:]TARGET[/PROTOCOL]
 *
 * The address is one (no name; IPv6 in brackets), PUBLISHED and TARGET are numbers or ranges of one size, or
 * PUBLISHED is a range of which docker takes one for a single TARGET; an empty PUBLISHED is docker's choice.
 * The protocol is tcp, udp or sctp. These are the rules of docker/go-connections (nat) and compose-go.
 */
#ifndef ADOPT_COMPOSE_PORTS_H
#define ADOPT_COMPOSE_PORTS_H

#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"

struct compose_port {
	const char *host_ip; /* "" where there is none */
	const char *published; /* "8080", "8000-8010" where one of them is taken, "" where docker chooses */
	int target;
	const char *protocol; /* in lower case */
};

/* Bytes of the text; start == end: the part is not there. */
struct compose_span {
	size_t start;
	size_t end;
};

struct compose_ports {
	struct compose_port *items; /* one for each target */
	size_t count;
	struct compose_span host_ip, published, target, protocol;
};

/* The short form, interpolated already. -1 with what is wrong. */
int compose_ports_parse(struct arena *arena, const char *text, struct compose_ports *out, struct error *e);
/* The long form; any but target may be NULL. */
int compose_ports_long(struct arena *arena, const struct compose_port *parts, const char *target,
	struct compose_ports *out, struct error *e);

#endif
