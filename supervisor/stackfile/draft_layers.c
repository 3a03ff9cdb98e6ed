/*
 * Which entry of which section counts. A service's keys come, lowest first, from [defaults], the
 * env.NAME of [environment ENV], the template of X, [service X], [service X @ENV], and the env.NAME of [instance N].
 */
#include <string.h>

#include "base/nearest.h"
#include "model/names.h"
#include "stackfile/draft_inside.h"

void draft_find_services(struct draft *draft)
{
	const struct document *document = draft->document;
	draft->places.arena = draft->arena;
	size_t most = document->section_count;
	draft->services = arena_take(draft->arena, most * sizeof *draft->services);
	draft->names = arena_take(draft->arena, (most + 1) * sizeof *draft->names);
	for (size_t i = 0; i < most; i++) {
		const struct section *section = &document->sections[i];
		if (section->kind != SECTION_SERVICE || section->environment ||
			lookup_find(&draft->places, section->name))
			continue;
		int index = draft->service_count++;
		struct draft_service *service = &draft->services[index];
		service->name = section->name;
		service->section = section;
		service->main_port = NO_PORT;
		draft->names[index] = section->name;
		lookup_add(&draft->places, section->name, (size_t)index);
	}
}

static const struct entry *literal(const struct draft *draft, const struct section *section,
	enum key_id id, struct complaints *complaints)
{
	const struct key *key = schema_key(id);
	const struct entry *entry = section ? section_entry(section, key->name) : NULL;
	if (!entry)
		return NULL;
	struct site site = draft_site(draft, draft->arena, key, entry, complaints);
	return value_accepts(&site, entry->value) ? entry : NULL;
}

/* Environments that a file need not mention. */
static const char *const usual[] = {"development", "test", "staging", "production"};

static bool offer_environments(const struct draft *draft, const char *wanted, struct nearest *near)
{
	bool found = false;
	for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++) {
		found = found || !strcmp(usual[i], wanted);
		nearest_offer(near, usual[i]);
	}
	for (size_t i = 0; i < draft->document->section_count; i++) {
		const struct section *section = &draft->document->sections[i];
		const char *name = section->kind == SECTION_ENVIRONMENT ? section->name
								       : section->environment;
		if (!name)
			continue;
		found = found || !strcmp(name, wanted);
		nearest_offer(near, name);
	}
	return found;
}

/* Only --env is checked: a file may name its own environment without saying more about it. */
static void check_asked(
	const struct draft *draft, const char *wanted, struct complaints *complaints)
{
	struct nearest near = {.wanted = wanted};
	if (offer_environments(draft, wanted, &near))
		return;
	complaint_error(complaints, draft->document->label, 0, NULL,
		"it says nothing about an environment '%s'", wanted);
	if (near.best)
		complaint_hint(complaints, "did you mean '%s'?", near.best);
	else
		complaint_hint(complaints, "write [environment %s]", wanted);
}

void draft_choose_environment(struct draft *draft, struct complaints *complaints)
{
	const struct document *document = draft->document;
	if (draft->request.instance) {
		const char *number = arena_format(draft->arena, "%d", draft->request.instance);
		draft->instance = document_section(document, SECTION_INSTANCE, number);
	}
	const struct section *stack = document_section(document, SECTION_STACK, "");
	const struct entry *of_stack = literal(draft, stack, KEY_STACK_ENVIRONMENT, complaints);
	const struct entry *of_instance =
		literal(draft, draft->instance, KEY_INSTANCE_ENVIRONMENT, complaints);
	const char *environment = schema_key(KEY_STACK_ENVIRONMENT)->fallback;
	if (of_stack)
		environment = of_stack->value;
	if (of_instance)
		environment = of_instance->value;
	if (draft->request.environment) {
		environment = arena_string(draft->arena, draft->request.environment);
		check_asked(draft, environment, complaints);
	}
	draft->head.environment = environment;
	draft->environment = document_section(document, SECTION_ENVIRONMENT, environment);
}

static void set_member(struct draft *draft, struct members *members, struct member member)
{
	members->places.arena = draft->arena;
	size_t *place = lookup_find(&members->places, member.name);
	if (place) {
		members->items[*place] = member;
		return;
	}
	lookup_add(&members->places, member.name, members->count);
	*arena_append(draft->arena, members->items, members->count) = member;
}

static __attribute__((nonnull)) struct members *family(
	struct draft_service *service, enum key_id id)
{
	if (id == KEY_ENV_NAME || id == KEY_ENVIRONMENT_ENV_NAME || id == KEY_INSTANCE_ENV_NAME)
		return &service->env;
	if (id == KEY_PORT_NAME)
		return &service->ports;
	if (id == KEY_EXPORT_NAME)
		return &service->exports;
	return id == KEY_HEALTH_HEADER_NAME ? &service->headers : NULL;
}

/* `slot` and `port` exclude each other: the one of the higher section counts. */
static void choose_port(struct draft *draft, struct draft_service *service,
	const struct section *section, struct complaints *complaints)
{
	const struct entry *slot = section_entry(section, "slot");
	const struct entry *port = section_entry(section, "port");
	if (slot && port) {
		const struct entry *later = slot->line > port->line ? slot : port;
		complaint_error(complaints, draft->document->label, later->line, later->key,
			"[%s] has both a slot and a port", section->header);
		complaint_hint(complaints, "keep one of them, or make it port.NAME");
	}
	if (slot)
		service->values[KEY_PORT] = NULL;
	else if (port)
		service->values[KEY_SLOT] = NULL;
}

static void merge_section(struct draft *draft, struct draft_service *service,
	const struct section *section, struct complaints *complaints)
{
	if (!section)
		return;
	for (size_t i = 0; i < section->entry_count; i++) {
		const struct entry *entry = &section->entries[i];
		const char *rest;
		const struct key *key = schema_find(section->kind, entry->key, &rest);
		struct members *members = key ? family(service, key->id) : NULL;
		if (members)
			set_member(draft, members, (struct member){rest, entry, key});
		else if (key && key->section == SECTION_SERVICE)
			service->values[key->id] = entry;
	}
	if (section->kind == SECTION_SERVICE || section->kind == SECTION_DEFAULTS)
		choose_port(draft, service, section, complaints);
}

/* A task of a template works for its service: in its directory, as its user, with its variables. */
static bool is_shared(enum key_id id)
{
	return id == KEY_ENV_NAME || id == KEY_ENV_FILE || id == KEY_PROFILE || id == KEY_DIR || id == KEY_USER;
}

static void merge_shared(struct draft *draft, struct draft_service *service, const struct section *section)
{
	for (size_t i = 0; section && i < section->entry_count; i++) {
		const struct entry *entry = &section->entries[i];
		const char *rest;
		const struct key *key = schema_find(section->kind, entry->key, &rest);
		if (key && is_shared(key->id) && key->id == KEY_ENV_NAME)
			set_member(draft, &service->env, (struct member){rest, entry, key});
		else if (key && is_shared(key->id))
			service->values[key->id] = entry;
	}
}

/* What a template depends on is needed whatever else the service depends on. */
static void join_dependencies(struct draft *draft, struct draft_service *service)
{
	const struct entry *base = service->base ? section_entry(service->base, "depends_on") : NULL;
	const struct entry *own = service->values[KEY_DEPENDS_ON];
	if (!base || base == own)
		return;
	struct entry *both = arena_copy(draft->arena, own, sizeof *own);
	both->value = arena_format(draft->arena, "%s, %s", base->value, own->value);
	service->values[KEY_DEPENDS_ON] = both;
}

/* The overlays of the environment that counts, handed to their services. */
static void find_overlays(struct draft *draft)
{
	for (size_t i = 0; i < draft->document->section_count; i++) {
		const struct section *section = &draft->document->sections[i];
		if (section->kind != SECTION_SERVICE || !section->environment ||
			strcmp(section->environment, draft->head.environment) != 0)
			continue;
		size_t *place = lookup_find(&draft->places, section->name);
		if (place)
			draft->services[*place].overlay = section;
	}
}

static void merge_stack(struct draft *draft, const struct section *section)
{
	for (size_t i = 0; section && i < section->entry_count; i++) {
		const struct entry *entry = &section->entries[i];
		const struct key *key = schema_find(section->kind, entry->key, NULL);
		if (key && !key->stem)
			draft->stack[key->id] = entry;
	}
}

static void merge_command_env(struct draft *draft, const struct section *section)
{
	for (size_t i = 0; section && i < section->entry_count; i++) {
		const struct entry *entry = &section->entries[i];
		const char *rest;
		const struct key *key = schema_find(section->kind, entry->key, &rest);
		if (key && (key->id == KEY_ENVIRONMENT_ENV_NAME || key->id == KEY_INSTANCE_ENV_NAME))
			set_member(draft, &draft->command_env, (struct member){rest, entry, key});
	}
}

void draft_merge(struct draft *draft, struct complaints *complaints)
{
	const struct document *document = draft->document;
	merge_stack(draft, document_section(document, SECTION_STACK, ""));
	merge_stack(draft, document_section(document, SECTION_PORTS, ""));
	merge_command_env(draft, draft->environment);
	merge_command_env(draft, draft->instance);
	find_overlays(draft);
	draft->defaults = document_section(document, SECTION_DEFAULTS, "");
	for (int i = 0; i < draft->service_count; i++) {
		struct draft_service *service = &draft->services[i];
		merge_section(draft, service, draft->defaults, complaints);
		merge_section(draft, service, draft->environment, complaints);
		merge_section(draft, service, service->base, complaints);
		if (service->host) {
			merge_shared(draft, service, service->host->section);
			merge_shared(draft, service, service->host->overlay);
		}
		merge_section(draft, service, service->section, complaints);
		merge_section(draft, service, service->overlay, complaints);
		merge_section(draft, service, draft->instance, complaints);
		join_dependencies(draft, service);
	}
}
