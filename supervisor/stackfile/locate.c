#include "stackfile/locate.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/git_files.h"
#include "base/own.h"
#include "base/text.h"
#include "base/utf8.h"
#include "stackfile/document.h"

enum { GIT_FILE_MOST = 1024 * 1024, PACKED_REFS_MOST = 16 * GIT_FILE_MOST };

static const char *const file_names[] = {"stack.ini", "Procfile"};

/* ---- paths ---- */

static const char *join(struct arena *arena, const char *dir, const char *path)
{
	if (*path == '/')
		return arena_string(arena, path);
	return arena_format(arena, "%s%s%s", dir, dir[strlen(dir) - 1] == '/' ? "" : "/", path);
}

static const char *resolved(struct arena *arena, const char *path)
{
	OWNED(char) real = realpath(path, NULL);
	return real ? arena_string(arena, real) : NULL;
}

/* "/a/b" to "/a", "/a" to "/", "/" to NULL. The path has no slash at its end. */
static const char *parent(struct arena *arena, const char *dir)
{
	const char *slash = strrchr(dir, '/');
	if (!slash || !slash[1])
		return NULL;
	return slash == dir ? "/" : arena_string_n(arena, dir, (size_t)(slash - dir));
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static bool is_file(const char *path)
{
	struct stat st;
	return !stat(path, &st) && !S_ISDIR(st.st_mode);
}

static bool is_directory(const char *path)
{
	struct stat st;
	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

/* Whether dir is `above` or somewhere below it. */
static bool is_within(const char *dir, const char *above)
{
	size_t length = strlen(above);
	while (length > 1 && above[length - 1] == '/')
		length--;
	return length == 1 ||
		(!strncmp(dir, above, length) && (!dir[length] || dir[length] == '/'));
}

/* ---- git ---- */

/* The content of a small file of git's, without the newline at its end; NULL: not there. */
static const char *git_file(struct arena *arena, const char *dir, const char *name)
{
	OWNED_TEXT content = {0};
	const char *path = join(arena, dir, name);
	if (file_read(path, GIT_FILE_MOST, &content, NULL))
		return NULL;
	while (content.length && strchr("\r\n", content.data[content.length - 1]))
		text_cut(&content, content.length - 1);
	return arena_string(arena, text_string(&content));
}

/* What `.git` stands for: itself, or what its "gitdir: PATH" names. NULL: it is none. */
static const char *git_dir_of(struct arena *arena, const char *top)
{
	const char *dot_git = join(arena, top, ".git");
	if (is_directory(dot_git))
		return is_file(join(arena, dot_git, "HEAD")) ? dot_git : NULL;
	OWNED_TEXT named = {0};
	return git_names(top, ".git", "gitdir: ", &named) ? resolved(arena, text_string(&named)) : NULL;
}

/* core.worktree of a repository that lies outside of its worktree (a submodule's). */
static const char *configured_worktree(struct arena *arena, const char *common)
{
	OWNED_TEXT path = {0};
	if (!git_setting(common, "[core]", "worktree", &path))
		return NULL;
	return resolved(arena, join(arena, common, text_string(&path)));
}

static const char *main_worktree(struct arena *arena, const struct git_facts *git)
{
	if (!git->is_linked)
		return git->top;
	const char *configured = configured_worktree(arena, git->common_dir);
	if (configured)
		return configured;
	const char *above = parent(arena, git->common_dir);
	return above && !strcmp(base_name(git->common_dir), ".git") ? above : git->common_dir;
}

/* git allows any bytes; whoever shows or stores the name wants text. */
static const char *as_text(struct arena *arena, const char *bytes)
{
	OWNED_TEXT text = {0};
	size_t length = strlen(bytes);
	size_t good = utf8_text_span(bytes, length);
	if (good == length)
		return bytes;
	for (; good < length; good = utf8_text_span(bytes, length)) {
		text_add_bytes(&text, bytes, good);
		text_add(&text, "\uFFFD");
		bytes += good + 1;
		length -= good + 1;
	}
	text_add(&text, bytes);
	return arena_string(arena, text_string(&text));
}

/* HEAD is "ref: refs/heads/NAME", or a commit; very old ones are a symbolic link. */
static void read_branch(struct arena *arena, struct git_facts *git)
{
	static const char prefix[] = "ref: refs/heads/";
	const char *head = git_file(arena, git->git_dir, "HEAD");
	git->branch = "";
	if (head && !strncmp(head, prefix, sizeof prefix - 1)) {
		git->branch = as_text(arena, head + sizeof prefix - 1);
		/* With the reftable format HEAD holds this and says nothing. */
		if (!strcmp(git->branch, ".invalid"))
			git->branch = "";
		return;
	}
	git->detached = head != NULL;
}

void locate_git(struct arena *arena, const char *dir, struct git_facts *out)
{
	*out = (struct git_facts){
		.top = "", .main_dir = "", .git_dir = "", .common_dir = "", .branch = ""};
	const char *top = resolved(arena, dir);
	const char *git_dir = NULL;
	while (top && !(git_dir = git_dir_of(arena, top)))
		top = parent(arena, top);
	if (!top)
		return;
	out->present = true;
	out->top = top;
	out->git_dir = out->common_dir = git_dir;
	OWNED_TEXT common = {0};
	bool has_common = git_names(git_dir, "commondir", "", &common);
	const char *shared = has_common ? resolved(arena, text_string(&common)) : NULL;
	if (shared) {
		out->common_dir = shared;
		out->is_linked = true;
	}
	out->main_dir = main_worktree(arena, out);
	read_branch(arena, out);
}

static bool is_commit(const char *text, size_t length)
{
	return (length == 40 || length == 64) && strspn(text, "0123456789abcdef") >= length;
}

/* Lines of "COMMIT NAME"; see git-pack-refs(1). */
static const char *packed_commit(struct arena *arena, const char *common, const char *name)
{
	OWNED_TEXT content = {0};
	size_t length = strlen(name);
	if (file_read(join(arena, common, "packed-refs"), PACKED_REFS_MOST, &content, NULL))
		return "";
	const char *line = text_string(&content);
	for (; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		size_t digits = strcspn(line, " \n");
		const char *at = line + digits + (line[digits] == ' ');
		if (is_commit(line, digits) && !strncmp(at, name, length) &&
			(at[length] == '\n' || !at[length]))
			return arena_string_n(arena, line, digits);
	}
	return "";
}

const char *locate_commit(struct arena *arena, const struct git_facts *git)
{
	static const char prefix[] = "ref: ";
	const char *head = git->present ? git_file(arena, git->git_dir, "HEAD") : NULL;
	if (!head || strncmp(head, prefix, sizeof prefix - 1) != 0)
		return head && is_commit(head, strlen(head)) ? head : "";
	const char *name = head + sizeof prefix - 1;
	const char *loose = git_file(arena, git->common_dir, name);
	return loose && is_commit(loose, strlen(loose)) ? loose
							: packed_commit(arena, git->common_dir, name);
}

/* ---- the stack file ---- */

static const char *shown_from(struct arena *arena, const char *cwd, const char *path)
{
	size_t length = strlen(cwd);
	if (is_within(path, cwd) && length > 1 && path[length] == '/')
		return arena_string(arena, path + length + 1);
	return path;
}

static int found(struct arena *arena, const char *cwd, const char *path, struct location *out,
	struct error *e)
{
	const char *name = base_name(path);
	const char *above = name == path ? cwd : arena_string_n(arena, path, (size_t)(name - path));
	out->dir = resolved(arena, above);
	if (!out->dir)
		return fail_errno(e, EXIT_BAD_FILE, "cannot enter %s", above);
	out->file = join(arena, out->dir, name);
	out->is_procfile = document_is_procfile(name);
	return 0;
}

static int named(struct arena *arena, const char *cwd, const char *given, const char *how,
	struct location *out, struct error *e)
{
	const char *path = join(arena, cwd, given);
	*out = (struct location){.shown = arena_string(arena, given)};
	if (!strcmp(given, "-")) {
		out->file = out->shown;
		out->dir = arena_string(arena, cwd);
		out->shown = "standard input";
		return 0;
	}
	if (is_directory(path)) {
		fail(e, EXIT_BAD_FILE, "%s names %s, which is a directory", how, given);
		error_hint(e, "name the file in it, or go there with -C %s", given);
		return -1;
	}
	if (access(path, R_OK)) {
		fail_errno(e, EXIT_BAD_FILE, "%s names %s, which cannot be read", how, given);
		error_hint(e, "the file is a stack.ini or a Procfile");
		return -1;
	}
	return found(arena, cwd, path, out, e);
}

/* Where the search upwards ends: the last directory to look in; NULL: the root. */
static const char *limit_of(
	struct arena *arena, const struct locate_request *request, const char *cwd)
{
	struct git_facts git;
	locate_git(arena, cwd, &git);
	if (git.present)
		return git.top;
	const char *home = request->home && *request->home ? resolved(arena, request->home) : NULL;
	return home && is_within(cwd, home) ? home : NULL;
}

/*
 * What a stack file says is executed, so one that somebody else has put above the current directory
 * (in /tmp, say) is not taken without being named.
 */
static bool is_trusted(const char *path, const char *cwd)
{
	struct stat file;
	struct stat dir;
	if (lstat(path, &file) || stat(cwd, &dir))
		return false;
	return file.st_uid == geteuid() || file.st_uid == 0 || file.st_uid == dir.st_uid;
}

/* NULL: there is none, or errno is EACCES. */
static const char *file_in(struct arena *arena, const char *dir)
{
	for (size_t i = 0; i < sizeof file_names / sizeof *file_names; i++) {
		const char *path = join(arena, dir, file_names[i]);
		errno = 0;
		if (is_file(path))
			return path;
		if (errno == EACCES)
			break;
	}
	return NULL;
}

/* Rails calls it Procfile.dev. */
static const char *other_procfile(struct arena *arena, const char *dir)
{
	DIR *listing = opendir(dir);
	const struct dirent *entry;
	const char *first = NULL;
	while (listing && (entry = readdir(listing)))
		if (!strncmp(entry->d_name, "Procfile.", 9) &&
			(!first || strcmp(entry->d_name, first) < 0))
			first = arena_string(arena, entry->d_name);
	if (listing)
		closedir(listing);
	return first;
}

/* Who comes from docker compose has one of these. */
static const char *compose_file(struct arena *arena, const char *dir)
{
	static const char *const names[] = {
		"compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (is_file(join(arena, dir, names[i])))
			return names[i];
	return NULL;
}

static int not_found(struct arena *arena, const char *cwd, const char *last, struct error *e)
{
	const char *other = other_procfile(arena, cwd);
	const char *compose = compose_file(arena, cwd);
	if (last == cwd)
		fail(e, EXIT_BAD_FILE, "there is no stack.ini or Procfile in %s", cwd);
	else
		fail(e, EXIT_BAD_FILE,
			"there is no stack.ini or Procfile in %s or above it up to %s", cwd, last);
	if (other)
		error_hint(e, "`stackup -f %.100s up` takes the %.100s that is there", other, other);
	else if (compose)
		error_hint(e, "%s is docker compose's and not read; `stackup import compose -o stack.ini` makes a "
			"stack file of it", compose);
	else
		error_hint(e, "go to the project (or -C DIR, or -p NAME), or name the file with -f FILE");
	return -1;
}

static int search(struct arena *arena, const struct locate_request *request, struct location *out,
	struct error *e)
{
	const char *cwd = resolved(arena, request->cwd);
	if (!cwd)
		return fail_errno(e, EXIT_BAD_FILE, "cannot enter %s", request->cwd);
	const char *limit = limit_of(arena, request, cwd);
	const char *last = cwd;
	for (const char *dir = cwd; dir; dir = parent(arena, dir)) {
		const char *path = file_in(arena, dir);
		if (!path && errno == EACCES) {
			fail_errno(e, EXIT_BAD_FILE, "cannot look for a stack.ini in %s", dir);
			error_hint(e, "work as the owner of %s, or name the file with -f FILE", dir);
			return -1;
		}
		if (path && dir != cwd && !is_trusted(path, cwd)) {
			fail(e, EXIT_BAD_FILE, "%s belongs to another user", path);
			error_hint(e,
				"name it with -f if you trust it: its commands would run as you");
			return -1;
		}
		if (path) {
			*out = (struct location){.shown = shown_from(arena, cwd, path)};
			return found(arena, cwd, path, out, e);
		}
		last = dir;
		if (limit && !strcmp(dir, limit))
			break;
	}
	return not_found(arena, cwd, last, e);
}

int locate_stack_file(struct arena *arena, const struct locate_request *request,
	struct location *out, struct error *e)
{
	if (request->file)
		return named(arena, request->cwd, request->file, "-f", out, e);
	if (request->variable && *request->variable)
		return named(arena, request->cwd, request->variable, "$STACKUP_FILE", out, e);
	return search(arena, request, out, e);
}
