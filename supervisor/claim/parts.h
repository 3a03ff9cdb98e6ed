/*
 * parts.h - what the files of the claim share. Private to this room.
 */
#ifndef CLAIM_PARTS_H
#define CLAIM_PARTS_H

#include "base/list.h"
#include "claim/claim.h"
#include "claim/worktree.h"
#include "ports/classify.h"
#include "ports/resolve.h"
#include "registry/instances.h"
#include "registry/projects.h"

/* One launch while it decides: borrows from its caller. */
struct launch {
	const struct claim_request *request;
	struct claim *claim;
	struct registry *registry;
	struct project project;
	struct worktree worktree; /* of the request */
	struct instance before; /* the row as it was; number 0 where none */
	struct instance now;
	const char *block_owner; /* in the claim's arena: whose block the stack file's is; NULL */
};

/* The project's row, made when there is none. (project.c) */
int launch_find_project(struct launch *l, struct error *e);
/* The same block for a project that there is: somebody's word, so what cannot be is an error. */
int launch_set_block(struct launch *l, struct error *e);
/* A project that starts is neither reserved nor archived any more. */
int launch_revive(struct launch *l, struct error *e);
bool launch_any_alive(const struct launch *l);
/*
 * For a launch that has failed, without a transaction: the history gets the block that somebody else had.
 * (write.c)
 */
void launch_write_refusal(const struct launch *l);
/* Fills claim->ports_base: what the first project made it, else what it would be. */
int launch_find_base(struct launch *l, struct error *e);
/* The block a new project gets: the stack file's, or the lowest free one. */
int launch_first_block(struct launch *l, int *block, struct error *e);
int launch_choose_block(struct launch *l, int *block, struct error *e);
/* claim->block of claim->instance; a further one is added when it is needed first. (claim.c) */
int launch_place_block(struct launch *l, struct error *e);

/* Which instance number to try next (choose.c). Pure but for a look at worktrees. */
struct chooser {
	const struct claim_request *request;
	const struct worktree *worktree; /* of the request */
	const struct instance *rows; /* all of the project */
	size_t count;
	int next;
	bool began;
	bool settled; /* there is nothing to choose: this number or none */
};
/* 0: there is no further one. */
int choose_next(struct chooser *c);

/* claim.c: fills what later steps want to know of the project's past and of the machine. */
int claim_load_past(struct registry *r, struct claim *claim, struct error *e);

/*
 * claim_ports() works on a pool of holds: those the claim has already and the ones it takes now. Nothing
 * of the claim changes before everything is decided; on failure only the fresh holds are closed.
 */
/* Offset of a port in the instance's range, NO_SLOT outside. (preview.c) */
int claim_slot_of(const struct claim *claim, uint16_t port);

struct pooled {
	struct hold hold;
	bool fresh; /* taken by this call */
	int row; /* index of the port row that has it, -1: spare */
};

/* A port that could not be had. */
struct trouble {
	uint16_t port;
	bool udp;
	int row; /* -1: a port of the range that no service uses */
	int number; /* errno of the bind */
	const struct reservation *reserved; /* borrows from the claim; it was not even tried. NULL */
	struct lease *lease; /* borrows from the arena; NULL */
	struct port_verdict verdict; /* of the last look, into which it points */
	const char *holder; /* in the arena: who has it, of that look */
	struct conflict plan;
};

struct boarding {
	const char *state;
	struct claim *claim;
	struct port *ports;
	size_t count;
	const struct claim_options *options;
	int64_t began_us;
	LIST(struct pooled) pool;
	LIST(struct trouble) troubles;
	LIST(struct trouble) settled; /* stopped or waited for, and ours now */
	struct sockets sockets;
	struct socket_list seen;
	struct owner_list owners;
};

static inline bool port_is_udp(const struct port *row)
{
	return row->protocol == PROTOCOL_UDP;
}

int boarding_no_memory(struct error *e);
struct pooled *boarding_find(struct boarding *b, uint16_t port, bool udp);
/* Does one of the rows want this port? (troubles.c) */
bool boarding_wants(const struct boarding *b, uint16_t port, bool udp);
/*
 * Whatever the plan ends or waits for. What is still taken afterwards has its verdict and a plan that
 * moves it, asks or fails. (free.c)
 */
int boarding_free(struct boarding *b, struct error *e);
/*
 * The one way to a port that could not be had at once, for launches and for who foretells them: exclusive,
 * or where only connections are left beside those of a server with SO_REUSEADDR; they do not hinder the
 * next one. 0, or errno of the bind. (free.c)
 */
int claim_take(struct hold *hold, uint16_t port, bool udp, const struct port_verdict *verdict);
/* Of an instance of the project that does not run, or of ours. (free.c) */
int boarding_remove_leftovers(struct boarding *b, int instance, struct error *e);
/*
 * Why who has the port must not be stopped; leftovers of our project may always be, those of others never.
 * (free.c)
 */
const char *claim_obstacle(const struct claim *claim, uint16_t port, bool udp,
	const struct port_verdict *verdict, const struct socket_list *sockets,
	const struct owner_list *owners);
/* Is there a port for everything that moves and must have one? Takes none. (troubles.c) */
bool boarding_has_places(struct boarding *b);
/* Moves what is to move, tells the rest; 0 when every row has a port. (troubles.c) */
int boarding_resolve(struct boarding *b, struct error *e);
/*
 * Who has the sockets, as far as the plan needs to know: all, when somebody could be stopped, else one of
 * each. (troubles.c)
 */
void claim_find_owners(const char *state, const struct claim_options *options,
	const struct socket_list *sockets, struct owner_list *out);
/* What the plan goes by. (troubles.c) */
struct resolve_rules claim_rules(const struct claim *claim, const struct claim_options *options);
/*
 * What was decided goes to the registry; a first launch that failed leaves no lease and no "running".
 * (write.c)
 */
int boarding_write(const struct boarding *b, bool success, struct error *e);
/*
 * A service that has an emergency port instead of its home is an incident, until it has another. holder:
 * who has the home, NULL where unknown. (write.c)
 */
int claim_write_emergency(struct registry *r, const struct claim *claim, const struct port *row,
	uint16_t home, uint16_t number, const char *holder, struct error *e);

#endif
