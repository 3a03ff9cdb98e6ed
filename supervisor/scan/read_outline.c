/*
 * YAML by its lines, for what a YAML parser does not understand: templates, tabs, half-written files. Only
 * block style, by indentation; a value in braces is one text.
 */
#include <string.h>

#include "scan/formats.h"
#include "scan/readers.h"

struct outline {
	struct find *f;
	struct path path;
	int indents[PATH_MOST]; /* of the levels: twice the column, and one more for an item */
};

static void leave(struct outline *o, int indent)
{
	while (o->path.depth && o->indents[o->path.depth - 1] >= indent)
		path_pop(&o->path);
}

static void enter(struct outline *o, int indent, struct slice key)
{
	leave(o, indent);
	if (path_push(&o->path, key))
		o->indents[o->path.depth - 1] = indent;
}

/* The colon that ends a key: a blank or the end of the line is behind it. */
static const char *key_end(struct slice line)
{
	char quote = 0;
	for (const char *at = line.at; at < line.end; at++) {
		if (quote ? *at == quote : *at == '"' || *at == '\'')
			quote = quote ? 0 : *at;
		else if (!quote && *at == ':' && (at + 1 == line.end || is_blank(at[1])))
			return at;
		else if (!quote && (*at == '{' || *at == '['))
			return NULL;
	}
	return NULL;
}

/* Takes the lines of a block scalar off the rest: those that are empty or further to the right. */
static struct slice block(struct slice *rest, int column)
{
	struct slice text = {rest->at, rest->at}, line;
	for (struct slice next = *rest; slice_line(&next, &line); *rest = next) {
		struct slice words = slice_trim(line);
		if (words.at < words.end && words.at - line.at <= column)
			break;
		text.end = line.end;
	}
	return text;
}

static void apply_value(struct outline *o, struct slice value, struct slice *rest, int column)
{
	value = slice_trim(value);
	if (slice_is(value, "|") || slice_begins(value, "|-") || slice_begins(value, ">") || slice_begins(value, "|+"))
		value = block(rest, column);
	if (value.at == value.end)
		return;
	struct path *p = &o->path;
	if (p->depth && slice_is(p->keys[p->depth - 1], "name") && p->depth > 1)
		p->labels[p->depth - 2] = slice_bare(value);
	/* Siblings are pushed one after the other here: the label is the item's. */
	if (p->depth > 1)
		p->labels[p->depth - 1] = p->labels[p->depth - 2];
	rules_apply(o->f, o->f->format->rules, p, value);
}

static void read_line(struct outline *o, struct slice line, struct slice *rest)
{
	const char *begin = line.at;
	while (line.at < line.end && *line.at == ' ')
		line.at++;
	while (slice_begins(line, "- ") || slice_is(line, "-")) {
		enter(o, (int)(line.at - begin) * 2 + 1, path_item);
		line.at += slice_length(line) > 1 ? 2 : 1;
		while (line.at < line.end && *line.at == ' ')
			line.at++;
	}
	int column = (int)(line.at - begin);
	const char *colon = key_end(line);
	if (line.at == line.end || slice_begins(line, "---"))
		return;
	if (colon) {
		enter(o, column * 2, slice_bare((struct slice){line.at, colon}));
		apply_value(o, (struct slice){colon + 1, line.end}, rest, column);
	} else {
		apply_value(o, line, rest, column);
	}
}

void read_outline(struct find *f)
{
	struct outline o = {.f = f};
	struct slice rest = {f->bytes, f->bytes + f->length}, line;
	f->is_rough = true;
	while (slice_line(&rest, &line)) {
		cut_comment(&line);
		struct slice words = slice_trim(line);
		if (words.at < words.end && !slice_begins(words, "{{"))
			read_line(&o, (struct slice){line.at, words.end}, &rest);
	}
}
