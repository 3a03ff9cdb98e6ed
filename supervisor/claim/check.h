/*
 * check.h - what a launch would run into, and what would be done about it, and nothing is done: `ports
 * check`, `check --ports`, and the first half of `ports resolve`.
 *
 * The plan is that of the launch (resolve.h), from the same look and the same attempts: where no socket
 * is seen, or only connections that may not matter, the port is bound for a moment, and given back.
 */
#ifndef CLAIM_CHECK_H
#define CLAIM_CHECK_H

#include "claim/claim.h"

struct port_conflict {
	const char *project;
	int instance;
	const char *service; /* "" for a port of the range that no service uses */
	const char *name; /* of the port */
	int line; /* in the stack file */
	const struct owner *holder; /* NULL: unknown */
	const char *text; /* one line about the holder: "held by pid 4242 (node), ..." */
	/* With the row, whose number it is; move_to: where it would go, or could if asked to. */
	struct conflict plan;
};

struct port_check {
	struct arena *arena; /* owns */
	struct owner_list owners; /* owns */
	struct port_conflict *items; /* in the arena; in the order of the rows, then of the range */
	size_t count;
	size_t wanted; /* how many of them are in a service's way that a launch does not do without */
};
void port_check_release(struct port_check *check);

/*
 * claim comes from claim_find(), with what claim_preview() wants to be set; ports are not changed. For
 * a running instance its own listeners are no conflict. options as for the launch; NULL: none.
 */
int ports_check(const char *state, const struct claim *claim, const struct port *ports,
	size_t count, const struct claim_options *options, struct port_check *check, struct error *e);

#endif
