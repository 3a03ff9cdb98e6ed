/*
 * What is written in braces: JSON with comments and commas too many, the objects of JavaScript and TypeScript, the
 * blocks of HCL. One walk over the bytes; strings, templates and comments are known, all else is keys, values and
 * brackets. A value ends at a comma, a bracket, a semicolon or its line.
 */
#include <string.h>

#include "scan/formats.h"
#include "scan/readers.h"
#include "scan/value.h"

struct braces {
	struct find *f;
	const char *at;
	const char *end;
	struct path path;
	size_t opened[PATH_MOST]; /* levels that the bracket at this depth pushed */
	size_t bracket_count;
	size_t too_deep;
	bool is_hcl; /* `key = value`, # comments, labels before a brace */
	bool is_json;
};

static const char *string_end(const char *at, const char *end)
{
	char quote = *at++;
	for (; at < end && *at != quote; at++) {
		if (*at == '\n' && quote != '`')
			return at;
		at += *at == '\\' && at + 1 < end;
	}
	return at < end ? at + 1 : end;
}

static bool is_quote(const struct braces *b, char c)
{
	return c == '"' || (!b->is_hcl && (c == '\'' || c == '`'));
}

/* The place behind a comment, which is looked through; `at` where none begins. */
static const char *skip_comment(struct braces *b, const char *at)
{
	struct slice rest = {at, b->end};
	bool is_line = slice_begins(rest, "//") || (b->is_hcl && *at == '#');
	if (!is_line && !slice_begins(rest, "/*"))
		return at;
	const char *stop = is_line ? memchr(at, '\n', slice_length(rest)) : slice_find((struct slice){at + 2, b->end}, "*/");
	struct slice text = {at + (is_line && *at == '#' ? 1 : 2), stop ? stop : b->end};
	if (text.at < text.end)
		find_comment(b->f, text);
	return stop ? stop + (is_line ? 0 : 2) : b->end;
}

/* ---- values ---- */

/* env["PORT"]: the bracket belongs to the word before it. */
static bool is_index(const char *at, const char *begin)
{
	return *at == '[' && at > begin && (is_word_char(at[-1]) || at[-1] == ')');
}

static const char *value_end(const struct braces *b, const char *begin)
{
	int parens = 0;
	for (const char *at = begin; at < b->end;) {
		struct slice rest = {at, b->end};
		if (is_quote(b, *at)) {
			at = string_end(at, b->end);
			continue;
		}
		if (is_index(at, begin)) {
			const char *close = memchr(at, ']', slice_length(rest));
			at = close ? close + 1 : b->end;
			continue;
		}
		parens += (*at == '(') - (*at == ')');
		if (parens < 0 || strchr("{}[];", *at) || (!parens && *at == ',') || slice_begins(rest, "//") ||
			slice_begins(rest, "/*") || (b->is_hcl && *at == '#'))
			return at;
		if (*at == '\n' && !parens && slice_length(slice_trim((struct slice){begin, at})))
			return at;
		at++;
	}
	return b->end;
}

static void read_value(struct braces *b)
{
	while (b->at < b->end && (*b->at == ' ' || *b->at == '\t'))
		b->at++;
	struct slice value = {b->at, value_end(b, b->at)};
	b->at = value.end;
	value = slice_trim(value);
	if (value.at == value.end || b->too_deep || !b->path.depth)
		return;
	struct slice key = b->path.keys[b->path.depth - 1];
	if (slice_is(key, "name") || slice_is(key, "key"))
		b->path.labels[b->path.depth - 1] = slice_bare(value);
	rules_apply(b->f, b->f->format->rules, &b->path, value);
}

/* ---- brackets ---- */

static void open_bracket(struct braces *b, struct slice key)
{
	if (b->too_deep || b->bracket_count == PATH_MOST || !path_push(&b->path, key)) {
		b->too_deep++;
		return;
	}
	b->opened[b->bracket_count++] = 1;
	b->f->command = (struct command_state){0};
}

static void close_bracket(struct braces *b)
{
	if (b->too_deep) {
		b->too_deep--;
		return;
	}
	if (!b->bracket_count)
		return;
	for (size_t levels = b->opened[--b->bracket_count]; levels; levels--)
		path_pop(&b->path);
	/* The key of what has just ended says nothing about what comes. */
	if (b->path.depth && !slice_is(b->path.keys[b->path.depth - 1], "[]"))
		path_set(&b->path, (struct slice){b->at, b->at});
}

static bool in_list(const struct braces *b)
{
	return b->path.depth && slice_is(b->path.keys[b->path.depth - 1], "[]");
}

/* resource "aws_instance" "app" { : the first is the key, each label a level below. */
static bool read_block_head(struct braces *b, struct slice word)
{
	const char *at = word.end;
	struct slice labels[3];
	size_t count = 0;
	while (at < b->end && (*at == ' ' || *at == '\t' || *at == '"')) {
		if (*at == '"' && count < 3) {
			const char *end = string_end(at, b->end);
			labels[count++] = slice_bare((struct slice){at, end});
			at = end;
		} else {
			at++;
		}
	}
	if (at >= b->end || *at != '{')
		return false;
	path_set(&b->path, word);
	size_t levels = 0;
	for (size_t i = 0; i < count && path_push(&b->path, labels[i]); i++)
		levels++;
	b->at = at;
	open_bracket(b, (struct slice){at, at});
	if (!b->too_deep)
		b->opened[b->bracket_count - 1] += levels;
	b->at = at + 1;
	return true;
}

/* ---- keys ---- */

/* Behind a key: a colon, in HCL (and behind const, let, var) an equals sign; NULL: it was none. */
static const char *key_sign(const struct braces *b, const char *at)
{
	while (at < b->end && (*at == ' ' || *at == '\t'))
		at++;
	if (at + 1 >= b->end)
		return NULL;
	if (*at == ':' && at[1] != ':')
		return b->is_hcl ? NULL : at + 1;
	bool is_assignment = *at == '=' && at[1] != '=' && at[1] != '>';
	return is_assignment && !b->is_json ? at + 1 : NULL;
}

/* app.listen(3000 */
static void read_call(struct braces *b, struct slice word)
{
	struct slice digits;
	if (slice_is(word, "listen") && word.end < b->end && *word.end == '(' &&
		port_here((struct slice){word.end + 1, b->end}, &digits))
		found_port(b->f, digits, (struct as){.role = ROLE_LISTEN});
}

static void read_word(struct braces *b)
{
	struct slice word = {b->at, b->at};
	if (is_quote(b, *b->at)) {
		word.end = string_end(b->at, b->end);
	} else {
		while (word.end < b->end && (is_word_char(*word.end) || *word.end == '$' || (b->is_hcl && *word.end == '-')))
			word.end++;
	}
	const char *sign = in_list(b) ? NULL : key_sign(b, word.end);
	if (sign) {
		path_set(&b->path, slice_bare(word));
		b->at = sign;
		read_value(b);
	} else if (b->is_hcl && !in_list(b) && read_block_head(b, word)) {
		return;
	} else if (in_list(b) || is_quote(b, *word.at)) {
		read_value(b);
	} else {
		read_call(b, word);
		b->at = word.end;
	}
}

static void read_char(struct braces *b)
{
	switch (*b->at) {
	case '{':
		open_bracket(b, (struct slice){b->at, b->at});
		break;
	case '[':
		open_bracket(b, path_item);
		break;
	case '}':
	case ']':
		close_bracket(b);
		break;
	}
	b->at++;
}

static void read_braces(struct braces *b)
{
	b->at = b->f->bytes;
	b->end = b->at + b->f->length;
	/* In a program, and in HCL, there are keys above the first brace. */
	if (!b->is_json)
		path_push(&b->path, (struct slice){b->at, b->at});
	while (b->at < b->end) {
		const char *begin = b->at, *behind = skip_comment(b, begin);
		if (behind != begin)
			b->at = behind;
		else if (is_quote(b, *begin) || is_word_char(*begin))
			read_word(b);
		else
			read_char(b);
		if (b->at == begin)
			b->at++;
	}
}

void read_json(struct find *f)
{
	struct braces b = {.f = f, .is_json = true};
	read_braces(&b);
}

void read_script(struct find *f)
{
	struct braces b = {.f = f};
	read_braces(&b);
}

void read_terraform(struct find *f)
{
	struct braces b = {.f = f, .is_hcl = true};
	read_braces(&b);
}
