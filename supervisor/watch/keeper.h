/*
 * keeper.h - keeps all services of an instance as they are wanted: the queue, the turn, the effects.
 *
 *	1. keeper_new()
 *	2. whatever happens in the world becomes an event: keeper_feed(), keeper_exits()
 *	3. once a loop turn: keeper_turn(), which drains the queue, performs the effects through
 *	   struct sys, settles what follows for others, and says when it wants to be called again
 *	4. read keeper_run() for status
 *
 * The keeper knows no clock, no descriptor and no loop; tests/sim drives it with a fake world.
 *
 * When a turn comes more than a quarter of a second after the time the keeper asked for, the machine slept or we
 * were stopped: all that was due moves on by the gap, and failed probes of that turn count as
 * unknown.
 */
#ifndef WATCH_KEEPER_H
#define WATCH_KEEPER_H

#include "model/stack.h"
#include "model/sys.h"
#include "watch/service.h"

struct keeper;

struct keeper_exit {
	int service;
	bool is_hook; /* stop.command, not the service */
	struct exit_status status;
	const char *reason; /* explained failure to exec; may be NULL */
	bool again; /* the failure was ours and is mended: start again at once, at no cost */
};

/* Borrows sys and stack. NULL: out of memory. */
struct keeper *keeper_new(const struct sys *sys, const struct stack *stack);
void keeper_free(struct keeper *keeper);

/*
 * Replaces the stack. runs[i] of the new one continues old_index[i] of the old one, or begins down
 * where that is -1. Every old service that is not continued must be without processes; probes in
 * flight must have been cancelled, they are begun again. 0 or -1.
 */
int keeper_adopt(struct keeper *keeper, const struct stack *stack, const int *old_index);

/*
 * Two runs of one service at a time, in two rows: that of the service and one that nothing depends
 * on. keeper_double() lets the row, which must be without a process, begin as the service's next
 * run: with its count of starts and its past. keeper_swap() exchanges the runs of two rows, and what
 * is wanted of them stays with the rows; a run that has ended starts anew where it is wanted in row a,
 * the service's. stack is the one that holds from now on, with the same services at the same indexes.
 * Probes as for keeper_adopt().
 */
void keeper_double(struct keeper *keeper, int service, int row);
void keeper_swap(struct keeper *keeper, const struct stack *stack, int a, int b);

/*
 * The service goes on as it did in another supervisor (snapshot.h says how); a probe that was in flight is
 * begun again. Its processes have no pidfd before keeper_reach() gives it one, which the keeper keeps.
 */
void keeper_restore(struct keeper *keeper, int service, const struct service_run *run);
void keeper_reach(struct keeper *keeper, int service, bool is_hook, int pidfd);

void keeper_feed(struct keeper *keeper, int service, const struct service_event *event);
/* Children that were reaped: one look at the trees for all of them. */
void keeper_exits(struct keeper *keeper, const struct keeper_exit *exits, size_t count);
/* An adopted process was reaped: trees that are waited for may be empty now. */
void keeper_trees_changed(struct keeper *keeper);

/* Returns the time of the next turn that it needs, NO_DEADLINE if only events can change things. */
int64_t keeper_turn(struct keeper *keeper);

const struct service_run *keeper_run(const struct keeper *keeper, int service);
/* All of them, in the order of the stack. */
const struct service_run *keeper_runs(const struct keeper *keeper);

/* Asks for several things at once, in the terms of the verbs; patterns are resolved by the caller. */
void keeper_start(struct keeper *keeper, int service, bool no_deps, const char *reason);
void keeper_stop(struct keeper *keeper, int service, bool no_deps, const char *reason);
/* With the no_deps of its last start: see keeper_set_no_deps(). */
void keeper_restart(struct keeper *keeper, int service, const char *reason);
/* Starts of the service wait for what it depends on, or do not, from now on. */
void keeper_set_no_deps(struct keeper *keeper, int service, bool no_deps);
void keeper_kill(struct keeper *keeper, int service, const char *reason);
/* Its time to stop in is another one now; a stop that is under way takes no longer. */
void keeper_hurry(struct keeper *keeper, int service);

#endif
