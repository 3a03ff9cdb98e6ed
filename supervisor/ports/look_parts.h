/*
 * look_parts.h - what the questions about ports share. Private to this room.
 */
#ifndef PORTS_LOOK_PARTS_H
#define PORTS_LOOK_PARTS_H

#include "ports/look.h"

/* An arena for the answer, and the registry for reading; both are the caller's. */
int look_begin(struct arena **arena, const char *state, struct registry **r, struct error *e);
/* Leases of this network namespace; of one project or of all. */
int look_read_leases(struct registry *r, const char *project, struct arena *arena,
	struct lease **out, size_t *count, struct error *e);
/* NULL: that port is not leased. */
const struct lease *look_lease_of(const struct lease *leases, size_t count, uint16_t port, bool udp);
/* All sockets on these ports with their processes. */
int look_see(const uint16_t *ports, size_t count, struct socket_list *sockets,
	struct owner_list *owners, struct error *e);

#endif
