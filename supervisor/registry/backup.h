/*
 * backup.h - copies of the registry: complete and checked, or not there at all.
 *
 * A copy is made by SQLite's online backup while others go on working. It grows under another name
 * in its directory, is one file (no log beside it), passes SQLite's integrity check and is synced
 * before it gets its name. A kill leaves at most a file NAME.XXXXXX.
 *
 * The names that stackup gives lie beside the registry and end in a time:
 *	registry.db.backup-TIME			on request; they are kept
 *	registry.db.before-version-N-TIME	before it is brought to version N; BACKUPS_KEPT of them
 *	registry.db.before-restore-TIME		what a restore replaced; they are kept
 */
#ifndef REGISTRY_BACKUP_H
#define REGISTRY_BACKUP_H

#include "registry/registry.h"

enum { BACKUPS_KEPT = 3 };

struct backup {
	struct text path; /* owns: of the copy, where the caller named none or a directory */
	int64_t bytes;
	int version; /* of its schema */
	int projects;
	int instances;
};

/*
 * Copies the registry of the directory `state` to `path` (NULL: a dated name beside it; a
 * directory: a dated name in it). A file that is there already is replaced only with `replace`;
 * the registry itself never. EXIT_NOT_FOUND where there is no registry, EXIT_FAILED where the copy
 * cannot be written, EXIT_REGISTRY where what was copied is damaged.
 */
int registry_backup(
	const char *state, const char *path, bool replace, struct backup *out, struct error *e);
void backup_release(struct backup *backup);

/* What the migration and a restore leave behind: a copy of that kind. *path gets its name. */
int backup_aside(const char *state, const char *kind, struct text *path, struct error *e);
/* Removes all but the newest copies made before migrations. */
void backup_prune(const char *state);
/* The newest copy beside the registry that somebody may want back; false where there is none. */
bool backup_newest(const char *state, struct text *path);

#endif
