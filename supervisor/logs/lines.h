/*
 * lines.h - from a stream of bytes to lines, in bounded memory.
 *
 * A line ends with '\n'. One that grows over LINES_MOST bytes is delivered in pieces: all but the
 * last have `more`, all but the first `continued`; no UTF-8 character is cut in two. A progress bar that redraws itself with '\r' does
 * not grow: when the buffer is full, what was overdrawn is dropped and the last state stays.
 *
 *	lines_feed(&lines, &bytes, &length, &line)	// true: a line; call again for the next
 *	lines_flush(&lines, &line)			// the rest, which has no newline
 *
 * {0} is an empty one. The bytes of a line are borrowed until the next call.
 */
#ifndef LOGS_LINES_H
#define LOGS_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

enum { LINES_MOST = 16 * 1024 };

struct lines {
	struct text held;
	bool continued; /* the next piece continues a line */
	size_t taken; /* so many bytes of held were delivered and are to be dropped */
};

struct piece {
	const char *bytes; /* borrows, without the newline */
	size_t length;
	bool continued;
	bool more;
};

/*
 * Consumes from (*bytes, *length) up to the end of one line and returns true, or all of it and
 * returns false.
 */
bool lines_feed(struct lines *lines, const char **bytes, size_t *length, struct piece *line);
/* What is held, as a line without newline; false when there is nothing. */
bool lines_flush(struct lines *lines, struct piece *line);
bool lines_are_empty(const struct lines *lines);
void lines_release(struct lines *lines);

#endif
