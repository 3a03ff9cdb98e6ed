/*
 * move.h - another port for a service of an instance that runs: in the claim and in the registry.
 *
 *	1. port_move_begin()	the new port is leased and held exclusively, a spare of the claim;
 *				nobody is told yet
 *	2. port_move_commit()	it is the service's port: lease, table of services, history; the old
 *				one is a spare now, with its hold as it was
 *	3. port_move_back()	undoes 2; after it 4 is for the new port
 *	4. port_move_leave()	the port that the service does not have (any more) is an exclusive
 *				spare of the instance's range, or given back
 *
 * Each writes one short transaction. When 1 or 2 fails nothing has changed; 3 and 4 are done in any
 * case, and only the registry may not know. A supervisor that is killed after 1 leaves a
 * spare lease, which the next launch drops; after 2 the next launch follows the move.
 *
 * A move is for ever forgotten by `down`; until then a reload and a launch after a crash keep it.
 */
#ifndef CLAIM_MOVE_H
#define CLAIM_MOVE_H

#include "claim/claim.h"

struct port_move {
	const char *state; /* borrows: directory of the registry */
	struct claim *claim; /* borrows */
	const struct port *port; /* borrows: its row in the stack; names, protocol, source */
	size_t row; /* its index there and in claim->holds */
	const char *config_file; /* as in struct claim_options */
	uint16_t from;
	uint16_t to;
};

/*
 * state to row are set by the caller, who also set claim->avoided; `from` is filled. EXIT_CONFLICT
 * with a sentence that says who has the port `to`.
 */
int port_move_begin(struct port_move *move, struct error *e);
int port_move_commit(struct port_move *move, struct error *e);
int port_move_back(struct port_move *move, struct error *e);
/* port: move->from after 2, move->to after 1 or 3. */
int port_move_leave(const struct port_move *move, uint16_t port, struct error *e);

/*
 * "port 30101 is held by pid 4242 (nc)", for a port that the instance cannot have. True: only
 * connections are left there, which do not hinder a server that sets SO_REUSEADDR.
 */
bool port_explain(const char *state, const struct claim *claim, uint16_t port, bool udp,
	int bind_errno, struct text *out);

/* A hold of the claim, a service's or a spare; NULL. */
struct hold *claim_hold(struct claim *claim, uint16_t port, bool udp);

#endif
