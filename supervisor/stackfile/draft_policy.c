/*
 * What [ports] says, in the stack file and in the user's own file: ranges with names, the pool, and
 * the ports that are not for services.
 */
#include <string.h>

#include "base/nearest.h"
#include "base/number.h"
#include "model/names.h"
#include "model/ranges.h"
#include "stackfile/draft_inside.h"
#include "stackfile/user_file.h"

struct reading {
	struct draft *draft;
	struct complaints *complaints;
};

static struct site site_of(const struct reading *r, enum key_id id, const struct entry *entry)
{
	struct draft *draft = r->draft;
	return draft_site(draft, draft->arena, schema_key(id), entry, r->complaints);
}

static void add_range(struct reading *r, enum key_id id, const struct entry *entry,
	const char *name)
{
	struct draft *draft = r->draft;
	const char *text = draft_early(draft, -1, schema_key(id), entry, r->complaints);
	struct site site = site_of(r, id, entry);
	struct named_range range = {.name = name, .aliases = "", .text = ""};
	if (text && value_port_range(&site, text, &range.low, &range.high))
		*arena_append(draft->arena, draft->ranges, draft->range_count) = range;
}

/* The stack file is read first, and what it says stays. */
static void take_range(struct reading *r, enum key_id id, const struct entry *entry,
	struct named_range *out)
{
	const char *text = draft_early(r->draft, -1, schema_key(id), entry, r->complaints);
	struct site site = site_of(r, id, entry);
	struct named_range range = {.name = schema_key(id)->name};
	if (text && value_port_range(&site, text, &range.low, &range.high) && !out->low)
		*out = range;
}

static void add_reserve(struct reading *r, enum key_id id, const struct entry *entry,
	const char *port)
{
	struct draft *draft = r->draft;
	const char *text = draft_early(draft, -1, schema_key(id), entry, r->complaints);
	if (!text)
		return;
	*arena_append(draft->arena, draft->reserves, draft->reserve_count) =
		(struct pair){port, text, draft_origin(draft, draft->arena, entry)};
}

static void add_protects(struct reading *r, enum key_id id, const struct entry *entry)
{
	struct draft *draft = r->draft;
	const char *text = draft_early(draft, -1, schema_key(id), entry, r->complaints);
	struct site site = site_of(r, id, entry);
	struct words ports;
	if (!text || !value_port_list(&site, text, &ports))
		return;
	for (size_t i = 0; i < ports.count; i++) {
		int64_t number = 0;
		number_parse(ports.items[i], 1, 65535, &number);
		*arena_append(draft->arena, draft->protects, draft->protect_count) =
			(uint16_t)number;
	}
}

/* It was wanted before the draft (user_file.h); here it is only judged. */
static void check_base(struct reading *r, const struct entry *entry)
{
	const struct document *document = r->draft->document;
	struct site site = site_of(r, KEY_PORTS_BASE, entry);
	int64_t base;
	if (document->is_users) {
		value_number(&site, entry->value, &base);
		return;
	}
	complaint_error(r->complaints, document->label, entry->line, entry->key,
		"where the ports begin is the same for all projects");
	complaint_hint(r->complaints, "write it into [ports] of ~/.config/stackup/config.ini");
}

static void read_section(struct reading *r)
{
	const struct section *section = document_section(r->draft->document, SECTION_PORTS, "");
	for (size_t i = 0; section && i < section->entry_count; i++) {
		const struct entry *entry = &section->entries[i];
		const char *rest;
		const struct key *key = schema_find(SECTION_PORTS, entry->key, &rest);
		if (!key)
			continue;
		if (key->id == KEY_PORTS_BASE)
			check_base(r, entry);
		else if (key->id == KEY_PORTS_RANGE_NAME)
			add_range(r, key->id, entry, rest);
		else if (key->id == KEY_PORTS_RESERVE_PORT)
			add_reserve(r, key->id, entry, rest);
		else if (key->id == KEY_PORTS_PROTECT)
			add_protects(r, key->id, entry);
		else if (key->id == KEY_PORTS_POOL)
			take_range(r, key->id, entry, &r->draft->pool);
		else if (key->id == KEY_PORTS_EMERGENCY)
			take_range(r, key->id, entry, &r->draft->emergency);
	}
}

/* ---- the user's own file ---- */

static void refuse_sections(const struct reading *r, const struct document *document)
{
	for (size_t i = 0; i < document->section_count; i++) {
		const struct section *section = &document->sections[i];
		if (section->kind == SECTION_PORTS || section->kind == SECTION_REGISTRY)
			continue;
		complaint_error(r->complaints, document->label, section->line, NULL,
			"[%s] does not belong into the user's own file", section->header);
		complaint_hint(r->complaints,
			"write it into the stack file; here is place for [ports] and [registry]");
	}
}

/* Read by who tidies (user_file.h); here it is only judged. */
static void check_registry(const struct reading *r)
{
	const struct document *document = r->draft->document;
	const struct section *section = document_section(document, SECTION_REGISTRY, "");
	for (size_t i = 0; section && document->is_users && i < section->entry_count; i++) {
		const struct entry *entry = &section->entries[i];
		const char *rest;
		const struct key *key = schema_find(SECTION_REGISTRY, entry->key, &rest);
		struct site site = key ? site_of(r, key->id, entry) : (struct site){0};
		int64_t days;
		if (key)
			value_number(&site, entry->value, &days);
	}
	if (!section || document->is_users)
		return;
	complaint_error(r->complaints, document->label, section->line, NULL,
		"[registry] is the same for all projects");
	complaint_hint(r->complaints, "write it into ~/.config/stackup/config.ini");
}

static void find_user_file(struct reading *r)
{
	struct draft *draft = r->draft;
	if (draft->request.past) {
		draft->user = draft->request.past->user;
		return;
	}
	const char *path = user_file_path(draft->arena, draft_caller(draft, "XDG_CONFIG_HOME"),
		draft_caller(draft, "HOME"));
	if (path)
		draft->own_user = document_read_users(path, r->complaints);
	draft->user = draft->own_user;
}

/* [ports] of ~/.config/stackup/config.ini holds for all projects; the stack file's ranges come first. */
static void read_user_file(struct reading *r)
{
	struct draft *draft = r->draft;
	const struct document *of_stack = draft->document;
	find_user_file(r);
	if (!draft->user)
		return;
	refuse_sections(r, draft->user);
	/* Complaints and origins name the file an entry is in. */
	draft->document = draft->user;
	draft_check_keys(draft, r->complaints);
	read_section(r);
	check_registry(r);
	draft->document = of_stack;
}

static void list_avoided(struct draft *draft)
{
	for (size_t i = 0; i < draft->protect_count; i++)
		*arena_append(draft->arena, draft->avoided, draft->avoided_count) =
			draft->protects[i];
	for (size_t i = 0; i < draft->reserve_count; i++) {
		int64_t number = 0;
		number_parse(draft->reserves[i].name, 1, 65535, &number);
		*arena_append(draft->arena, draft->avoided, draft->avoided_count) =
			(uint16_t)number;
	}
}

void draft_read_policy(struct draft *draft, struct complaints *complaints)
{
	struct reading r = {.draft = draft, .complaints = complaints};
	read_section(&r);
	check_registry(&r);
	read_user_file(&r);
	if (!draft->emergency.low)
		take_range(&r, KEY_PORTS_EMERGENCY, NULL, &draft->emergency);
	list_avoided(draft);
}

/* ---- ranges by name ---- */

static const struct named_range *own_range(const struct draft *draft, const char *name)
{
	for (size_t i = 0; i < draft->range_count; i++)
		if (!strcmp(draft->ranges[i].name, name))
			return &draft->ranges[i];
	return NULL;
}

const struct named_range *draft_range(const struct draft *draft, const char *name)
{
	const struct named_range *own = own_range(draft, name);
	const struct named_range *type = own ? NULL : type_range_find(name);
	if (type && (own = own_range(draft, type->name)))
		return own;
	return own ? own : type;
}

const struct named_range *draft_ranges(const struct draft *draft, size_t *count)
{
	*count = draft->range_count;
	return draft->ranges;
}

struct named_range draft_pool(const struct draft *draft)
{
	return draft->pool;
}

const char *draft_nearest_range(const struct draft *draft, const char *name)
{
	struct nearest near = {.wanted = name};
	for (size_t i = 0; i < draft->range_count; i++)
		nearest_offer(&near, draft->ranges[i].name);
	for (size_t i = 0; i < TYPE_RANGES; i++)
		nearest_offer(&near, type_ranges[i].name);
	return near.best;
}
