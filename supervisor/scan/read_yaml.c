#include <string.h>

#include <yaml.h>

#include "scan/formats.h"
#include "scan/readers.h"

enum { BRACKETS_MOST = 1000 }; /* that are open at once; a shell script within may leave some */

/* libyaml's marks count characters, without a byte order mark; events come in order, so one walk is enough. */
struct cursor {
	const char *at;
	const char *end;
	size_t index;
};

static const char *walk_to(struct cursor *c, size_t index)
{
	while (c->index < index && c->at < c->end) {
		c->at++;
		while (c->at < c->end && ((unsigned char)*c->at & 0xc0) == 0x80)
			c->at++;
		c->index++;
	}
	return c->at;
}

/* For each open collection: is it a mapping, and is a key what comes next? */
struct level {
	bool is_mapping;
	bool wants_key;
};

struct yaml {
	struct find *f;
	struct cursor cursor;
	struct path path;
	struct level levels[PATH_MOST];
	size_t too_deep; /* levels below the deepest that is known */
};

/* Without its anchor and its tag. */
static struct slice scalar_source(struct slice s)
{
	s = slice_trim(s);
	while (s.at < s.end && (*s.at == '&' || *s.at == '!')) {
		while (s.at < s.end && !is_blank(*s.at))
			s.at++;
		s = slice_trim(s);
	}
	return s;
}

/* A value has come: in a mapping a key is next. */
static void value_done(struct yaml *y)
{
	if (y->path.depth && y->levels[y->path.depth - 1].is_mapping)
		y->levels[y->path.depth - 1].wants_key = true;
}

static void on_scalar(struct yaml *y, struct slice source)
{
	struct level *level = y->path.depth ? &y->levels[y->path.depth - 1] : NULL;
	source = scalar_source(source);
	if (y->too_deep)
		return;
	if (level && level->is_mapping && level->wants_key) {
		path_set(&y->path, slice_bare(source));
		level->wants_key = false;
		return;
	}
	if (level) {
		struct slice key = y->path.keys[y->path.depth - 1];
		if (slice_is(key, "name") || slice_is(key, "key"))
			y->path.labels[y->path.depth - 1] = slice_bare(source);
		rules_apply(y->f, y->f->format->rules, &y->path, source);
	}
	value_done(y);
}

static void on_start(struct yaml *y, bool is_mapping)
{
	if (y->too_deep || !path_push(&y->path, path_item)) {
		y->too_deep++;
		return;
	}
	y->levels[y->path.depth - 1] = (struct level){is_mapping, is_mapping};
	y->f->command = (struct command_state){0};
}

static void on_end(struct yaml *y)
{
	if (y->too_deep) {
		y->too_deep--;
		return;
	}
	path_pop(&y->path);
	value_done(y);
}

static void on_event(struct yaml *y, const yaml_event_t *event)
{
	struct slice source;
	switch ((int)event->type) {
	case YAML_DOCUMENT_START_EVENT:
		y->path.depth = 0;
		y->f->service = (struct slice){0};
		break;
	case YAML_SCALAR_EVENT:
		source.at = walk_to(&y->cursor, event->start_mark.index);
		source.end = walk_to(&y->cursor, event->end_mark.index);
		on_scalar(y, source);
		break;
	case YAML_ALIAS_EVENT:
		if (!y->too_deep && y->path.depth && y->levels[y->path.depth - 1].wants_key)
			y->levels[y->path.depth - 1].wants_key = false;
		else if (!y->too_deep)
			value_done(y);
		break;
	case YAML_MAPPING_START_EVENT:
	case YAML_SEQUENCE_START_EVENT:
		on_start(y, event->type == YAML_MAPPING_START_EVENT);
		break;
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		on_end(y);
		break;
	}
}

/* False: it is not YAML, or memory ran out; what came before the mistake has been found. */
static bool parse(struct yaml *y, yaml_parser_t *parser)
{
	for (bool done = false; !done;) {
		yaml_event_t event;
		if (!yaml_parser_parse(parser, &event))
			return false;
		on_event(y, &event);
		done = event.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
	}
	return true;
}

/* libyaml's time grows with the square of how deep brackets are. */
static bool is_too_deep(const struct find *f)
{
	int depth = 0, deepest = 0;
	for (const char *at = f->bytes; at < f->bytes + f->length; at++) {
		depth += (*at == '[' || *at == '{') - (depth && (*at == ']' || *at == '}'));
		deepest = depth > deepest ? depth : deepest;
	}
	return deepest > BRACKETS_MOST;
}

void read_yaml(struct find *f)
{
	/* A key and its comment come before the values, so that what is commented out stays so. */
	find_hash_comments(f);
	if (slice_find((struct slice){f->bytes, f->bytes + f->length}, "{{") || is_too_deep(f)) {
		read_outline(f);
		return;
	}
	size_t mark = f->length >= 3 && !memcmp(f->bytes, "\xef\xbb\xbf", 3) ? 3 : 0;
	struct yaml y = {.f = f, .cursor = {f->bytes + mark, f->bytes + f->length, 0}};
	yaml_parser_t parser;
	if (!yaml_parser_initialize(&parser))
		return;
	yaml_parser_set_input_string(&parser, (const unsigned char *)f->bytes, f->length);
	bool whole = parse(&y, &parser);
	yaml_parser_delete(&parser);
	if (!whole)
		read_outline(f);
}
