/*
 * evict.h - ends the processes that have a port, in the only way stackup touches a stranger.
 *
 *	1. One fresh look at the port: every process that listens on it or keeps it bound.
 *	2. A pidfd for each, opened before everything is asked again: the same start time, the same
 *	   user, the socket still its own, nothing that protects it (protect.h), none of stackup's,
 *	   no ancestor of ours. When one of them may not be signalled, none is.
 *	3. A row in the registry's audit before each signal. Without the row there is no signal.
 *	4. TERM, and KILL after a while to whom still has the socket. Who has let go of it may go on.
 *
 * Whether somebody is to be stopped at all is decided elsewhere (resolve.h).
 */
#ifndef PORTS_EVICT_H
#define PORTS_EVICT_H

#include "base/error.h"
#include "listeners/owner.h"

struct eviction {
	const char *state; /* of the registry */
	int64_t project_id; /* for whom; 0: for nobody in particular */
	int instance;
	uint16_t port;
	bool udp;
	const uint16_t *protects; /* [ports] protect */
	size_t protect_count;
	const char *why; /* for the audit */
	pid_t pid; /* who was shown to the person that agreed; 0: whoever has it */
	uint64_t start_ticks;
	int grace_ms; /* from TERM to KILL; 0: 5 s */
};

/*
 * 0: nobody has the port any more, *ended gets who had it. -1: EXIT_CONFLICT with the reason, when
 * somebody may not be signalled, did not go, or came anew; EXIT_REGISTRY when it could not be audited.
 */
int evict(const struct eviction *eviction, struct owner_list *ended, struct error *e);

/*
 * Why the processes that have the port may not be signalled, for plans and reports: static, NULL when
 * nothing is against it. Sockets and owners may cover other ports.
 */
const char *evict_obstacle(uint16_t port, bool udp, const struct socket_list *sockets,
	const struct owner_list *owners, const uint16_t *protects, size_t protect_count);

#endif
