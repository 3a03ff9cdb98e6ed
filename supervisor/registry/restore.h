/*
 * restore.h - an earlier registry comes back, and what runs stays known.
 *
 * registry_restore() does this, under the registry's lock:
 *	1. The file is a registry: SQLite's integrity check, a version that is known, the tables and
 *	   triggers of that version and no others.
 *	2. A copy of it is made beside the registry and brought to the present version.
 *	3. What ran when it was copied counts as stopped. A project of which an instance runs now is
 *	   taken from the present registry, whole; where that contradicts the copy (somebody else
 *	   has its block or its name there), the restore is refused.
 *	4. No id of the present registry will be given again: lock files are named after them.
 *	5. The present registry is copied to registry.db.before-restore-TIME, and the new one takes
 *	   its place in one step. A kill leaves the one or the other.
 */
#ifndef REGISTRY_RESTORE_H
#define REGISTRY_RESTORE_H

#include "registry/registry.h"

enum restore_outcome {
	RESTORE_GAINED, /* in the file, not in the present registry */
	RESTORE_LOST,   /* the other way round */
	RESTORE_KEPT,   /* as it is in the present registry, because it runs */
};

struct restore_change {
	enum restore_outcome outcome;
	int64_t project_id;
	const char *project;
	int instance; /* 0: the project itself */
};

struct restore {
	int version; /* of the file */
	struct restore_change
		*changes; /* in the arena; what is kept first, then what is gained, then lost */
	size_t count;
	struct text aside;   /* owns: where the registry from before is; empty after a dry run */
	struct text notices; /* owns: of opening the present registry */
};

/*
 * `dry` says what would change and leaves everything as it is. EXIT_NOT_FOUND: no such file;
 * EXIT_FAILED: it is no registry, or contradicts what runs; EXIT_REGISTRY.
 */
int registry_restore(const char *state, const char *path, bool dry, struct arena *arena,
	struct restore *out, struct error *e);
void restore_release(struct restore *restore);

#endif
