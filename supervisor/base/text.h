/*
 * text.h - a string that grows.
 *
 * Running out of memory does not interrupt the code that builds a text: it marks the text broken,
 * later additions do nothing, and whoever uses the result asks text_ok() once. A broken text still
 * reads as a valid (cut) string.
 *
 *	struct text t = {0};		// {0} is the empty text
 *	text_addf(&t, "%d services", n);
 *	if (!text_ok(&t)) ...
 *	text_release(&t);
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct text {
	char *data; /* owns; NULL while empty */
	size_t length; /* bytes, without the final NUL */
	size_t capacity;
	bool broken; /* memory ran out, something is missing */
};

void text_add(struct text *t, const char *string);
void text_add_bytes(struct text *t, const void *bytes, size_t length);
void text_add_char(struct text *t, char c);
void text_addf(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* In decimal; ten times as fast as text_addf(). */
void text_add_number(struct text *t, uint64_t number);
void text_vaddf(struct text *t, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

/*
 * Room for `most` further bytes behind the content, to be written by the caller, who then says how
 * many there are. NULL: no memory.
 */
char *text_room(struct text *t, size_t most);
void text_took(struct text *t, size_t length);

/* Shortens to `length` bytes; keeps the memory. */
void text_cut(struct text *t, size_t length);
/* Empty again; keeps the memory. */
void text_clear(struct text *t);
/* Removes the first `length` bytes. */
void text_consume(struct text *t, size_t length);

/* The NUL-terminated content, "" while empty; borrowed from t until its next change. */
const char *text_string(const struct text *t);
bool text_ok(const struct text *t);

/* Hands the heap string to the caller, who frees it, and leaves t empty. NULL when broken. */
char *text_take(struct text *t);
void text_release(struct text *t);

/* Releases at the end of the scope. */
#define OWNED_TEXT __attribute__((cleanup(text_release))) struct text

#endif
