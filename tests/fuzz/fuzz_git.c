/* rooms: base model stackfile claim */
/*
 * What git has written, or somebody else in its place: parts divided by lines "%%" are HEAD, commondir,
 * config and packed-refs of a repository, and the .git file of a worktree beside it. Paths are absolute,
 * a branch is text, a commit is a commit.
 */
#include "base/utf8.h"
#include "claim/clone.h"
#include "fuzz.h"
#include "stackfile/locate.h"

static void look(const char *directory)
{
	struct arena *arena = arena_new();
	struct git_facts git;
	locate_git(arena, directory, &git);
	const char *const paths[] = {git.top, git.main_dir, git.git_dir, git.common_dir};
	for (int i = 0; i < 4; i++)
		MUST(git.present ? *paths[i] == '/' : !*paths[i]);
	MUST(utf8_text_span(git.branch, strlen(git.branch)) == strlen(git.branch));
	MUST(!(git.detached && *git.branch));
	const char *commit = locate_commit(arena, &git);
	size_t digits = strspn(commit, "0123456789abcdef");
	MUST(!commit[digits] && (!digits || digits == 40 || digits == 64));
	arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const files[] = {"main/.git/HEAD", "main/.git/commondir",
		"main/.git/config", "main/.git/packed-refs", "linked/.git"};
	struct tape tape = tape_of(data, size);
	char main[128], linked[128];
	snprintf(main, sizeof main, "%s/main", scratch());
	snprintf(linked, sizeof linked, "%s/linked", scratch());
	for (int i = 0; i < 5; i++) {
		struct tape part = tape_part(&tape);
		char path[192];
		snprintf(path, sizeof path, "%s/%s", scratch(), files[i]);
		if (part.left || i == 0)
			scratch_write(files[i], part);
		else
			unlink(path);
	}
	scratch_write("linked/here", (struct tape){0});
	look(main);
	look(linked);
	MUST(clone_of_one(main, linked) == clone_of_one(linked, main));
	return 0;
}
