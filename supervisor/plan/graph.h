/*
 * graph.h - who needs whom, in both directions, and the cycles that must not be there.
 *
 * Built once per stack; linear in services and dependencies, without recursion, so a chain of a
 * thousand services is as good as any. Services are their indexes in stack.services, and every list
 * below is in file order.
 *
 *	struct graph *g = graph_new(arena, stack);
 *	if (!graph_complain(g, stack, label, &complaints)) ...	// order.h needs this to be true
 *	struct edges needs = graph_needs(g, api);
 */
#ifndef PLAN_GRAPH_H
#define PLAN_GRAPH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "model/complaint.h"
#include "model/stack.h"

struct edges {
	const int *services;
	size_t count;
};

struct graph {
	int count; /* services */
	const size_t *needs_at; /* count + 1 offsets into needs */
	const int *needs;
	const size_t *dependents_at;
	const int *dependents;
};

/* In the arena. Dependencies out of range are left out (stackfile/ has complained). */
struct graph *graph_new(struct arena *arena, const struct stack *stack);

/* What a service needs, and who needs it: direct ones. */
struct edges graph_needs(const struct graph *g, int service);
struct edges graph_dependents(const struct graph *g, int service);

/*
 * Adds everything that is reachable from the marked services to the marks: what they need, or who
 * depends on them, transitively. `marks` has one bool per service.
 */
void graph_mark_needs(const struct graph *g, struct arena *scratch, bool *marks);
void graph_mark_dependents(const struct graph *g, struct arena *scratch, bool *marks);

enum { CYCLES_MOST = 16 };

struct cycle {
	const int *services; /* each needs the next one, the last needs the first */
	size_t count; /* 1: it needs itself */
	int line; /* of the dependency that closes it */
	const char *path; /* "api -> db -> api" */
};

/*
 * Every dependency that closes a cycle, with the cycle in full; at most CYCLES_MOST. Returns their
 * number; 0 is what everybody wants.
 */
size_t graph_cycles(const struct graph *g, struct arena *arena, const struct stack *stack,
	struct cycle cycles[CYCLES_MOST]);
/* The same as complaints. True: no cycle. `label` is the file as complaints name it. */
bool graph_complain(const struct graph *g, const struct stack *stack, const char *label,
	struct complaints *complaints);

#endif
