#include "ledger/claims.h"

#include <dirent.h>
#include <string.h>

#include "base/file.h"
#include "claim/worktree.h"

enum { HEAD_MOST = 4096 };

static bool has_branch(const char *git_dir, const char *branch)
{
	static const char begin[] = "ref: refs/heads/";
	OWNED_TEXT path = {0}, head = {0};
	text_addf(&path, "%s/HEAD", git_dir);
	if (!text_ok(&path) || file_read(path.data, HEAD_MOST, &head, NULL))
		return false;
	text_cut(&head, strcspn(text_string(&head), "\r\n"));
	return !strncmp(text_string(&head), begin, sizeof begin - 1) &&
		!strcmp(text_string(&head) + sizeof begin - 1, branch);
}

/* False: nobody can come for it, or somebody has claimed with it. */
static bool take_worktree(struct instance *row, const char *git_dir, const struct instance *rows,
	size_t count, struct arena *arena)
{
	struct instance taken = *row;
	struct worktree tree;
	worktree_init(&tree, "", git_dir);
	taken.git_dir = arena_string(arena, git_dir);
	taken.git_mark = arena_string(arena, tree.mark);
	taken.worktree = worktree_path(&taken, arena);
	tree.path = taken.worktree;
	if (!*taken.worktree || worktree_is_gone(&taken) || worktree_own(&tree, rows, count))
		return false;
	*row = taken;
	return true;
}

void claim_by_branch(struct instance *row, const char *main_dir, const struct instance *rows,
	size_t count, struct arena *arena)
{
	const char *place = arena_format(arena, "%s/.git/worktrees", main_dir);
	DIR *directory = *row->branch && !*row->worktree ? opendir(place) : NULL;
	struct dirent *entry;
	while (directory && (entry = readdir(directory))) {
		const char *git_dir = arena_format(arena, "%s/%s", place, entry->d_name);
		if (entry->d_name[0] != '.' && has_branch(git_dir, row->branch) &&
			take_worktree(row, git_dir, rows, count, arena))
			break;
	}
	if (directory)
		closedir(directory);
}
