/*
 * look.h - questions about ports that change nothing: `ports who`, `ports list`, `ports check`,
 * `check --ports`.
 */
#ifndef PORTS_LOOK_H
#define PORTS_LOOK_H

#include "ports/claim.h"
#include "ports/classify.h"

/* One socket and one process that has it; or a leased port nobody listens on (socket.inode 0). */
struct port_view {
	uint16_t port;
	bool udp;
	bool seen; /* a socket was seen: `socket` is filled */
	struct socket_entry socket;
	enum port_class class;
	struct owner holder;
	bool has_holder;
	struct lease lease;
	bool has_lease;
};

struct port_look {
	struct arena *arena; /* owns leases' strings */
	struct port_view *items; /* owns */
	size_t count;
	size_t capacity;
};
void port_look_release(struct port_look *look);

/* Everything that has this port, whatever its state; TCP and UDP. */
int ports_who(const char *state, uint16_t port, struct port_look *look, struct error *e);
/* Every lease of a project's service (all projects with NULL) and what listens there. */
int ports_list(const char *state, const char *project, struct port_look *look,
	struct error *e);

struct port_conflict {
	const char *project;
	int instance;
	const char *service; /* "" for a spare port of the range */
	uint16_t port;
	enum port_class class;
	const struct owner *holder; /* NULL: unknown */
	bool is_protected; /* [ports] protect: stopping the holder is no option */
	const char *text; /* one line about the holder */
	const char *default_action; /* wait, stop, move, fail */
	uint16_t move_to; /* 0: nowhere */
};

struct port_check {
	struct arena *arena; /* owns */
	struct owner_list owners; /* owns */
	struct port_conflict *items; /* in the arena */
	size_t count;
};
void port_check_release(struct port_check *check);

/*
 * What claim_ports() would run into, by looking only. claim comes from claim_find(); ports are not
 * changed. For a running instance its own listeners are no conflict.
 */
int ports_check(const char *state, const struct claim *claim, const struct port *ports,
	size_t count, bool strict, struct port_check *check, struct error *e);

#endif
