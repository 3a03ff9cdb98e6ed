/*
 * takeover.h - one process of a service takes the place of another, in the steps of
 * plan/handover.h: a port that moves, an orderly restart on a socket that is passed on, a port that
 * was lost.
 *
 * One is under way at a time, others wait in a queue; a reload waits for all of them. Each turn
 * takeover_continue() looks whether the present step is done or has failed, and begins the next.
 * What the steps do is in takeover_steps.c. Whatever fails before the end is undone, and the old
 * process serves as before.
 *
 * The two stacks of a move are made from one draft: the same services at the same indexes, other
 * ports. in->loaded is always the one that holds now; the other one is kept here until the end.
 */
#ifndef DAEMON_TAKEOVER_H
#define DAEMON_TAKEOVER_H

#include "claim/move.h"
#include "daemon/instance.h"
#include "plan/handover.h"

struct takeover_wish {
	int service;
	uint16_t port; /* 0: it stays where it is */
	int64_t grace_ms; /* how long the old port leads to the new one */
	bool lost; /* the port went to somebody: nobody asked for anything */
	struct control_ticket ticket;
	bool has_ticket;
};

struct takeover {
	struct takeover_wish wish;
	struct handover plan;
	struct loaded other; /* owns; empty where the stack stays */
	struct arena *arena; /* owns */
	const int *followers;
	struct port_move port; /* of a move */
	struct socket_list heard; /* owns: where the old process listened on the port */
	bool begun; /* the present step */
	uint64_t generation; /* the run that is waited for is a later one ... */
	int64_t look_at_ms; /* ... and nothing but time may make it good; NO_DEADLINE */
	int64_t deadline_ms; /* of the present step */
	struct error why; /* of the first step that failed */
	json_t *restarted; /* owns: names of those who followed */
};

/* The verb `move`; answers the ticket when it is over. */
void takeover_request(struct instance *in, struct control_ticket ticket, const json_t *body);
/* Every port of the service is a socket that can be passed on, and it runs: restart it that way. */
bool takeover_fits(const struct instance *in, int service);
void takeover_restart(struct instance *in, int service);

/* Once a turn; true when services were fed. */
bool takeover_continue(struct instance *in);
/* The next time at which one may go on by itself. */
int64_t takeover_deadline(const struct instance *in);
/* A port is on its way: the ports cannot be claimed anew now. */
bool takeover_moves(const struct instance *in);
/* A reload changed the indexes; -1: gone. */
void takeover_renumber(struct instance *in, const int *new_index);
/* The instance ends: who waits is told. */
void takeover_abandon(struct instance *in);
void takeover_free(struct instance *in);

/*
 * lost.c: -1 when somebody has the port of a service that is about to start. The next turn then
 * claims all ports anew; t->wish.port is where the port has gone, 0 where it is there again.
 */
int lost_check(struct instance *in, const struct service *s, const struct port *port,
	struct hold *hold, struct error *e);
int lost_claim(struct instance *in, struct takeover *t, struct error *e);
/* Somebody else is bound to the port or listens there, on whatever address, beside our hold. */
bool lost_to_server(struct instance *in, const struct port *port);

enum step_state { STEP_WAITS, STEP_DONE, STEP_FAILED };

/* takeover_look.c: a later run of the row than now is waited for, as long as its policy allows. */
void takeover_await(struct instance *in, struct takeover *t, int row);
/* Is it ready, healthy, and does it listen itself? `what` it is, for e: "the new process of". */
enum step_state takeover_look(struct instance *in, struct takeover *t, int row, const char *what,
	struct error *e);
/* Always STEP_FAILED: why the row does not do its work. */
enum step_state takeover_broke_down(
	const struct instance *in, int row, const char *what, struct error *e);

/* takeover_steps.c */
/* Of the present step; begins it where it has not begun. e: why it failed. */
enum step_state takeover_step(struct instance *in, struct takeover *t, struct error *e);
/* To who asked for it, and to the events. */
void takeover_say(struct instance *in, const struct takeover *t, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
