/*
 * lookup.h - from a name to the place of its item in an array, in constant time.
 *
 * The array stays the owner's and keeps its order; this is only the way into it. Memory comes from
 * the arena (never NULL), names are borrowed and must live as long.
 *
 *	struct lookup names = {.arena = arena};
 *	size_t *place = lookup_find(&names, "web");	// NULL: not there
 *	lookup_add(&names, "web", index);		// "web" must not be there yet
 */
#ifndef BASE_LOOKUP_H
#define BASE_LOOKUP_H

#include <stddef.h>

struct arena;
struct lookup_slot;

struct lookup {
	struct arena *arena; /* borrows */
	struct lookup_slot *slots; /* in the arena */
	size_t capacity; /* a power of two, or 0 */
	size_t count;
};

/* The place that was added for the name; may be written to. Valid until the next lookup_add. */
size_t *lookup_find(const struct lookup *l, const char *name);
void lookup_add(struct lookup *l, const char *name, size_t place);

#endif
