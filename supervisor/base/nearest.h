/*
 * nearest.h - "did you mean": the known word that is closest to what somebody wrote.
 *
 * Distance is optimal string alignment (insert, delete, replace, swap of neighbours each cost 1; see
 * G. Navarro, "A guided tour to approximate string matching", ACM Computing Surveys 33, 2001). A
 * word counts as near when it differs in at most a third of its letters.
 */
#ifndef BASE_NEAREST_H
#define BASE_NEAREST_H

#include <stddef.h>

struct nearest {
	const char *wanted; /* borrows */
	const char *best; /* borrows; NULL while nothing is near */
	size_t distance;
};

/* Start with {.wanted = word}, offer every candidate, read .best. */
void nearest_offer(struct nearest *n, const char *candidate);

#endif
