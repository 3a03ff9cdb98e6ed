/*
 * slice.h - a piece of somebody else's bytes; nothing is copied, so that a piece knows where it stands.
 */
#ifndef SCAN_SLICE_H
#define SCAN_SLICE_H

#include <stdbool.h>
#include <stddef.h>

struct slice {
	const char *at; /* borrows */
	const char *end;
};

static inline size_t slice_length(struct slice s)
{
	return (size_t)(s.end - s.at);
}

struct slice slice_of(const char *string);
bool slice_is(struct slice s, const char *string);
bool slice_is_same(struct slice a, struct slice b);
bool slice_begins(struct slice s, const char *prefix);
bool slice_ends(struct slice s, const char *suffix);
/* The first place of the text, NULL: not in it. */
const char *slice_find(struct slice s, const char *text);

/* Without blanks and line ends around it. */
struct slice slice_trim(struct slice s);
/* Also without quotes around it; one kind, once, or escaped as in JSON within JSON. */
struct slice slice_bare(struct slice s);
/* Takes a line off the front, without its end; false: nothing is left. */
bool slice_line(struct slice *rest, struct slice *line);
/* Takes what stands before the first blank; false: nothing but blanks is left. */
bool slice_word(struct slice *rest, struct slice *word);

/* ${NAME:-inner}, also with - and :=, and nothing but that. */
bool slice_default(struct slice s, struct slice *name, struct slice *inner);
/* The place behind the brace that closes the one at `at`; NULL: none does within EXPRESSION_MOST bytes. */
const char *slice_closing(const char *at, const char *end);

enum { EXPRESSION_MOST = 1024 }; /* of ${...}, all defaults within it too: the time of a file is bounded */

bool is_word_char(char c); /* A-Z a-z 0-9 _ */
bool is_digit(char c);
bool is_blank(char c); /* also ends of lines */

#endif
