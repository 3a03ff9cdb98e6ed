#include <string.h>

#include "adopt/compose_inside.h"
#include "model/names.h"

/* Lists that a later layer replaces; all others it lengthens. */
static const char replaced[] = "command entrypoint test";
/* Lists of "NAME=VALUE" or of names that stand for maps. */
static const char maps[] = "environment labels annotations depends_on extra_hosts sysctls args storage_opt networks";

static const struct yaml *new_text(struct arena *arena, const struct yaml *from, const char *text)
{
	struct yaml *node = arena_copy(arena, from, sizeof *from);
	node->text = text;
	node->kind = text ? YAML_TEXT : YAML_NOTHING;
	return node;
}

static const struct yaml *started(struct arena *arena, const struct yaml *item)
{
	struct yaml *map = arena_copy(arena, item, sizeof *item);
	map->kind = YAML_MAP;
	map->pairs = NULL;
	map->count = 0;
	*arena_append(arena, map->pairs, map->count) =
		(struct yaml_pair){"condition", new_text(arena, item, ""), item->line};
	return map;
}

static struct yaml_pair pair_of(struct arena *arena, const struct yaml *item, const char *key)
{
	if (!strcmp(key, "depends_on"))
		return (struct yaml_pair){item->text, started(arena, item), item->line};
	const char *equals = strchr(item->text, '=');
	if (!equals && !strcmp(key, "extra_hosts"))
		equals = strchr(item->text, ':');
	const char *name = equals ? arena_string_n(arena, item->text, (size_t)(equals - item->text)) : item->text;
	return (struct yaml_pair){name, new_text(arena, item, equals ? equals + 1 : NULL), item->line};
}

const struct yaml *compose_map(struct arena *arena, const struct yaml *list, const char *key)
{
	if (!list || list->kind != YAML_LIST)
		return list;
	struct yaml *map = arena_copy(arena, list, sizeof *list);
	map->kind = YAML_MAP;
	map->pairs = NULL;
	map->count = 0;
	for (size_t i = 0; i < list->count; i++)
		if (yaml_text(list->pairs[i].value))
			*arena_append(arena, map->pairs, map->count) = pair_of(arena, list->pairs[i].value, key);
	return map;
}

/* Volumes are the same where they end at the same path; all else where it is the same text. */
static bool is_same(const struct yaml *a, const struct yaml *b, const char *key)
{
	const char *x = yaml_text(a), *y = yaml_text(b);
	if (!x || !y)
		return a == b;
	if (!strcmp(key, "volumes") && strchr(x, ':') && strchr(y, ':')) {
		x = strchr(x, ':');
		y = strchr(y, ':');
	}
	return !strcmp(x, y);
}

static const struct yaml *merge_lists(struct arena *arena, const struct yaml *base, const struct yaml *over,
	const char *key)
{
	struct yaml *list = arena_copy(arena, over, sizeof *over);
	list->pairs = NULL;
	list->count = 0;
	for (size_t i = 0; i < base->count; i++) {
		bool again = false;
		for (size_t k = 0; k < over->count; k++)
			again = again || is_same(base->pairs[i].value, over->pairs[k].value, key);
		if (!again)
			*arena_append(arena, list->pairs, list->count) = base->pairs[i];
	}
	for (size_t i = 0; i < over->count; i++)
		*arena_append(arena, list->pairs, list->count) = over->pairs[i];
	return list;
}

static const struct yaml *merge_maps(struct arena *arena, const struct yaml *base, const struct yaml *over)
{
	struct yaml *map = arena_copy(arena, over, sizeof *over);
	map->pairs = NULL;
	map->count = 0;
	for (size_t i = 0; i < base->count; i++) {
		struct yaml_pair pair = base->pairs[i];
		pair.value = compose_merge(arena, pair.value, yaml_get(over, pair.key), pair.key);
		if (pair.value)
			*arena_append(arena, map->pairs, map->count) = pair;
	}
	for (size_t i = 0; i < over->count; i++) {
		struct yaml_pair pair = over->pairs[i];
		pair.value = compose_merge(arena, NULL, pair.value, pair.key);
		if (!yaml_get(base, pair.key) && pair.value)
			*arena_append(arena, map->pairs, map->count) = pair;
	}
	return map;
}

const struct yaml *compose_merge(struct arena *arena, const struct yaml *base, const struct yaml *over,
	const char *key)
{
	if (over && over->tag && !strcmp(over->tag, "!reset"))
		return NULL;
	if (!base || !over || (over->tag && !strcmp(over->tag, "!override")))
		return over ? over : base;
	if (base->kind != over->kind && name_is_among(maps, key)) {
		base = compose_map(arena, base, key);
		over = compose_map(arena, over, key);
	}
	if (base->kind == YAML_MAP && over->kind == YAML_MAP)
		return merge_maps(arena, base, over);
	if (base->kind == YAML_LIST && over->kind == YAML_LIST && name_is_among(maps, key))
		return merge_maps(arena, compose_map(arena, base, key), compose_map(arena, over, key));
	if (base->kind == YAML_LIST && over->kind == YAML_LIST && !name_is_among(replaced, key))
		return merge_lists(arena, base, over, key);
	return over;
}
