/*
 * complaint.h - everything that is wrong with what somebody wrote, said at once.
 *
 * One complaint is a place (file, line, key), what is wrong, and what to write instead:
 *
 *	stack.ini:12: unknown key 'comand' in [service web]; did you mean 'command'?
 *
 * How to use it:
 *	1. struct complaints list = {0};
 *	2. complaint_error(&list, "stack.ini", 12, "comand", "unknown key '%s'", key);
 *	   complaint_hint(&list, "did you mean '%s'?", near);	// about the one just added
 *	3. complaints_sort(&list); complaints_print(&list, SEVERITY_NOTICE, stderr);
 *	   return list.errors ? EXIT_BAD_FILE : 0;
 *	4. complaints_release(&list);
 *
 * The list copies all it is given; what it has already (same place, same words) is not added again,
 * so that a mistake in [defaults] is not said for every service. It keeps COMPLAINTS_MOST; later
 * ones are only counted, and the printed list ends with "and N more". Out of memory a complaint is
 * counted but not kept, so `errors` is always right. JSON is made by stackfile/describe.h.
 */
#ifndef MODEL_COMPLAINT_H
#define MODEL_COMPLAINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/list.h"
#include "base/text.h"

enum { COMPLAINTS_MOST = 200 };

#define SEVERITIES(X)                                                                              \
	X(SEVERITY_ERROR, "error") /* nothing is started */                                        \
	X(SEVERITY_WARNING, "warning") /* probably not meant so */                                 \
	X(SEVERITY_NOTICE, "notice") /* good to know; never makes `check` fail */

#define X(name, word) name,
enum severity { SEVERITIES(X) };
#undef X
const char *severity_word(enum severity severity);

struct complaint {
	enum severity severity;
	char *file; /* owns; as shown to people; "" where it is about no file */
	int line; /* from 1; 0 where it is about the whole file */
	char *key; /* owns; "" where it is about no key */
	char *text; /* owns; what is wrong */
	char *hint; /* owns; what to write instead; "" where there is none */
	size_t order; /* in which it was added */
};

struct complaints {
	LIST(struct complaint) list;
	size_t errors; /* counted, kept or not */
	size_t warnings;
	size_t dropped; /* counted but not kept */
	size_t order;
	bool last_kept; /* complaint_hint has something to speak about */
};

/* file and key may be NULL. */
void complaint_add(struct complaints *c, enum severity severity, const char *file, int line,
	const char *key, const char *format, ...) __attribute__((format(printf, 6, 7)));
#define complaint_error(c, ...)   complaint_add((c), SEVERITY_ERROR, __VA_ARGS__)
#define complaint_warning(c, ...) complaint_add((c), SEVERITY_WARNING, __VA_ARGS__)
#define complaint_notice(c, ...)  complaint_add((c), SEVERITY_NOTICE, __VA_ARGS__)

/* What to write instead: completes the complaint that was added last. */
void complaint_hint(struct complaints *c, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* By file (in order of first mention), then line, then order of adding. */
void complaints_sort(struct complaints *c);

/* "FILE:LINE: text; hint" of one complaint, safe for a terminal, no newline. Warnings say so. */
void complaint_show(const struct complaint *complaint, struct text *out);
/* One line each of those that matter as much as `least` or more, then "and N more". */
void complaints_print(const struct complaints *c, enum severity least, FILE *out);

/* Moves all of `from` behind those of `to`; `from` is empty then. */
void complaints_move(struct complaints *to, struct complaints *from);
void complaints_release(struct complaints *c);

#endif
