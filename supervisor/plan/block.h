/*
 * block.h - a part of somebody else's file that is ours, and stays where it is:
 *
 *	# stackup: begin
 *	...
 *	# stackup: end
 *
 * Nothing outside of the two lines is touched, nor are they themselves: people write behind `begin` what
 * they like. Without them the block goes to the end of the file. Lines end as the file's first line does.
 * Pure.
 */
#ifndef PLAN_BLOCK_H
#define PLAN_BLOCK_H

#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"
#include "plan/environment.h"
#include "plan/formats.h"

/*
 * Appends the whole file, with these lines (each ends with a newline) as the block. -1 (EXIT_FAILED): begin
 * without end, end without begin, or two blocks; `name` is the file's, for the sentence.
 */
int block_replace(const char *name, const char *content, size_t length, const char *lines,
	struct text *out, struct error *e);

/* Names set outside of the block and in it, where the later one would count; in the arena. Returns how many. */
size_t block_doubles(struct arena *arena, const char *content, size_t length, const char *lines,
	const char *const **names);

struct block_order {
	const struct stack *stack;
	const struct environment_facts *facts;
	const struct env_mask *mask; /* NULL: everything may be seen */
	/*
	 * For those who have no values yet (.env.example): without what differs between machines, and with
	 * required and secret variables, left empty.
	 */
	bool example;
	bool sh; /* export NAME='value' */
};
/* The lines: what every service of the stack is told. Returns how many values the mask kept back. */
size_t block_lines(struct arena *arena, const struct block_order *order, struct text *out);

#endif
