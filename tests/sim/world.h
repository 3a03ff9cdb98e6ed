/*
 * world.h - a fake kernel with virtual time behind struct sys, for the keeper.
 *
 * Every service has a script: what its next processes do. World checks the rules of the keeper at
 * every call and after every turn, and dies with the seed and the last transitions when one is
 * broken:
 *
 * - never two leaders of one service, and none while something of its last tree lives
 * - no leader or group signal without a leader
 * - no start before the back-off is over, and only when every dependency is met (or waived)
 * - nothing that is depended on stops before its dependents, unless told so
 * - a state that waits has a deadline or something that will end it
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "model/stack.h"
#include "watch/keeper.h"

enum { WORLD_SERVICES = 64, NEVER = -1 };

struct script {
	int64_t ready_after_ms; /* NEVER: its probe never succeeds */
	int64_t exit_after_ms; /* NEVER: runs until signalled */
	int exit_code;
	int exit_signal;
	int64_t term_delay_ms; /* NEVER: ignores it */
	int orphans; /* processes of its tree that outlive it and ignore TERM */
	int polite_orphans; /* ... that end at TERM */
	int shortages; /* next spawns that fail with EAGAIN */
	bool exec_fails; /* ENOENT */
	int64_t sick_from_ms; /* health fails from then on after the start; NEVER */
	int64_t sick_for_ms;
	bool withstands; /* SIGKILL, until it is false again */
	bool probe_hangs;
	bool imposter;
};

struct world;

struct world *world_new(uint64_t seed, const struct stack *stack);
void world_free(struct world *w);

struct keeper *world_keeper(struct world *w);
struct script *world_script(struct world *w, int service);
int64_t world_now(const struct world *w);
uint32_t world_random(struct world *w);

/* Runs turns and what is due until virtual time `until_ms`. */
void world_run_until(struct world *w, int64_t until_ms);
/* Runs until nothing is due any more or until_ms; returns whether it became quiet. */
bool world_run_until_quiet(struct world *w, int64_t until_ms);
/* Time passes without the keeper being called, as in a suspend. */
void world_freeze(struct world *w, int64_t for_ms);

enum service_state world_state(const struct world *w, int service);
int world_spawns(const struct world *w, int service);
int64_t world_spawn_time(const struct world *w, int service, int nth);
int world_processes(const struct world *w);
/* Kills the leader from outside. */
void world_kill_from_outside(struct world *w, int service, int signal);
/* The number of told events of a kind for a service. */
int world_told(const struct world *w, int service, enum event_kind kind);

/* A stack of n services without any dependency; policies are the defaults of the stack file. */
struct stack *world_stack(int services);
/*
 * A second run of the service in `row`, on which nothing depends: starts as its script says and is not
 * started again. Then the two change places.
 */
void world_double(struct world *w, struct stack *stack, int service, int row);
void world_swap(struct world *w, int service, int row);
void world_depends(struct stack *stack, int service, int on, enum condition condition);

#endif
