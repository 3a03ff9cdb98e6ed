#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "scan/ignore.h"

struct pattern {
	struct slice text;
	bool takes_back;
	bool only_directories;
	bool is_tied; /* to the directory: has a slash */
	bool is_plain; /* no wildcards */
};

struct ignore {
	atomic_int holders;
	struct ignore *parent; /* holds */
	char *dir; /* owns */
	char *bytes; /* owns */
	LIST(struct pattern) patterns;
};

/* ---- one pattern ---- */

/* [a-z], [!a]: the place behind it, NULL: no closing bracket. */
static const char *bracket(const char *at, const char *end, char c, bool *fits)
{
	const char *begin = ++at;
	bool negated = at < end && (*at == '!' || *at == '^');
	*fits = false;
	at += negated;
	for (const char *first = at; at < end && (*at != ']' || at == first); at++) {
		char low = *at, high = low;
		if (low == '\\' && at + 1 < end)
			low = high = *++at;
		if (at + 2 < end && at[1] == '-' && at[2] != ']') {
			high = at[2];
			at += 2;
		}
		*fits = *fits || (c >= low && c <= high);
	}
	*fits = *fits != negated;
	return at < end && at >= begin ? at + 1 : NULL;
}

/* One sign of a pattern against one character; the place behind the sign, NULL: it does not fit. */
static const char *sign(const char *at, const char *end, char c)
{
	bool fits;
	if (*at == '?')
		return at + 1;
	if (*at == '[') {
		const char *behind = bracket(at, end, c, &fits);
		if (behind)
			return fits ? behind : NULL;
	}
	if (*at == '\\' && at + 1 < end)
		at++;
	return *at == c ? at + 1 : NULL;
}

/* A name without slashes; going back to the last star is enough, so the time is bounded. */
static bool name_fits(struct slice pattern, struct slice name)
{
	const char *star = NULL, *retry = NULL, *p = pattern.at, *n = name.at;
	while (n < name.end) {
		const char *behind = NULL;
		if (p < pattern.end && *p == '*') {
			star = ++p;
			retry = n;
			continue;
		}
		if (p < pattern.end)
			behind = sign(p, pattern.end, *n);
		if (behind) {
			p = behind;
			n++;
		} else if (star) {
			p = star;
			n = ++retry;
		} else {
			return false;
		}
	}
	while (p < pattern.end && *p == '*')
		p++;
	return p == pattern.end;
}

/* Takes what stands before the first slash. */
static struct slice take_part(struct slice *path)
{
	const char *slash = memchr(path->at, '/', slice_length(*path));
	struct slice part = {path->at, slash ? slash : path->end};
	path->at = slash ? slash + 1 : path->end;
	return part;
}

/* The same with names for characters and ** for the star. A ** at the end needs something below. */
bool ignore_pattern_fits(struct slice pattern, struct slice path)
{
	struct slice star = {0}, retry = {0};
	bool has_star = false;
	while (path.at < path.end) {
		struct slice after = pattern, rest = path;
		struct slice part = take_part(&after);
		if (pattern.at < pattern.end && slice_is(part, "**")) {
			if (after.at == after.end)
				return true;
			has_star = true;
			star = pattern = after;
			retry = path;
			continue;
		}
		if (pattern.at < pattern.end && name_fits(part, take_part(&rest))) {
			pattern = after;
			path = rest;
		} else if (has_star) {
			pattern = star;
			take_part(&retry);
			path = retry;
		} else {
			return false;
		}
	}
	return pattern.at == pattern.end;
}

/* ---- files of patterns ---- */

static bool add(struct ignore *ignore, struct slice line)
{
	struct pattern p = {.text = line};
	if (line.at == line.end || *line.at == '#')
		return true;
	while (line.end > line.at && line.end[-1] == ' ' && !(line.end - 1 > line.at && line.end[-2] == '\\'))
		line.end--;
	if (slice_begins(line, "!")) {
		p.takes_back = true;
		line.at++;
	}
	if (slice_ends(line, "/")) {
		p.only_directories = true;
		line.end--;
	}
	p.is_tied = memchr(line.at, '/', slice_length(line)) != NULL;
	if (slice_begins(line, "/"))
		line.at++;
	p.is_plain = true;
	for (const char *at = line.at; at < line.end; at++)
		p.is_plain = p.is_plain && !strchr("*?[\\", *at);
	p.text = line;
	return line.at == line.end || list_push(&ignore->patterns, p);
}

struct ignore *ignore_new(struct ignore *parent, const char *dir, struct slice patterns)
{
	struct ignore *ignore = calloc(1, sizeof *ignore);
	if (!ignore)
		return NULL;
	ignore->parent = ignore_hold(parent);
	atomic_init(&ignore->holders, 1);
	ignore->dir = strdup(dir);
	ignore->bytes = strndup(patterns.at ? patterns.at : "", slice_length(patterns));
	bool whole = ignore->dir && ignore->bytes;
	struct slice rest = whole ? slice_of(ignore->bytes) : (struct slice){0}, line;
	if (slice_begins(rest, "\xef\xbb\xbf"))
		rest.at += 3;
	while (whole && slice_line(&rest, &line))
		whole = add(ignore, line);
	if (whole)
		return ignore;
	ignore_release(ignore);
	return NULL;
}

struct ignore *ignore_hold(struct ignore *ignore)
{
	if (ignore)
		atomic_fetch_add(&ignore->holders, 1);
	return ignore;
}

void ignore_release(struct ignore *ignore)
{
	while (ignore && atomic_fetch_sub(&ignore->holders, 1) == 1) {
		struct ignore *parent = ignore->parent;
		list_release(&ignore->patterns);
		free(ignore->dir);
		free(ignore->bytes);
		free(ignore);
		ignore = parent;
	}
}

static bool fits(const struct pattern *p, struct slice below, struct slice name, bool is_directory)
{
	if (p->only_directories && !is_directory)
		return false;
	struct slice subject = p->is_tied ? below : name;
	if (p->is_plain)
		return slice_is_same(p->text, subject);
	return p->is_tied ? ignore_pattern_fits(p->text, subject) : name_fits(p->text, subject);
}

bool ignore_has(const struct ignore *ignore, const char *path, bool is_directory)
{
	const char *slash = strrchr(path, '/');
	struct slice name = slice_of(slash ? slash + 1 : path);
	for (; ignore; ignore = ignore->parent) {
		size_t length = strlen(ignore->dir);
		struct slice below = slice_of(path + length + (length && path[length] == '/'));
		for (size_t i = ignore->patterns.count; i-- > 0;)
			if (fits(&ignore->patterns.items[i], below, name, is_directory))
				return !ignore->patterns.items[i].takes_back;
	}
	return false;
}
