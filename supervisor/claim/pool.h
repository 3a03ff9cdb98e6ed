/*
 * pool.h - which port a service with `port = pool` gets. Pure.
 *
 * The pool is the service's `range`, else that of [ports] pool, else the machine's: block 0, or the
 * highest block that no project owns when block 0 has an owner. A service keeps its port from run to
 * run. For one that has none yet, the order is
 *
 *	1. ports that no other service keeps, from the lowest on
 *	2. ports that others keep, the one that was not used for the longest time first
 *
 * and the kernel has the last word: the claim takes the first that can be held, so two launches at once
 * never get the same. What claim_avoids() and ports in another project's block are left out.
 */
#ifndef CLAIM_POOL_H
#define CLAIM_POOL_H

#include "claim/claim.h"

/* Fills the range of pool rows that have none, and the number each would get: its home or the first. */
void pool_preview(const struct claim *claim, struct port *ports, size_t count);

/* What it had last and still may have; a reservation for it comes before. 0: nothing. */
uint16_t pool_home(const struct claim *claim, const struct port *row);

/* Everything it may have, one after the other: start with {claim, row}, 0 at the end. */
struct pool_walk {
	const struct claim *claim;
	const struct port *row;
	bool lends; /* at the ports that others keep */
	int next;
};
uint16_t pool_next(struct pool_walk *walk);

#endif
