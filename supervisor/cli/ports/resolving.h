/*
 * resolving.h - what the two halves of `ports resolve` share: for an instance that does not run
 * (resolve.c), and for one that does (resolve_running.c).
 */
#ifndef CLI_PORTS_RESOLVING_H
#define CLI_PORTS_RESOLVING_H

#include "claim/check.h"
#include "cli/ports/conflict_ask.h"
#include "cli/shared/resolved.h"
#include "registry/reassignments.h"

struct resolving {
	struct context *context; /* borrows */
	struct resolved r; /* owns */
	struct conflict_answers answers; /* owns */
	struct claim_options options;
	struct port_check check; /* owns; the plan */
	struct reassignment *reassignments; /* in r.arena: services on emergency ports */
	size_t reassignment_count;
};

/*
 * Its supervisor has the ports: who is in the way is ended here, services move at its hands, and what is
 * on an emergency port goes where it belongs, or near it. Exit code; EXIT_CONFLICT when something is left.
 */
int resolve_running(struct resolving *resolving, struct error *e);
/* The same as lines of a plan; nothing is done. */
void resolve_running_plan(struct resolving *resolving, struct text *out);

#endif
