#include "adopt/yaml.h"

#include <string.h>
#include <strings.h>
#include <yaml.h>

struct converting {
	struct arena *arena;
	struct complaints *complaints;
	const char *file;
	const char *place;
	yaml_document_t *document;
	struct yaml **done; /* by node, from 1 */
	bool *busy;
};

static int line_of(const yaml_mark_t *mark)
{
	return (int)mark->line + 1;
}

static const char *own_tag(struct arena *arena, const yaml_node_t *node)
{
	const char *tag = (const char *)node->tag;
	return tag && tag[0] == '!' && tag[1] ? arena_string(arena, tag) : NULL;
}

static bool is_nothing(const char *text, bool quoted)
{
	return !quoted && (!*text || !strcmp(text, "~") || !strcasecmp(text, "null"));
}

static const struct yaml *convert(struct converting *c, int index);

static void convert_scalar(struct converting *c, const yaml_node_t *node, struct yaml *out)
{
	out->text = arena_string_n(c->arena, (const char *)node->data.scalar.value, node->data.scalar.length);
	out->quoted = node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	out->kind = is_nothing(out->text, out->quoted) ? YAML_NOTHING : YAML_TEXT;
}

static void convert_list(struct converting *c, const yaml_node_t *node, struct yaml *out)
{
	out->kind = YAML_LIST;
	const yaml_node_item_t *item = node->data.sequence.items.start;
	for (; item < node->data.sequence.items.top; item++) {
		const struct yaml *value = convert(c, *item);
		*arena_append(c->arena, out->pairs, out->count) = (struct yaml_pair){"", value, value->line};
	}
}

static bool has_key(const struct yaml *map, const char *key)
{
	return yaml_get(map, key) != NULL;
}

static void add_pair(struct converting *c, struct yaml *map, const yaml_node_t *key, const struct yaml *value)
{
	const char *text = (const char *)key->data.scalar.value;
	int line = line_of(&key->start_mark);
	if (has_key(map, text)) {
		complaint_error(c->complaints, c->file, line, text, "'%s' is there a second time", text);
		complaint_hint(c->complaints, "keep one of the two");
		return;
	}
	*arena_append(c->arena, map->pairs, map->count) =
		(struct yaml_pair){arena_string(c->arena, text), value, line};
}

/* What the map says itself wins, and of several that are merged the first. */
static void merge_into(struct converting *c, struct yaml *map, const struct yaml *from)
{
	for (size_t i = 0; from->kind == YAML_MAP && i < from->count; i++)
		if (!has_key(map, from->pairs[i].key))
			*arena_append(c->arena, map->pairs, map->count) = from->pairs[i];
	for (size_t i = 0; from->kind == YAML_LIST && i < from->count; i++)
		if (from->pairs[i].value->kind == YAML_MAP)
			merge_into(c, map, from->pairs[i].value);
}

static bool is_merge(const yaml_node_t *key)
{
	return key->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
		!strcmp((const char *)key->data.scalar.value, "<<");
}

static void convert_map(struct converting *c, const yaml_node_t *node, struct yaml *out)
{
	const struct yaml **merged = NULL;
	size_t merged_count = 0;
	out->kind = YAML_MAP;
	const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	for (; pair < node->data.mapping.pairs.top; pair++) {
		const yaml_node_t *key = yaml_document_get_node(c->document, pair->key);
		const struct yaml *value = convert(c, pair->value);
		if (key->type != YAML_SCALAR_NODE)
			complaint_error(c->complaints, c->file, line_of(&key->start_mark), NULL,
				"a key that is no text is not understood");
		else if (is_merge(key))
			/* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
			*arena_append(c->arena, merged, merged_count) = value;
		else
			add_pair(c, out, key, value);
	}
	for (size_t i = 0; i < merged_count; i++)
		merge_into(c, out, merged[i]);
}

static const struct yaml *convert(struct converting *c, int index)
{
	const yaml_node_t *node = yaml_document_get_node(c->document, index);
	if (c->done[index] && !c->busy[index])
		return c->done[index];
	struct yaml *out = arena_new_object(c->arena, struct yaml);
	*out = (struct yaml){.file = c->file, .place = c->place, .line = line_of(&node->start_mark),
		.tag = own_tag(c->arena, node)};
	if (c->busy[index]) {
		complaint_error(c->complaints, c->file, out->line, NULL, "an anchor contains itself");
		return out;
	}
	c->busy[index] = true;
	c->done[index] = out;
	if (node->type == YAML_SCALAR_NODE)
		convert_scalar(c, node, out);
	else if (node->type == YAML_SEQUENCE_NODE)
		convert_list(c, node, out);
	else if (node->type == YAML_MAPPING_NODE)
		convert_map(c, node, out);
	c->busy[index] = false;
	return out;
}

static void complain_parse(const yaml_parser_t *parser, const char *file, struct complaints *complaints)
{
	const char *problem = parser->problem ? parser->problem : "it cannot be read";
	complaint_error(complaints, file, line_of(&parser->problem_mark), NULL, "it is no YAML: %s%s%s", problem,
		parser->context ? ", " : "", parser->context ? parser->context : "");
	if (strstr(problem, "tab") || strstr(problem, "cannot start any token"))
		complaint_hint(complaints, "YAML is indented by blanks, not by tabs; a value that begins with @ or ` "
			"needs quotes");
}

static const struct yaml *convert_document(struct converting *c)
{
	size_t nodes = (size_t)(c->document->nodes.top - c->document->nodes.start) + 1;
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
	c->done = arena_take(c->arena, nodes * sizeof *c->done);
	c->busy = arena_take(c->arena, nodes * sizeof *c->busy);
	if (yaml_document_get_root_node(c->document))
		return convert(c, 1);
	struct yaml *empty = arena_new_object(c->arena, struct yaml);
	*empty = (struct yaml){.file = c->file, .place = c->place, .line = 1};
	return empty;
}

const struct yaml *yaml_read(struct arena *arena, const char *text, size_t length, const char *file,
	const char *place, struct complaints *complaints)
{
	yaml_parser_t parser;
	yaml_document_t document;
	const struct yaml *root = NULL;
	if (!yaml_parser_initialize(&parser)) {
		complaint_error(complaints, file, 0, NULL, "out of memory");
		return NULL;
	}
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, length);
	if (yaml_parser_load(&parser, &document)) {
		struct converting c = {arena, complaints, file, place, &document, NULL, NULL};
		root = convert_document(&c);
		yaml_document_delete(&document);
	} else {
		complain_parse(&parser, file, complaints);
	}
	yaml_parser_delete(&parser);
	return root;
}

const struct yaml *yaml_get(const struct yaml *map, const char *key)
{
	for (size_t i = 0; map && map->kind == YAML_MAP && i < map->count; i++)
		if (!strcmp(map->pairs[i].key, key))
			return map->pairs[i].value;
	return NULL;
}

const char *yaml_text(const struct yaml *node)
{
	return node && node->kind == YAML_TEXT ? node->text : NULL;
}

bool yaml_is_true(const struct yaml *node)
{
	const char *text = yaml_text(node);
	return text && (!strcasecmp(text, "true") || !strcasecmp(text, "yes") || !strcasecmp(text, "on"));
}
