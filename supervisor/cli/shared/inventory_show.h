/*
 * inventory_show.h - what `registry` and `instances` show of projects and instances.
 */
#ifndef CLI_SHARED_INVENTORY_SHOW_H
#define CLI_SHARED_INVENTORY_SHOW_H

#include "base/text.h"
#include "upkeep/inventory.h"

struct context;

/* Prints the JSON document in the text, with a newline. */
void inventory_print_json(struct text *json);
/*
 * The instances of a project as a table, or (NULL) all of them with their projects; nothing where there
 * is none.
 */
void inventory_show_instances(const struct context *context, const struct inventory *all,
	const struct inventory_project *project, struct text *out);
/*
 * Reads the project that is meant: what the word names (NULL: none), else --project, else that of this
 * directory. Branches and places of its worktrees are brought up to date. EXIT_NOT_FOUND when there is
 * none.
 */
int inventory_here(struct context *context, const char *word, struct arena *arena,
	struct inventory *out, struct error *e);
/* Those of all projects; a few worktrees are brought up to date. */
int inventory_of_machine(
	const struct context *context, struct arena *arena, struct inventory *out, struct error *e);

/* "running", "running on HOST" where that is another machine. */
void inventory_add_status(struct text *out, const struct instance *row);

#endif
