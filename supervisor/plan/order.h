/*
 * order.h - in which order services start, and backwards stop.
 *
 * A wave is everything whose needs are all in earlier waves: services of one wave start at the same
 * time. The supervisor itself starts each service as soon as its own conditions hold; waves are for
 * showing, for `check`, and for a fixed order where one is needed (Kahn's algorithm; stable: file
 * order within a wave).
 */
#ifndef PLAN_ORDER_H
#define PLAN_ORDER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "plan/graph.h"

struct order {
	const int *services; /* needed ones before who needs them; backwards: the stop order */
	size_t count;
	const int *wave; /* per service index, from 0; -1 where it is not wanted */
	int waves;
};

/*
 * Of the wanted services (one bool per service, NULL: the enabled ones). Dependencies on services
 * that are not wanted are passed over. The graph must have no cycle.
 */
struct order order_new(struct arena *arena, const struct stack *stack, const struct graph *g,
	const bool *wanted);

/*
 * Which services `up NAMES` touches: these and what they need (with_needs), disabled ones too when
 * they are named or needed. No names: all enabled ones. One bool per service, in the arena.
 * -1: an unknown name (EXIT_NOT_FOUND, with the nearest one). A name may hold '*' and '?'.
 */
int order_wanted(struct arena *arena, const struct stack *stack, const struct graph *g,
	const char *const *names, size_t name_count, bool with_needs, bool **wanted,
	struct error *e);

#endif
