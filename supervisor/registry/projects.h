/*
 * projects.h - projects and the blocks of ports they own.
 *
 * A project is (main worktree, stack name). Its name is unique: a second project of the same stack
 * name is called NAME-2. It owns one block, and one more for every ten further instances. Block
 * numbers are chosen by the caller (ports/policy knows which are allowed).
 *
 * An archived project keeps its blocks until somebody else needs one: whoever is given it takes it away.
 * projects.block stays then, as the one that it had.
 */
#ifndef REGISTRY_PROJECTS_H
#define REGISTRY_PROJECTS_H

#include "registry/registry.h"

struct project {
	int64_t id;
	const char *name;
	const char *path; /* main worktree */
	const char *stack_name;
	const char *status; /* active, reserved, legacy, archived */
	const char *owner;
	const char *notes;
	const char *created_at; /* ISO, UTC */
	const char *last_used_at;
	int block; /* the first */
};

/*
 * 1: found and *out filled, 0: there is none, -1: error. A project whose path is "" waits for its stack (it was
 * imported before it was anywhere): it is found where there is no other, and project_settle() gives it the path.
 */
int project_find(struct registry *r, const char *path, const char *stack_name,
	struct arena *arena, struct project *out, struct error *e);
int project_find_by_name(struct registry *r, const char *name, struct arena *arena,
	struct project *out, struct error *e);
int project_find_by_id(struct registry *r, int64_t id, struct arena *arena, struct project *out,
	struct error *e);
/* Owner of a block. */
int project_find_by_block(struct registry *r, int block, struct arena *arena, struct project *out,
	struct error *e);
/* All, by name. */
int project_list(struct registry *r, struct arena *arena, struct project **out, size_t *count,
	struct error *e);

/* Inserts; name is made unique from out->stack_name. Fills id, name, times. In a transaction. */
int project_add(struct registry *r, struct arena *arena, struct project *out, struct error *e);
/* Writes status, owner and notes as they are in *project. */
int project_describe(struct registry *r, const struct project *project, struct error *e);
int project_settle(struct registry *r, int64_t id, const char *path, struct error *e);
int project_touch(struct registry *r, int64_t id, struct error *e);

struct block_row {
	int block;
	int64_t project_id;
};
/* All that somebody owns. */
int block_list(struct registry *r, struct arena *arena, struct block_row **out, size_t *count,
	struct error *e);
/*
 * Where block 0 begins: decided by the first project, for all. 0 while there is none; setting it is
 * part of the transaction that adds the first one.
 */
int ports_base_get(struct registry *r, uint16_t *base, struct error *e);
int ports_base_set(struct registry *r, uint16_t base, struct error *e);

/* taken[b] becomes true for every block that somebody owns; b below `count`. */
int blocks_taken(struct registry *r, bool *taken, int count, struct error *e);
/* The same without those of archived projects. */
int blocks_needed(struct registry *r, bool *needed, int count, struct error *e);
/* Of one project, or of all with project_id 0; by the project's name, its first one first. */
int block_list_of(struct registry *r, int64_t project_id, struct arena *arena,
	struct block_row **out, size_t *count, struct error *e);
/* Block number `ordinal` (0 is the first) of a project; *block is -1 where it has none yet. */
int block_of(struct registry *r, int64_t project_id, int ordinal, int *block, struct error *e);
/* An archived project that has it loses it. The first one (ordinal 0) is written into the project, too. */
int block_add(struct registry *r, int64_t project_id, int ordinal, int block, struct error *e);

/* Replaces the first block, and the instances in it follow. In a transaction, while none of them runs. */
int project_set_block(struct registry *r, int64_t project_id, int block, struct error *e);

#endif
