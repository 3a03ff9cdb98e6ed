#include "claim/worktree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/git_files.h"
#include "base/own.h"
#include "ports/policy.h"

static bool is_missing(const char *path)
{
	struct stat st;
	return stat(path, &st) && (errno == ENOENT || errno == ENOTDIR);
}

void worktree_init(struct worktree *w, const char *path, const char *git_dir)
{
	struct statx st;
	*w = (struct worktree){.path = path, .git_dir = git_dir ? git_dir : ""};
	if (!*w->git_dir || statx(AT_FDCWD, w->git_dir, 0, STATX_BTIME, &st) ||
		!(st.stx_mask & STATX_BTIME))
		return;
	snprintf(w->mark, sizeof w->mark, "%lld.%09u", (long long)st.stx_btime.tv_sec,
		st.stx_btime.tv_nsec);
}

static bool differs(const char *a, const char *b)
{
	return *a && *b && strcmp(a, b) != 0;
}

bool worktree_has(const struct worktree *w, const struct instance *row)
{
	if (!*w->git_dir || !*row->git_dir)
		return !strcmp(w->path, row->worktree);
	return !strcmp(w->git_dir, row->git_dir) && !differs(w->mark, row->git_mark);
}

/* One for tests is brought up and down beside the other one, which stays the worktree's own. */
static bool is_before(const struct instance *a, const struct instance *b)
{
	bool a_tests = a->number == INSTANCE_TESTS;
	bool b_tests = b->number == INSTANCE_TESTS;
	return a_tests != b_tests ? b_tests : strcmp(a->created_at, b->created_at) < 0;
}

const struct instance *worktree_own(const struct worktree *w, const struct instance *rows, size_t count)
{
	const struct instance *own = NULL;
	for (size_t i = 0; i < count; i++)
		if (worktree_has(w, &rows[i]) && (!own || is_before(&rows[i], own)))
			own = &rows[i];
	return own;
}

/* The worktree's `.git`. */
static bool read_gitdir(const char *git_dir, struct text *out)
{
	return git_names(git_dir, "gitdir", "", out);
}

static bool is_locked(const char *git_dir)
{
	OWNED_TEXT path = {0};
	text_addf(&path, "%s/locked", git_dir);
	return text_ok(&path) && !is_missing(text_string(&path));
}

static bool has_entries(const char *path)
{
	DIR *directory = opendir(path);
	int count = 0;
	while (directory && count < 3 && readdir(directory))
		count++;
	if (directory)
		closedir(directory);
	return count > 2; /* than . and .. */
}

static void add_parent(struct text *out, const char *path, int levels)
{
	text_add(out, path);
	for (; levels && out->length > 1; levels--) {
		const char *slash = strrchr(text_string(out), '/');
		size_t length = slash ? (size_t)(slash - out->data) : 0;
		text_cut(out, length ? length : 1);
	}
}

/* Its repository is there and does not know it any more. */
static bool is_forgotten(const struct instance *row)
{
	OWNED_TEXT repository = {0};
	add_parent(&repository, row->git_dir, 2);
	return *row->git_dir && is_missing(row->git_dir) && has_entries(text_string(&repository));
}

/* Another worktree is where it was last. */
static bool is_replaced(const struct instance *row)
{
	struct worktree now;
	OWNED_TEXT git_dir = {0};
	if (!git_names(row->worktree, ".git", "gitdir: ", &git_dir))
		return false;
	OWNED(char) real = realpath(text_string(&git_dir), NULL);
	worktree_init(&now, row->worktree, real);
	return !worktree_has(&now, row);
}

bool worktree_is_gone(const struct instance *row)
{
	struct worktree now;
	OWNED_TEXT dot_git = {0};
	worktree_init(&now, row->worktree, row->git_dir);
	if (!*row->git_dir || is_missing(row->git_dir))
		return is_missing(row->worktree) || (is_forgotten(row) && is_replaced(row));
	if (differs(now.mark, row->git_mark))
		return true;
	return read_gitdir(row->git_dir, &dot_git) && is_missing(text_string(&dot_git)) &&
		!is_locked(row->git_dir);
}

bool worktree_is_unseen(const struct instance *row)
{
	OWNED_TEXT parent = {0};
	add_parent(&parent, row->worktree, 1);
	return !is_forgotten(row) && !has_entries(text_string(&parent));
}

const char *worktree_path(const struct instance *row, struct arena *arena)
{
	struct worktree now;
	OWNED_TEXT dot_git = {0};
	worktree_init(&now, row->worktree, row->git_dir);
	if (!*row->git_dir || differs(now.mark, row->git_mark) || !read_gitdir(row->git_dir, &dot_git))
		return row->worktree;
	char *slash = strrchr(dot_git.data, '/');
	*slash = '\0';
	OWNED(char) real = realpath(dot_git.data, NULL);
	return real ? arena_string(arena, real) : row->worktree;
}
