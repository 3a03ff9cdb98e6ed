/*
 * Keys against the schema. Every section is looked at, also those that do not count this time, so
 * that a mistake in [service api @staging] is found before staging is.
 */
#include <string.h>

#include "base/nearest.h"
#include "base/number.h"
#include "model/names.h"
#include "stackfile/draft_inside.h"

struct checking {
	const struct draft *draft;
	const struct section *section;
	struct complaints *complaints;
};

#define COMPLAIN(c, entry, ...)                                                                    \
	complaint_error((c)->complaints, (c)->draft->document->label, (entry)->line, (entry)->key, \
		__VA_ARGS__)
#define NOTE(c, entry, ...)                                                                        \
	complaint_notice((c)->complaints, (c)->draft->document->label, (entry)->line, (entry)->key,    \
		__VA_ARGS__)
#define HINT(c, ...) complaint_hint((c)->complaints, __VA_ARGS__)

/* Only for complaints that are kept: a million typos are not worth a million searches. */
static void hint_key(const struct checking *c, const struct entry *entry)
{
	enum section_kind kind = c->section->kind;
	const char *near = schema_nearest(kind, entry->key);
	const char *elsewhere = schema_elsewhere(kind, entry->key);
	if (*elsewhere)
		HINT(c, "'%s' belongs under [%s%s]", entry->key, elsewhere,
			strcmp(elsewhere, "service") != 0 ? "" : " NAME");
	else if (near)
		HINT(c, "did you mean '%s'?", near);
	else
		HINT(c, "remove it; 'stackup help %s' lists the keys", section_kind_word(kind));
}

static void unknown_key(const struct checking *c, const struct entry *entry)
{
	COMPLAIN(c, entry, "unknown key '%s' in [%s]", entry->key, c->section->header);
	if (c->complaints->last_kept)
		hint_key(c, entry);
}

/* These mark the processes of an instance; leftovers are found by them. */
static bool is_marker(const char *name)
{
	static const char *const markers[] = {"STACKUP", "STACKUP_ID", "STACKUP_PROJECT",
		"STACKUP_INSTANCE", "STACKUP_SERVICE", "STACKUP_RUN"};
	for (size_t i = 0; i < sizeof markers / sizeof markers[0]; i++)
		if (!strcmp(name, markers[i]))
			return true;
	return false;
}

/* Other files of this kind leave quotes and comments out; somebody may mean them. */
static void note_literals(const struct checking *c, const struct entry *entry)
{
	const char *value = entry->value;
	size_t length = strlen(value);
	bool quoted = length > 1 && strchr("\"'", *value) && value[length - 1] == *value &&
		!memchr(value + 1, *value, length - 2);
	if (quoted) {
		NOTE(c, entry, "%s: the quotes belong to the value", entry->key);
		HINT(c, "write it without them unless they are meant");
	} else if (strstr(value, " # ") || strstr(value, " ; ")) {
		NOTE(c, entry, "%s: what looks like a comment belongs to the value", entry->key);
		HINT(c, "a comment has a line of its own");
	}
}

static void check_variable(const struct checking *c, const struct entry *entry, const char *name)
{
	if (!name_is_variable(name)) {
		COMPLAIN(c, entry, "'%s' is not the name of a variable", name);
		HINT(c, "write letters, digits and '_', no digit first");
	} else if (is_marker(name)) {
		COMPLAIN(c, entry, "%s is set by stackup itself", name);
		HINT(c, "take another name");
	} else {
		note_literals(c, entry);
	}
}

static void check_name(const struct checking *c, const struct entry *entry, const char *name)
{
	if (!strcmp(name, "main")) {
		COMPLAIN(c, entry, "'main' is the name of the service's own port");
		HINT(c, "write 'slot = ...' or 'port = ...' for it, or take another name");
	} else if (!name_is_service(name)) {
		COMPLAIN(c, entry, "'%s' is not a name", name);
		HINT(c,
			"write a lower-case letter, then lower-case letters, digits, '_' or '-', "
			"at most "
			"%d",
			NAME_MOST);
	}
}

static void check_port(const struct checking *c, const struct entry *entry, const char *text)
{
	int64_t port;
	if (number_parse(text, 1, 65535, &port))
		return;
	COMPLAIN(c, entry, "'%s' is not a port", text);
	HINT(c, "write reserve.PORT with a number 1 to 65535");
}

static bool names_variable(enum key_id id)
{
	return id == KEY_ENV_NAME || id == KEY_EXPORT_NAME || id == KEY_ENVIRONMENT_ENV_NAME ||
		id == KEY_INSTANCE_ENV_NAME;
}

static void check_entry(const struct checking *c, const struct entry *entry)
{
	const char *rest;
	const struct key *key = schema_find(c->section->kind, entry->key, &rest);
	if (!key)
		unknown_key(c, entry);
	else if (names_variable(key->id))
		check_variable(c, entry, rest);
	else if (key->id == KEY_PORT_NAME || key->id == KEY_PORTS_RANGE_NAME)
		check_name(c, entry, rest);
	else if (key->id == KEY_PORTS_RESERVE_PORT)
		check_port(c, entry, rest);
}

void draft_check_keys(const struct draft *draft, struct complaints *complaints)
{
	if (draft->document->is_procfile)
		return;
	for (size_t i = 0; i < draft->document->section_count; i++) {
		const struct section *section = &draft->document->sections[i];
		struct checking c = {draft, section, complaints};
		for (size_t k = 0; k < section->entry_count; k++)
			check_entry(&c, &section->entries[k]);
	}
}

/* Whether this section is one of those that count for this environment. */
static bool counts(const struct draft *draft, const struct section *section)
{
	if (section->kind == SECTION_ENVIRONMENT)
		return section == draft->environment;
	if (section->kind == SECTION_INSTANCE)
		return section == draft->instance;
	return !section->environment || !strcmp(section->environment, draft->head.environment);
}

static void check_service(const struct checking *c)
{
	const struct section *section = c->section;
	if (!section->environment || lookup_find(&c->draft->places, section->name))
		return;
	struct nearest near = {.wanted = section->name};
	for (int i = 0; i < c->draft->service_count; i++)
		nearest_offer(&near, c->draft->services[i].name);
	complaint_error(c->complaints, c->draft->document->label, section->line, NULL,
		"[%s] is about a service that is not there", section->header);
	if (near.best)
		HINT(c, "did you mean [service %s @%s]?", near.best, section->environment);
	else
		HINT(c, "write [service %s] first", section->name);
}

/* What holds a reference is only known when it counts. */
static void check_value(const struct checking *c, const struct entry *entry)
{
	const struct key *key = schema_find(c->section->kind, entry->key, NULL);
	if (!key || strchr(entry->value, '$'))
		return;
	struct site site =
		draft_site(c->draft, c->draft->arena, key, entry, c->complaints);
	value_accepts(&site, entry->value);
}

void draft_check_overlays(const struct draft *draft, struct complaints *complaints)
{
	for (size_t i = 0; i < draft->document->section_count; i++) {
		const struct section *section = &draft->document->sections[i];
		struct checking c = {draft, section, complaints};
		if (section->kind == SECTION_SERVICE)
			check_service(&c);
		if (counts(draft, section))
			continue;
		for (size_t k = 0; k < section->entry_count; k++)
			check_value(&c, &section->entries[k]);
	}
}
