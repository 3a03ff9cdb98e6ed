#include <string.h>

#include "scan/formats.h"
#include "scan/readers.h"

enum format_id {
#define FORMAT(name, read, rules, in_container) FORMAT_##name,
#define NAMED(pattern, format)
#include "scan/formats.def"
#undef FORMAT
#undef NAMED
	FORMAT_NONE,
};

static const struct format formats[] = {
#define FORMAT(name, read, rules, in_container) {#name, read, rules, in_container},
#define NAMED(pattern, format)
#include "scan/formats.def"
#undef FORMAT
#undef NAMED
};

static const struct named {
	const char *pattern;
	size_t length;
	enum format_id format;
} names[] = {
#define FORMAT(name, read, rules, in_container)
#define NAMED(pattern, format) {pattern, sizeof pattern - 1, FORMAT_##format},
#include "scan/formats.def"
#undef FORMAT
#undef NAMED
};

/* Asked of every file for every row: so the ends are compared before anything else. */
static bool fits(const char *name, size_t length, const char *pattern, size_t pattern_length)
{
	const char *star = memchr(pattern, '*', pattern_length);
	if (!star)
		return length == pattern_length && !memcmp(name, pattern, length);
	size_t head = (size_t)(star - pattern);
	if (length < head || memcmp(name, pattern, head) != 0)
		return false;
	const char *tail = star + 1;
	size_t tail_length = pattern_length - head - 1;
	for (size_t skip = head; skip <= length; skip++)
		if (fits(name + skip, length - skip, tail, tail_length))
			return true;
	return false;
}

/* The end of the path, from the beginning of a name in it. */
static bool path_end_fits(const char *path, size_t length, const struct named *row)
{
	for (size_t at = 0; at < length; at++)
		if ((at == 0 || path[at - 1] == '/') && fits(path + at, length - at, row->pattern, row->length))
			return true;
	return false;
}

const struct format *format_of(const char *path)
{
	size_t length = strlen(path);
	const char *slash = memrchr(path, '/', length);
	const char *name = slash ? slash + 1 : path;
	size_t name_length = length - (size_t)(name - path);
	for (size_t i = 0; name_length && i < sizeof names / sizeof *names; i++) {
		char last = names[i].pattern[names[i].length - 1], first = *names[i].pattern;
		if (last != '*' && last != name[name_length - 1])
			continue;
		bool is_path = memchr(names[i].pattern, '/', names[i].length);
		if (!is_path && first != '*' && first != *name)
			continue;
		if (is_path ? path_end_fits(path, length, &names[i])
			    : fits(name, name_length, names[i].pattern, names[i].length))
			return names[i].format == FORMAT_NONE ? NULL : &formats[names[i].format];
	}
	return NULL;
}

static bool has_line(struct slice content, const char *beginning)
{
	for (struct slice line; slice_line(&content, &line);)
		if (slice_begins(line, beginning))
			return true;
	return false;
}

const struct format *format_settled(const struct format *format, struct slice content)
{
	if (format != &formats[FORMAT_yaml] && format != &formats[FORMAT_compose])
		return format;
	if (has_line(content, "apiVersion:") || has_line(content, "kind:"))
		return &formats[FORMAT_kubernetes];
	if (format == &formats[FORMAT_compose])
		return format;
	if (has_line(content, "services:") && (slice_find(content, "image:") || slice_find(content, "build:")) &&
		!has_line(content, "  - type:") && !has_line(content, "- type:"))
		return &formats[FORMAT_compose];
	if (has_line(content, "jobs:") && has_line(content, "on:"))
		return &formats[FORMAT_workflow];
	return has_line(content, "replicaCount:") ? &formats[FORMAT_values] : format;
}
