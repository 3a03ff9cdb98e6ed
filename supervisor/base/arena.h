/*
 * arena.h - memory that lives and dies together, one arena per loaded stack file.
 *
 * Allocation never returns NULL. When memory runs out the arena jumps to the handler its owner set
 * (struct arena.failed), who frees the arena and reports; without a handler the process says one
 * sentence and exits, which is right before anything runs.
 *
 *	struct arena *arena = arena_new();		// NULL when memory is out already
 *	if (setjmp(*arena_on_failure(arena))) { arena_free(arena); return fail(...); }
 *	char *name = arena_string(arena, "web");
 *	arena_free(arena);
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *arena);

/* The place to setjmp() on; from this call on failure jumps there. */
jmp_buf *arena_on_failure(struct arena *arena);

/* Zeroed memory, aligned for any object. */
void *arena_take(struct arena *arena, size_t size);
void *arena_copy(struct arena *arena, const void *bytes, size_t size);
char *arena_string(struct arena *arena, const char *string);
char *arena_string_n(struct arena *arena, const char *string, size_t length);
char *arena_format(struct arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#define arena_new_object(arena, type) ((type *)arena_take((arena), sizeof(type)))

/*
 * Appends one zeroed item to an array that lives in the arena and returns its address. The array
 * is a (pointer, count) pair whose capacity is implied: it doubles at powers of two.
 */
void *arena_grow(struct arena *arena, void *items, size_t count, size_t item_size);
#define arena_append(arena, items, count)                                                          \
	((items) = arena_grow((arena), (items), (count), sizeof *(items)), &(items)[(count)++])

#endif
