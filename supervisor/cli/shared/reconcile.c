#include "cli/shared/reconcile.h"

#include <string.h>

#include "claim/worktree.h"
#include "cli/context.h"
#include "stackfile/locate.h"

/*
 * Fills what it is now; false: as recorded, or nobody can tell. Where a removed worktree was may be
 * another one.
 */
static bool has_changed(struct instance *row, struct arena *arena)
{
	struct git_facts git;
	if (worktree_is_gone(row))
		return false;
	const char *path = worktree_path(row, arena);
	locate_git(arena, path, &git);
	if (!git.present || strcmp(git.top, path) != 0)
		return false;
	if (!strcmp(git.branch, row->branch) && !strcmp(path, row->worktree))
		return false;
	row->branch = git.branch;
	row->worktree = path;
	return true;
}

static size_t read_changed(const struct context *context, int64_t project_id, struct arena *arena,
	struct instance **rows)
{
	struct error none = {0};
	size_t count, changed = 0;
	struct registry *r = context_registry(context, &none);
	if (!r || instance_list(r, project_id, arena, rows, &count, &none))
		count = 0;
	registry_close(r);
	for (size_t i = 0; i < count; i++)
		if (has_changed(&(*rows)[i], arena))
			(*rows)[changed++] = (*rows)[i];
	return changed;
}

static void write_changed(const struct context *context, const struct instance *rows, size_t count)
{
	struct error none = {0};
	struct registry *r = registry_open(
		context->paths.state, REGISTRY_WRITE, REGISTRY_LOOP_MS, NULL, &none);
	int result = r ? registry_begin(r, &none) : -1;
	for (size_t i = 0; !result && i < count; i++)
		result = instance_follow(r, &rows[i], &none);
	if (!result)
		(void)registry_commit(r, &none);
	registry_close(r);
}

bool reconcile_worktrees(const struct context *context, int64_t project_id)
{
	struct arena *arena = arena_new();
	struct instance *rows = NULL;
	size_t count = arena ? read_changed(context, project_id, arena, &rows) : 0;
	if (count)
		write_changed(context, rows, count);
	arena_free(arena);
	return count > 0;
}
