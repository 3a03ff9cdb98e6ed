/*
 * marked.h - a part of somebody else's file that is ours, and stays where it is:
 *
 *	# stackup: begin
 *	...
 *	# stackup: end
 *
 * Nothing outside of the two lines is touched, nor are they themselves: people write behind them
 * what they like. Lines end as the file's first line does. Pure.
 */
#ifndef BASE_MARKED_H
#define BASE_MARKED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/text.h"

/* What the two lines begin with, in the comments of the file's language. */
struct marks {
	const char *begin;
	const char *end;
	const char *remark; /* behind `begin` where it is written anew; "" */
};

struct marked_line {
	const char *at;
	size_t length; /* with its end */
	int number;
	bool is_ours; /* between the two lines, or one of them */
};
/* Start with {0}. False: there is no further line. */
bool marked_next(
	const struct marks *marks, const char *content, size_t length, struct marked_line *line);

/* Has the file one of the two lines? */
bool marked_is_there(const struct marks *marks, const char *content, size_t length);

/*
 * Appends the whole file, with these lines (each ends with a newline) between the marks; without
 * marks they come to the end of it, with new ones. -1 (EXIT_FAILED): begin without end, end without
 * begin, or two blocks; `name` is the file's, for the sentence.
 */
int marked_replace(const struct marks *marks, const char *name, const char *content, size_t length,
	const char *lines, struct text *out, struct error *e);

#endif
