#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/own.h"
#include "scan/above.h"

enum { SMALL_FILE_MOST = 1 << 20, LEVELS_MOST = 64 };

static bool read_at(int dir, const char *name, struct text *out)
{
	struct stat info;
	struct error e = {0};
	OWNED_FD fd = openat(dir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return fd >= 0 && !fstat(fd, &info) && S_ISREG(info.st_mode) &&
		!file_read_fd(fd, name, SMALL_FILE_MOST, out, &e);
}

/* ".git" as a file says `gitdir: PATH`, and that directory's commondir what all worktrees share. */
static int open_common(int dir)
{
	OWNED_TEXT link = {0}, common = {0};
	struct stat info;
	if (fstatat(dir, ".git", &info, AT_SYMLINK_NOFOLLOW))
		return -1;
	if (S_ISDIR(info.st_mode))
		return openat(dir, ".git", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!S_ISREG(info.st_mode) || !read_at(dir, ".git", &link))
		return -1;
	struct slice path = slice_of(text_string(&link));
	if (!slice_begins(path, "gitdir:"))
		return -1;
	path = slice_trim((struct slice){path.at + strlen("gitdir:"), path.end});
	text_cut(&link, (size_t)(path.end - link.data));
	OWNED_FD git = openat(dir, path.at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (git < 0 || !read_at(git, "commondir", &common))
		return take_fd(&git);
	text_cut(&common, strcspn(text_string(&common), "\r\n"));
	return openat(git, text_string(&common), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

struct ignore *above_excludes(int dir, const char *path, struct ignore *parent)
{
	OWNED_TEXT patterns = {0};
	OWNED_FD common = open_common(dir);
	if (common < 0 || !read_at(common, "info/exclude", &patterns))
		return ignore_hold(parent);
	return ignore_new(parent, path, slice_of(text_string(&patterns)));
}

static bool has_git(int dir)
{
	struct stat info;
	return !fstatat(dir, ".git", &info, AT_SYMLINK_NOFOLLOW);
}

/*
 * Paths of patterns are below the scanned root, so those above it are asked for here: what a pattern of a higher
 * directory says about a path in the root is the same with its way from there in front. They are kept as
 * patterns that are tied to nothing, or, where they are tied, with that way taken off.
 */
static void add_carried(struct text *out, struct slice line, struct slice way)
{
	struct slice pattern = line;
	bool takes_back = slice_begins(pattern, "!");
	pattern.at += takes_back;
	const char *slash = slice_length(pattern) ? memchr(pattern.at, '/', slice_length(pattern)) : NULL;
	bool is_tied = slash && slash + 1 < pattern.end;
	if (is_tied && slice_begins(pattern, "/"))
		pattern.at++;
	while (is_tied && way.at < way.end && !slice_begins(pattern, "**")) {
		const char *end = memchr(way.at, '/', slice_length(way));
		const char *stop = memchr(pattern.at, '/', slice_length(pattern));
		struct slice name = {way.at, end ? end : way.end};
		if (!stop || !ignore_pattern_fits((struct slice){pattern.at, stop}, name))
			return; /* about another directory */
		way.at = end ? end + 1 : way.end;
		pattern.at = stop + 1;
	}
	if (pattern.at >= pattern.end)
		return;
	text_addf(out, "%s%s%.*s\n", takes_back ? "!" : "", is_tied && !slice_begins(pattern, "**") ? "/" : "",
		(int)slice_length(pattern), pattern.at);
}

/* The top's rules first: deeper ones count more, and later lines do. */
static void carry(int dir, const char *name, struct slice way, struct text *out)
{
	OWNED_TEXT patterns = {0};
	if (!read_at(dir, name, &patterns))
		return;
	struct slice rest = slice_of(text_string(&patterns)), line;
	while (slice_line(&rest, &line))
		if (line.at < line.end && *line.at != '#')
			add_carried(out, line, way);
}

/* From the top of the repository down to the directory above the root. */
static void carry_all(const char *root, const size_t *ends, size_t count, struct text *out)
{
	OWNED(char) path = strdup(root);
	for (size_t i = count; path && i-- > 0;) {
		struct slice way = slice_of(root + ends[i]);
		char cut = path[ends[i]];
		path[ends[i]] = '\0';
		OWNED_FD dir = open(*path ? path : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		path[ends[i]] = cut;
		way.at += *way.at == '/';
		OWNED_FD common = dir >= 0 && i + 1 == count ? open_common(dir) : -1;
		if (common >= 0)
			carry(common, "info/exclude", way, out);
		if (dir >= 0)
			carry(dir, ".gitignore", way, out);
	}
}

struct ignore *above_of(int root, const char *path)
{
	char real[PATH_MAX];
	size_t ends[LEVELS_MOST], count = 0;
	OWNED_TEXT patterns = {0};
	if (has_git(root))
		return above_excludes(root, "", NULL);
	if (!realpath(path, real))
		return NULL;
	bool found = false;
	for (size_t length = strlen(real); !found && length && count < LEVELS_MOST;) {
		while (length && real[length - 1] != '/')
			length--;
		if (!length)
			break;
		length--;
		char cut = real[length];
		real[length] = '\0';
		OWNED_FD dir = open(*real ? real : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		found = dir >= 0 && has_git(dir);
		real[length] = cut;
		ends[count++] = length;
	}
	if (!found)
		return NULL;
	carry_all(real, ends, count, &patterns);
	return text_ok(&patterns) && patterns.length ? ignore_new(NULL, "", slice_of(text_string(&patterns))) : NULL;
}
