/*
 * leased.h - which ports are leased, and what is on them, for who only looks. Shared by those who ask
 * about ports and by those who foretell a launch.
 */
#ifndef CLAIM_LEASED_H
#define CLAIM_LEASED_H

#include "listeners/owner.h"
#include "registry/leases.h"
#include "registry/projects.h"

/* An arena for the answer, and the registry for reading; both are the caller's. */
int leased_begin(struct arena **arena, const char *state, struct registry **r, struct error *e);
/* Leases of this network namespace, by port, TCP first; of one project or of all. */
int leased_read(struct registry *r, const char *project, struct arena *arena,
	struct lease **out, size_t *count, struct error *e);
/* NULL: that port is not leased. */
const struct lease *leased_at(
	const struct lease *leases, size_t count, uint16_t port, bool udp);
/* All sockets on these ports. */
int leased_see(const uint16_t *ports, size_t count, struct socket_list *sockets, struct error *e);

#endif
