/*
 * change.h - what `registry add`, `set` and `archive` have in common: words KEY=VALUE, and telling
 * what became of the project.
 */
#ifndef CLI_REGISTRY_CHANGE_H
#define CLI_REGISTRY_CHANGE_H

#include "claim/enroll.h"

struct context;

/*
 * Reads line.words from `first` on; *changes borrows from them. EXIT_USAGE for a word that is no KEY=VALUE,
 * an unknown key (with the nearest) and a block that is no number.
 */
int registry_changes(const struct context *context, size_t first, struct project_changes *changes,
	struct error *e);
/* The project as it is now: one line, or what `registry show --json` prints. */
int registry_tell(struct context *context, int64_t id, struct error *e);
/* Changes a project and tells it: that of the word (NULL: that of --project or this directory). */
int registry_change(struct context *context, const char *word,
	const struct project_changes *changes, struct error *e);

#endif
