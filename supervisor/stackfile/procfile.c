#include "stackfile/procfile.h"

#include <string.h>

#include "base/lookup.h"
#include "base/utf8.h"
#include "model/names.h"

struct parser {
	struct arena *arena;
	const char *file;
	struct complaints *complaints;
	struct procfile *out;
	struct lookup places;
	int line;
	bool failed;
};

#define COMPLAIN(p, severity, key, ...)                                                            \
	complaint_add((p)->complaints, (severity), (p)->file, (p)->line, (key), __VA_ARGS__)
#define HINT(p, ...)        complaint_hint((p)->complaints, __VA_ARGS__)
#define REFUSE(p, key, ...) ((p)->failed = true, COMPLAIN(p, SEVERITY_ERROR, key, __VA_ARGS__))

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\v' || c == '\f' || c == '\r';
}

static size_t name_span(const char *line, size_t length)
{
	size_t used = 0;
	for (; used < length; used++) {
		char c = line[used];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		if (!letter && (c < '0' || c > '9') && c != '_' && c != '-')
			break;
	}
	return used;
}

/* Blanks behind a command go; one behind a backslash belongs to the word. */
static size_t trimmed(const char *begin, size_t length)
{
	while (length && is_blank(begin[length - 1]))
		length--;
	return length;
}

static void skipped(struct parser *p, const char *line, size_t length, size_t name)
{
	if (is_blank(line[0])) {
		COMPLAIN(p, SEVERITY_WARNING, NULL, "line skipped: it begins with a blank");
		HINT(p,
			"an entry begins at the start of its line; Procfiles have no continuation "
			"lines");
	} else if (name && name < length && line[name] == ':') {
		COMPLAIN(p, SEVERITY_WARNING, NULL, "line skipped: '%.*s' has no command",
			(int)name, line);
		HINT(p, "write NAME: COMMAND");
	} else {
		COMPLAIN(p, SEVERITY_WARNING, NULL, "line skipped: it is not NAME: COMMAND");
		HINT(p,
			"names are letters, digits, _ and -, with the ':' right behind; put a '#' "
			"before "
			"a comment");
	}
}

static bool is_new(struct parser *p, const char *name)
{
	const size_t *place = lookup_find(&p->places, name);
	if (!place)
		return true;
	REFUSE(p, name, "'%s' is here a second time; the first is in line %d", name,
		p->out->entries[*place].line);
	HINT(p, "give one of them another name");
	return false;
}

static void add(struct parser *p, const char *name, const char *command)
{
	bool task = !strcmp(name, "release") || !strcmp(name, "postdeploy");
	if (strlen(name) > NAME_MOST) {
		REFUSE(p, name, "the name '%.40s...' is longer than %d characters", name,
			NAME_MOST);
		HINT(p, "take a shorter one");
		return;
	}
	if (!is_new(p, name))
		return;
	if (task) {
		COMPLAIN(p, SEVERITY_NOTICE, name, "'%s' runs once, as a task", name);
		HINT(p, "rename it if it is to keep running");
	}
	lookup_add(&p->places, name, p->out->count);
	*arena_append(p->arena, p->out->entries, p->out->count) =
		(struct procfile_entry){name, command, p->line, task};
}

static void read_line(struct parser *p, const char *line, size_t length)
{
	size_t first = 0;
	while (first < length && is_blank(line[first]))
		first++;
	if (first == length || line[first] == '#')
		return;
	size_t name = name_span(line, length);
	size_t begin = name + 1;
	while (begin < length && is_blank(line[begin]))
		begin++;
	if (!name || name == length || line[name] != ':' || begin >= length) {
		skipped(p, line, length, name);
		return;
	}
	size_t end = trimmed(line, length);
	/* "\ " at the end is an escaped blank: it belongs to the last word. */
	if (end < length && line[end - 1] == '\\' && line[end] != '\r')
		end++;
	add(p, arena_string_n(p->arena, line, name),
		arena_string_n(p->arena, line + begin, end - begin));
}

static void read_lines(struct parser *p, const char *at, const char *end)
{
	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t length = (size_t)((newline ? newline : end) - at);
		size_t good = utf8_text_span(at, length);
		p->line++;
		if (good == length) {
			read_line(p, at, length);
		} else {
			REFUSE(p, NULL, at[good] ? "byte 0x%02x is not UTF-8" : "NUL byte (0x%02x)",
				(unsigned char)at[good]);
			HINT(p, "save the file as UTF-8 text");
		}
		at = newline ? newline + 1 : end;
	}
}

bool procfile_parse(struct arena *arena, const char *name, const char *content, size_t length,
	struct complaints *complaints, struct procfile *out)
{
	*out = (struct procfile){0};
	struct parser p = {.arena = arena,
		.file = name,
		.complaints = complaints,
		.out = out,
		.places = {.arena = arena}};
	bool bom = length >= 3 && !memcmp(content, "\xef\xbb\xbf", 3);
	read_lines(&p, content + (bom ? 3 : 0), content + length);
	if (!p.failed && !out->count) {
		p.line = 0;
		REFUSE(&p, NULL, "there is no process in it");
		HINT(&p, "write lines like web: COMMAND");
	}
	return !p.failed;
}
