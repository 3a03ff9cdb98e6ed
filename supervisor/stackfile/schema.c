#include "stackfile/schema.h"

#include <string.h>

#include "base/nearest.h"

static size_t stem_of(const char *name)
{
	const char *dot = strrchr(name, '.');
	if (!dot || (strcmp(dot, ".NAME") != 0 && strcmp(dot, ".PORT") != 0))
		return 0;
	return (size_t)(dot + 1 - name);
}

#define KEY(id_, section_, name_, type_, when_, fallback_, limits_, summary_, example_)            \
	{.id = KEY_##id_, .section = SECTION_##section_, .name = (name_), .type = VALUE_##type_,   \
		.when = KEY_##when_, .fallback = (fallback_), .limits = (limits_),                 \
		.summary = (summary_), .example = (example_)},
static const struct key rows[KEY_COUNT] = {
#include "stackfile/keys.def"
};
#undef KEY

static struct key keys[KEY_COUNT];

/* Stems are found once; the table itself cannot compute them. */
static const struct key *table(void)
{
	if (!keys[0].name) {
		for (size_t i = KEY_COUNT; i-- > 0;) {
			struct key key = rows[i];
			key.stem = stem_of(key.name);
			keys[i] = key;
		}
	}
	return keys;
}

static enum section_kind family(enum section_kind kind)
{
	return kind == SECTION_DEFAULTS ? SECTION_SERVICE : kind;
}

const struct key *schema_key(enum key_id id)
{
	return &table()[id];
}

const struct key *schema_find(enum section_kind kind, const char *name, const char **rest)
{
	const struct key *all = table();
	for (size_t i = 0; i < KEY_COUNT; i++) {
		const struct key *key = &all[i];
		if (key->section != family(kind))
			continue;
		bool matches = key->stem ? !strncmp(name, key->name, key->stem) && name[key->stem]
					 : !strcmp(name, key->name);
		if (!matches)
			continue;
		if (rest)
			*rest = key->stem ? name + key->stem : "";
		return key;
	}
	return NULL;
}

const char *schema_form(enum value_type type)
{
	static const char *const forms[] = {
#define X(name, form) [VALUE_##name] = form,
		VALUE_TYPES(X)
#undef X
	};
	return forms[type];
}

/* "env" or "env." for "env.NAME". */
static bool is_stem(const struct key *key, const char *name)
{
	size_t length = strlen(name);
	return key->stem && !strncmp(name, key->name, length) &&
		(length == key->stem || length + 1 == key->stem);
}

const char *schema_nearest(enum section_kind kind, const char *name)
{
	struct nearest near = {.wanted = name};
	const struct key *all = table();
	for (size_t i = 0; i < KEY_COUNT; i++) {
		if (all[i].section != family(kind))
			continue;
		if (is_stem(&all[i], name))
			return all[i].name;
		nearest_offer(&near, all[i].name);
	}
	return near.best;
}

const char *section_kind_word(enum section_kind kind)
{
	static const char *const words[] = {
#define X(name, word) [name] = word,
		SECTION_KINDS(X)
#undef X
		[SECTION_KIND_COUNT] = "",
	};
	return words[kind];
}

const char *schema_elsewhere(enum section_kind kind, const char *name)
{
	for (enum section_kind other = 0; other < SECTION_KIND_COUNT; other++)
		if (family(other) != family(kind) && schema_find(other, name, NULL))
			return section_kind_word(family(other));
	return "";
}
