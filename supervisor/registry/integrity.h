/*
 * integrity.h - is what the registry says sound, and does it agree with itself?
 *
 * First SQLite's own checks (pages, foreign keys), then the rows of integrity.def. What a damaged
 * file cannot answer is one problem. A file of a newer stackup is only asked what SQLite knows.
 * Nothing is changed, and nothing outside the file is looked at.
 */
#ifndef REGISTRY_INTEGRITY_H
#define REGISTRY_INTEGRITY_H

#include "registry/registry.h"

struct integrity_problem {
	const char *check; /* file, pages, foreign_key, or a name of integrity.def */
	const char *text;  /* a sentence without its end */
};

struct integrity {
	struct integrity_problem *problems; /* in the arena, as what they point to */
	size_t count;
	int version; /* of the schema; 0 where it cannot be read */
};

/*
 * Also of a file that cannot be opened because it is damaged: that is a problem, not an error. An
 * absent registry has none. -1: it could not be asked.
 */
int registry_integrity(
	const char *state, struct arena *arena, struct integrity *out, struct error *e);

#endif
