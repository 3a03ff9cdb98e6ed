/*
 * change.h - what a second `up` has to do: the running stack against the wanted one. Pure.
 *
 * Services are the same when their names are, and unchanged when their fingerprints are equal
 * (stackfile/describe.h writes them). What depends on a service that restarts is restarted too
 * where it says `on_dependency = restart`.
 */
#ifndef PLAN_CHANGE_H
#define PLAN_CHANGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "model/stack.h"
#include "plan/graph.h"

#define CHANGES(X)                                                                                 \
	X(CHANGE_KEEP, "keep")                                                                     \
	X(CHANGE_START, "start")                                                                   \
	X(CHANGE_STOP, "stop")                                                                     \
	X(CHANGE_RESTART, "restart")

#define X(name, word) name,
enum change { CHANGES(X) };
#undef X
const char *change_word(enum change change);

struct running {
	const char *name;
	const char *fingerprint;
	bool wanted; /* to be up; where it is not, there is nothing to stop */
	bool done; /* finished as wanted: nothing to start, whatever is wanted */
	bool failed; /* has given up, and tries again only when it is started */
};

struct service_change {
	const char *name; /* borrows */
	int wanted_index; /* in the wanted stack; -1 where it is gone from it */
	int running_index; /* in the running list; -1 where it is new */
	enum change change;
	const char *reason; /* "unchanged", "new", "command and env.PATH changed"; never a value */
};

struct changes {
	struct service_change *items; /* the stack's services in file order, then those gone */
	size_t count;
	size_t of[4]; /* how many of each kind */
};

/*
 * `wanted` has one bool per service of the stack, NULL: the enabled ones. Services that run and are
 * in the file but not among the wanted are left as they are (CHANGE_KEEP); those that are gone from
 * the file, or no longer enabled when `wanted` is NULL, are stopped.
 */
struct changes change_plan(struct arena *arena, const struct stack *stack, const struct graph *g,
	const bool *wanted, const struct running *running, size_t running_count);

#endif
