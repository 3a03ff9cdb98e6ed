/*
 * reserve.h - a port kept for somebody who does not run: `ports reserve` and `ports release`.
 *
 * By number it is for anything else than services of ours: no claim on the machine gets it. By
 * service it is every port of the service in one instance; the project is registered when it is not
 * known yet. Both fail with EXIT_CONFLICT when the port is reserved for somebody else or leased by an
 * instance that runs. What is there already is renewed.
 */
#ifndef CLAIM_RESERVE_H
#define CLAIM_RESERVE_H

#include "claim/claim.h"

struct reserve_wish {
	const char *owner; /* for whom; "" only for a service */
	const char *note; /* "" where none */
};

/* In the arena that was given. */
struct reserve_list {
	struct reservation *items;
	size_t count;
};

int reserve_port(const char *state, uint16_t port, const struct reserve_wish *wish,
	struct arena *arena, struct reserve_list *out, struct error *e);
/*
 * claim comes from claim_find() with the same request; it gets the project's id and block. ports are
 * all rows of the stack and get their numbers; those of the service are reserved, pool ports where
 * nobody is now.
 */
int reserve_service(const struct claim_request *request, struct claim *claim, struct port *ports,
	size_t count, const char *service, const struct reserve_wish *wish, struct reserve_list *out,
	struct error *e);

/* out is what was given up; EXIT_NOT_FOUND when nothing was reserved. */
int release_port(const char *state, uint16_t port, struct arena *arena, struct reserve_list *out,
	struct error *e);
int release_service(const char *state, const struct claim *claim, const char *service,
	struct arena *arena, struct reserve_list *out, struct error *e);

/* All of the machine. */
int reserve_list(const char *state, struct arena *arena, struct reserve_list *out, struct error *e);

#endif
