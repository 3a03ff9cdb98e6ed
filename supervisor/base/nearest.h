/*
 * nearest.h - "did you mean": the known word that is closest to what somebody wrote.
 *
 * Distance is optimal string alignment (insert, delete, replace, swap of neighbours each cost 1; see
 * G. Navarro, "A guided tour to approximate string matching", ACM Computing Surveys 33, 2001). A
 * word counts as near when it differs in at most a third of its letters.
 */
#ifndef BASE_NEAREST_H
#define BASE_NEAREST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

enum { NEAREST_LISTED = 120 };

struct nearest {
	const char *wanted; /* borrows */
	const char *best; /* borrows; NULL while nothing is near */
	size_t distance;
	size_t length; /* of listed */
	bool full; /* nothing more is listed */
	char listed[NEAREST_LISTED]; /* "api, db, web", or as many as there is room for and "..." */
};

/* Start with {.wanted = word}, offer every candidate, read .best. */
void nearest_offer(struct nearest *n, const char *candidate);
/* The fix of an error: "did you mean 'web'?", else which words there are. None where there are none. */
void nearest_hint(const struct nearest *n, struct error *e);

#endif
