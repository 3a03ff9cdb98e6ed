/*
 * block.h - the variables of a stack in an env file of the user's: a marked part (base/marked.h).
 * Pure.
 */
#ifndef PLAN_BLOCK_H
#define PLAN_BLOCK_H

#include <stddef.h>

#include "base/arena.h"
#include "base/marked.h"
#include "plan/environment.h"
#include "plan/formats.h"

extern const struct marks block_marks;

/*
 * Names set outside of the block and in it, where the later one would count; in the arena. Returns
 * how many.
 */
size_t block_doubles(struct arena *arena, const char *content, size_t length, const char *lines,
	const char *const **names);

struct block_order {
	const struct stack *stack;
	const struct environment_facts *facts;
	const struct env_mask *mask; /* NULL: everything may be seen */
	/*
	 * For those who have no values yet (.env.example): without what differs between machines,
	 * and with required and secret variables, left empty.
	 */
	bool example;
	bool sh; /* export NAME='value' */
};
/*
 * The lines: what every service of the stack is told. Returns how many values the mask kept back.
 */
size_t block_lines(struct arena *arena, const struct block_order *order, struct text *out);

#endif
