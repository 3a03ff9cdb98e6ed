/*
 * world.h - a fake kernel with virtual time behind struct sys, for the keeper.
 *
 * Every service has a script (script.h): what its next processes do. Every event that the keeper
 * handles is looked at before and after (rules.h); when a rule is broken the world says the seed,
 * the time and the last transitions, and either aborts or goes where world_catch() says.
 *
 *	struct stack *stack = world_stack(3);
 *	struct world *w = world_new(7, stack);
 *	world_script(w, 0)->exit_after_ms = 10;
 *	keeper_start(world_keeper(w), 0, false, NULL);
 *	world_run_until(w, world_now(w) + 1000);
 *
 * Services are rows. A reload or a takeover moves them to other rows; the script goes with the
 * process, and so does the name.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "model/stack.h"
#include "script.h"
#include "watch/keeper.h"

enum { WORLD_SERVICES = 64, WORLD_SPAWNS = 64, COMPLAINT_SIZE = 400 };

struct world;

/* Borrows the stack; one world at a time is watched by the rules. */
struct world *world_new(uint64_t seed, struct stack *stack);
void world_free(struct world *w);

struct keeper *world_keeper(struct world *w);
/* Of all starts of the service from now on, unless a chooser says otherwise. */
struct script *world_script(struct world *w, int service);
/* The nth start (from 0) of who was service `who` when the world was made. */
typedef const struct script *(*world_chooser)(void *owner, int who, int nth);
void world_choose(struct world *w, world_chooser choose, void *owner);

int64_t world_now(const struct world *w);
uint32_t world_random(struct world *w);
uint64_t world_events(const struct world *w);
/* Which service this row was when the world was made, and where that one is now. */
int world_who(const struct world *w, int row);
int world_row_of(const struct world *w, int who);
/* It has ended: no process of it, and nobody waits to start it. */
bool world_is_free(const struct world *w, int row);
/* After a reload the next one. */
const struct stack *world_now_stack(const struct world *w);

/* Runs turns and what is due until virtual time `until_ms`. */
void world_run_until(struct world *w, int64_t until_ms);
/* Runs until nothing is due any more or until_ms; returns whether it became quiet. */
bool world_run_until_quiet(struct world *w, int64_t until_ms);
/* Runs until done(owner) or until_ms; returns whether it was done. */
bool world_run_until_done(struct world *w, int64_t until_ms, bool (*done)(void *owner),
	void *owner);
/* The world goes on at that time even if nothing is due then. */
void world_wake(struct world *w, int64_t at_ms);
/* The keeper is to be called at once. */
bool world_has_news(const struct world *w);
/* After every turn. */
void world_each_turn(struct world *w, void (*look)(void *owner), void *owner);
/* Time passes without the keeper being called, as in a suspend. */
void world_freeze(struct world *w, int64_t for_ms);
/* From now on no process does anything by itself that is not good, and starts succeed. */
void world_heal(struct world *w);

enum service_state world_state(const struct world *w, int service);
int world_spawns(const struct world *w, int service);
int64_t world_spawn_time(const struct world *w, int service, int nth);
int world_processes(const struct world *w);
/* pidfds that are open. */
int world_descriptors(const struct world *w);
/* Kills the leader from outside. */
void world_kill_from_outside(struct world *w, int service, int signal);
/* The end of a process that was reaped long ago; it must change nothing. */
void world_report_late(struct world *w, const struct keeper_exit *exit);
/* The number of told events of a kind for a service. */
int world_told(const struct world *w, int service, enum event_kind kind);

/*
 * The verbs, as the daemon asks for them; the rules know them as what people asked for. Stopping
 * takes whoever depends on the service along unless no_deps.
 */
void world_start(struct world *w, int service, bool no_deps);
void world_stop(struct world *w, int service, bool no_deps);
void world_down(struct world *w);
void world_restart(struct world *w, int service);
void world_kill(struct world *w, int service);
/*
 * The nth of the events that never come there, to this service or one in a seldom state. It must
 * change nothing.
 */
void world_stray(struct world *w, int service, int nth);

/*
 * A second run of the service in `row`, on which nothing depends: starts as its script says and is
 * not started again. Then the two change places.
 */
void world_double(struct world *w, int service, int row);
void world_swap(struct world *w, int service, int row);
/* So often did this row get another process that way. */
int world_swaps(const struct world *w, int row);
/*
 * A reload: all services but the last row move up by one, and `fresh` (-1: none) is a new one with
 * its name, if it is without a process. False: a second run is going on.
 */
bool world_reload(struct world *w, int fresh);

/* Where to go when a rule is broken; the complaint is there then. NULL: abort. */
void world_catch(struct world *w, sigjmp_buf *where);
/* For whoever drives the world and sees something amiss. */
_Noreturn void world_complain(struct world *w, int service, const char *what);
/* The same pointer for the same rule. */
const char *world_rule(const struct world *w);
const char *world_complaint(const struct world *w);
/* A line of the story. */
void world_tell(struct world *w, int service, const char *what, const char *which);
/* NULL, or where to tell everything that happens. */
void world_narrate(struct world *w, FILE *out);

#endif
