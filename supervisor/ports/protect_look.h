/*
 * protect_look.h - which processes are those that nobody ends, for a port that they have? By looking only.
 *
 *	struct protected_sockets all;
 *	protected_look(&all, protects, count);		// the sockets of the machine, once
 *	why = protected_for(&all, pid);			// for each process
 *	protected_release(&all);
 */
#ifndef PORTS_PROTECT_LOOK_H
#define PORTS_PROTECT_LOOK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/list.h"

struct protected_socket {
	uint64_t inode;
	const char *why; /* protect_port() */
};

struct protected_sockets {
	LIST(struct protected_socket) list; /* owns */
};

/* What listens on a protected port or is bound to it, TCP or UDP. protects: [ports] protect. */
void protected_look(struct protected_sockets *out, const uint16_t *protects, size_t count);
/* Why, by the first of them that it has; NULL: of none, or that cannot be seen. */
const char *protected_for(const struct protected_sockets *all, pid_t pid);
void protected_release(struct protected_sockets *all);

#endif
