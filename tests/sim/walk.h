/*
 * walk.h - one random walk, as plain numbers: services with their policies and what they need, what
 * each of their processes does, and what people and the machine do meanwhile.
 *
 *	1. walk_draw()		a seed becomes a walk (draw.c)
 *	2. walk_play()		the walk is gone, against the rules (play.c)
 *	3. walk_shrink()	of one that fails, the shortest that still breaks the same rule (shrink.c)
 *	4. walk_write()		its text, which walk_read() takes again (text.c)
 *
 * Everything in it is an int64_t with a simplest value, so that all but 1. know no field by name.
 */
#ifndef SIM_WALK_H
#define SIM_WALK_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "model/stack.h"
#include "script.h"

/* The last row of every stack is for second runs. */
enum { WALK_SERVICES = 40, WALK_NEEDS = 3, WALK_SCRIPTS = 4, WALK_MOVES = 64 };

#define POLICY_FIELDS(X)                                                                           \
	X(task, "task", 0)                                                                         \
	X(readiness, "readiness", READY_PORT)                                                      \
	X(ready_timeout_ms, "ready_timeout", 60000)                                                \
	X(task_timeout_ms, "task_timeout", 0)                                                      \
	X(on_dependency, "on_dependency", DEPENDENCY_KEEP)                                         \
	X(restart, "restart", RESTART_ON_FAILURE)                                                  \
	X(delay_ms, "restart.delay", 500)                                                          \
	X(max_delay_ms, "restart.max_delay", 30000)                                                \
	X(reset_ms, "restart.reset", 60000)                                                        \
	X(limit, "restart.limit", 10)                                                              \
	X(window_ms, "restart.window", 300000)                                                     \
	X(health, "health", 0)                                                                     \
	X(interval_ms, "health.interval", 10000)                                                   \
	X(timeout_ms, "health.timeout", 2000)                                                      \
	X(retries, "health.retries", 3)                                                            \
	X(successes, "health.successes", 1)                                                        \
	X(start_period_ms, "health.start_period", 0)                                               \
	X(action, "health.action", HEALTH_RESTART)                                                 \
	X(stop_signal, "stop.signal", 15)                                                          \
	X(stop_timeout_ms, "stop.timeout", 10000)                                                  \
	X(stop_leader, "stop.to_leader", 0)                                                        \
	X(stop_command, "stop.command", 0)

#define NEED_FIELDS(X)                                                                             \
	X(on, "on", NEVER) /* a service before it; NEVER: none */                                  \
	X(condition, "condition", CONDITION_STARTED)                                               \
	X(optional, "optional", 0)

#define DEEDS(X)                                                                                   \
	X(DEED_NONE, "nothing")                                                                    \
	X(DEED_UP, "up")                                                                           \
	X(DEED_DOWN, "down")                                                                       \
	X(DEED_START, "start")                                                                     \
	X(DEED_START_ALONE, "start-alone")                                                         \
	X(DEED_STOP, "stop")                                                                       \
	X(DEED_STOP_ALONE, "stop-alone")                                                           \
	X(DEED_RESTART, "restart")                                                                 \
	X(DEED_KILL, "kill")                                                                       \
	X(DEED_SIGNAL, "signal") /* from outside; arg: which */                                    \
	X(DEED_FREEZE, "freeze") /* arg: ms */                                                     \
	X(DEED_DOUBLE, "double") /* a second run begins, takes over, or ends: what comes next */   \
	X(DEED_MOVE, "move") /* a handover; arg: which kind, and which steps fail by themselves */ \
	X(DEED_RELOAD, "reload")                                                                   \
	X(DEED_STRAY, "stray") /* arg: the nth event that cannot come */

#define MOVE_FIELDS(X)                                                                             \
	X(wait_ms, "after", 0)                                                                     \
	X(deed, "do", DEED_NONE)                                                                   \
	X(service, "to", 0)                                                                        \
	X(arg, "with", 0)

#define X(field, word, simplest) int64_t field;
struct walk_policy { POLICY_FIELDS(X) };
struct walk_need { NEED_FIELDS(X) };
struct walk_move { MOVE_FIELDS(X) };
#undef X
#define X(name, word) name,
enum deed { DEEDS(X) };
#undef X

struct walk_service {
	struct walk_policy policy;
	struct walk_need needs[WALK_NEEDS];
	struct script scripts[WALK_SCRIPTS]; /* of the first starts; then from the first again */
};

struct walk {
	int64_t seed;
	int64_t luck; /* of jitter and what comes first; 0: none */
	int64_t services;
	int64_t moves;
	struct walk_move move[WALK_MOVES];
	struct walk_service service[WALK_SERVICES];
};

struct ending {
	bool failed;
	const char *rule; /* which was broken: the same pointer for the same rule */
	char complaint[400];
	uint64_t events;
	int move; /* at which it was */
};

void walk_draw(struct walk *walk, uint64_t seed);
/* story: NULL, or where to tell all that happens. */
void walk_play(const struct walk *walk, FILE *story, struct ending *ending);
/* In place; ending is that of the walk, then of what is left of it. Returns how many were tried. */
int walk_shrink(struct walk *walk, struct ending *ending);

void walk_write(const struct walk *walk, FILE *out);
/* False: not such a text. */
bool walk_read(struct walk *walk, FILE *in);

/* The stack of the walk, with the row for second runs. */
struct stack *walk_stack(const struct walk *walk);

#endif
