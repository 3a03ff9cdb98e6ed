/* key = value below [section]. */
#include <string.h>

#include "scan/formats.h"
#include "scan/readers.h"

struct sections {
	struct find *f;
	struct path path;
	size_t section_depth;
	bool is_toml;
};

/* a.b."c d" part by part. */
static void push_parts(struct path *p, struct slice name)
{
	while (name.at < name.end) {
		const char *end = name.at;
		char quote = 0;
		for (; end < name.end && (quote || *end != '.'); end++)
			if (*end == '"' || *end == '\'')
				quote = quote == *end ? 0 : quote ? quote : *end;
		path_push(p, slice_bare((struct slice){name.at, end}));
		name.at = end + (end < name.end);
	}
}

static void read_head(struct sections *s, struct slice line)
{
	const char *close = memchr(line.at, ']', slice_length(line));
	struct slice name = {line.at + 1, close ? close : line.end};
	if (slice_begins(name, "["))
		name.at++;
	s->path.depth = 0;
	if (s->is_toml)
		push_parts(&s->path, slice_trim(name));
	else
		path_push(&s->path, slice_trim(name));
	s->section_depth = s->path.depth;
}

static void read_pair(struct sections *s, struct slice line)
{
	const char *equals = memchr(line.at, '=', slice_length(line));
	struct slice key = slice_trim((struct slice){line.at, equals ? equals : line.at});
	bool continues = !equals || is_blank(*line.at) || *line.at == '"' || *line.at == '\'';
	if (!continues || (s->is_toml && equals && key.at < key.end && is_word_char(*key.at))) {
		s->path.depth = s->section_depth;
		if (s->is_toml)
			push_parts(&s->path, key);
		else
			path_push(&s->path, key);
		line.at = equals + 1;
	}
	line = slice_trim(line);
	if (s->path.depth > s->section_depth && line.at < line.end)
		rules_apply(s->f, s->f->format->rules, &s->path, line);
}

static void read_sections(struct sections *s)
{
	struct slice rest = {s->f->bytes, s->f->bytes + s->f->length}, line;
	while (slice_line(&rest, &line)) {
		struct slice words = slice_trim(line);
		if (slice_begins(words, "#") || (!s->is_toml && slice_begins(words, ";"))) {
			find_comment(s->f, (struct slice){words.at + 1, words.end});
			continue;
		}
		/* A line that ends in a backslash goes on. */
		while (!s->is_toml && line.end > line.at && line.end[-1] == '\\' && rest.at < rest.end) {
			struct slice next;
			slice_line(&rest, &next);
			line.end = next.end;
		}
		struct slice comment = {0};
		if (s->is_toml)
			comment = cut_comment(&line);
		if (comment.at)
			find_comment(s->f, comment);
		if (slice_begins(words, "[") && (*line.at == '[' || (s->is_toml && s->path.depth <= s->section_depth + 1 && words.end[-1] == ']')))
			read_head(s, words);
		else if (words.at < words.end)
			read_pair(s, line);
	}
}

void read_toml(struct find *f)
{
	struct sections s = {.f = f, .is_toml = true};
	read_sections(&s);
}

void read_ini(struct find *f)
{
	struct sections s = {.f = f};
	read_sections(&s);
}
