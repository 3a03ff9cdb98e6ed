#include <string.h>

#include "stackfile/command.h"
#include "stackfile/resolve_inside.h"

const struct entry *entry_of(const struct resolving *r, int service, enum key_id id)
{
	return service < 0 ? r->draft->stack[id] : r->draft->services[service].values[id];
}

const struct entry *own_entry(const struct resolving *r, int service, enum key_id id)
{
	const struct entry *entry = entry_of(r, service, id);
	return entry && !draft_is_default(r->draft, entry) ? entry : NULL;
}

struct site site_of(const struct resolving *r, int service, enum key_id id)
{
	return draft_site(
		r->draft, r->arena, schema_key(id), entry_of(r, service, id), r->complaints);
}

const char *text_of(struct resolving *r, int service, enum key_id id)
{
	const struct entry *entry = entry_of(r, service, id);
	const struct key *key = schema_key(id);
	if (!entry)
		return *key->fallback ? key->fallback : NULL;
	struct site site = site_of(r, service, id);
	return scope_fill(&r->shared, service, &site, entry->value);
}

bool boolean_of(struct resolving *r, int service, enum key_id id)
{
	const char *text = text_of(r, service, id);
	struct site site = site_of(r, service, id);
	bool value = false;
	return text && value_boolean(&site, text, &value) && value;
}

int64_t number_of(struct resolving *r, int service, enum key_id id)
{
	const char *text = text_of(r, service, id);
	struct site site = site_of(r, service, id);
	int64_t value = 0;
	if (text)
		value_number(&site, text, &value);
	return value;
}

int64_t duration_of(struct resolving *r, int service, enum key_id id)
{
	const char *text = text_of(r, service, id);
	struct site site = site_of(r, service, id);
	int64_t value = 0;
	if (text)
		value_duration(&site, text, &value);
	return value;
}

int64_t size_of(struct resolving *r, int service, enum key_id id)
{
	const char *text = text_of(r, service, id);
	struct site site = site_of(r, service, id);
	int64_t value = 0;
	if (text)
		value_size(&site, text, &value);
	return value;
}

int choice_of(struct resolving *r, int service, enum key_id id, int fallback)
{
	const char *text = text_of(r, service, id);
	struct site site = site_of(r, service, id);
	int value = fallback;
	if (text)
		value_choice(&site, text, &value);
	return value;
}

const char *path_of(struct resolving *r, int service, enum key_id id)
{
	const char *text = text_of(r, service, id);
	struct site site = site_of(r, service, id);
	if (!text || !value_accepts(&site, text))
		return NULL;
	return draft_path(r->draft, r->arena, text);
}

void command_at(struct resolving *r, int service, const struct site *site, const char *text,
	struct command *out)
{
	struct scope scope = {.shared = &r->shared, .service = service};
	struct interpolation rules = scope_rules(&scope, INTERPOLATE_COMMAND);
	bool plain = r->draft->document->is_procfile;
	struct error e = {0};
	struct command command = {0};
	if (command_make(r->arena, text, plain ? NULL : &rules, r->shell, &command, &e)) {
		scope_complain(&scope, site, &e);
		return;
	}
	*out = command;
	out->line = site->line;
	if (!scope.left.code)
		return;
	complaint_warning(site->complaints, site->file, site->line, site->key, "%s: %s", site->key,
		scope.left.text);
	complaint_hint(site->complaints, "%s", scope.left.hint);
}

const struct pair *pairs_of(struct resolving *r, int service, const struct members *members,
	size_t *count)
{
	struct pair *pairs = arena_take(r->arena, members->count * sizeof *pairs);
	*count = 0;
	for (size_t i = 0; i < members->count; i++) {
		const struct member *member = &members->items[i];
		struct site site = draft_site(r->draft, r->arena, member->key, member->entry,
			r->complaints);
		const char *value = scope_fill(&r->shared, service, &site, member->entry->value);
		if (!value)
			continue;
		pairs[(*count)++] = (struct pair){arena_string(r->arena, member->name), value,
			draft_origin(r->draft, r->arena, member->entry)};
	}
	return pairs;
}

void refuse_key(struct resolving *r, int service, enum key_id id, const char *why, const char *hint)
{
	const struct entry *entry = own_entry(r, service, id);
	if (!entry)
		return;
	complaint_error(r->complaints, r->draft->document->label, entry->line, entry->key,
		"'%s' %s", entry->key, why);
	complaint_hint(r->complaints, "%s", hint);
}
