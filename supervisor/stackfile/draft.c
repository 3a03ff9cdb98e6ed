#include "stackfile/draft.h"

#include <string.h>

#include "base/nearest.h"
#include "model/names.h"
#include "stackfile/draft_inside.h"
#include "stackfile/scope.h"

struct site draft_site(const struct draft *draft, struct arena *arena, const struct key *key,
	const struct entry *entry, struct complaints *complaints)
{
	return (struct site){
		.arena = arena,
		.complaints = complaints,
		.file = draft->document->label,
		.line = entry ? entry->line : 0,
		.key = entry ? entry->key : key->name,
		.row = key,
		.slots = draft->slots,
	};
}

const char *draft_path(const struct draft *draft, struct arena *arena, const char *path)
{
	if (*path == '/')
		return arena_string(arena, path);
	while (!strncmp(path, "./", 2))
		path += 2;
	if (!*path || !strcmp(path, "."))
		return arena_string(arena, draft->head.dir);
	bool at_root = !strcmp(draft->head.dir, "/");
	return arena_format(arena, "%s/%s", at_root ? "" : draft->head.dir, path);
}

bool draft_is_default(const struct draft *draft, const struct entry *entry)
{
	const struct section *defaults = draft->defaults;
	return defaults && defaults->entry_count && entry >= defaults->entries &&
		entry < defaults->entries + defaults->entry_count;
}

const char *draft_origin(const struct draft *draft, struct arena *arena, const struct entry *entry)
{
	return arena_format(arena, "%s:%d", draft->document->label, entry->line);
}

const char *draft_caller(const struct draft *draft, const char *name)
{
	const size_t *place = lookup_find(&draft->caller, name);
	return place ? draft->caller_env[*place] + strlen(name) + 1 : NULL;
}

const char *draft_early(struct draft *draft, int service, const struct key *key,
	const struct entry *entry, struct complaints *complaints)
{
	if (!entry)
		return key->fallback;
	struct site site = draft_site(draft, draft->arena, key, entry, complaints);
	struct scope_shared shared = {
		.arena = draft->arena, .draft = draft, .complaints = complaints};
	return scope_fill(&shared, service, &site, entry->value);
}

/* The first of two equal names counts, as getenv() has it. */
static void copy_environment(struct draft *draft)
{
	const char *const *all = draft->request.caller_env;
	struct arena *arena = draft->arena;
	size_t count = 0;
	const char **copy = NULL;
	draft->caller.arena = arena;
	for (; all && *all; all++) {
		const char *equals = strchr(*all, '=');
		if (!equals || equals == *all)
			continue;
		const char *name = arena_string_n(arena, *all, (size_t)(equals - *all));
		if (lookup_find(&draft->caller, name))
			continue;
		lookup_add(&draft->caller, name, count);
		*arena_append(arena, copy, count) = arena_string(arena, *all);
	}
	*arena_append(arena, copy, count) = NULL;
	draft->caller_env = copy;
}

static int64_t literal_number(struct draft *draft, enum key_id id, int64_t fallback,
	struct complaints *complaints)
{
	const struct key *key = schema_key(id);
	const struct entry *entry = draft->stack[id];
	int64_t number = fallback;
	struct site site = draft_site(draft, draft->arena, key, entry, complaints);
	if (entry)
		value_number(&site, entry->value, &number);
	return number;
}

static const char *early_text(struct draft *draft, enum key_id id, struct complaints *complaints)
{
	const struct entry *entry = draft->stack[id];
	return entry ? draft_early(draft, -1, schema_key(id), entry, complaints) : NULL;
}

static void fill_name(struct draft *draft, struct complaints *complaints)
{
	const char *fallback = draft->request.default_name;
	const struct entry *entry = draft->stack[KEY_STACK_NAME];
	struct site site =
		draft_site(draft, draft->arena, schema_key(KEY_STACK_NAME), entry, complaints);
	draft->head.name = arena_string(draft->arena, fallback ? fallback : "stack");
	if (entry && value_accepts(&site, entry->value))
		draft->head.name = entry->value;
}

/* Its ports must be ports, and the emergency ports stay free. */
static void check_block(struct draft *draft, struct complaints *complaints)
{
	int base = draft->request.ports_base ? draft->request.ports_base : PORTS_BASE;
	int first = base + BLOCK_PORTS * draft->head.block;
	int last = first + BLOCK_PORTS - 1;
	bool emergency = last >= EMERGENCY_LOW && first <= EMERGENCY_HIGH;
	if (draft->head.block < 0 || (!emergency && last <= UINT16_MAX))
		return;
	const struct entry *entry = draft->stack[KEY_STACK_BLOCK];
	complaint_error(complaints, draft->document->label, entry->line, entry->key,
		"block %d is ports %d to %d, %s", draft->head.block, first, last,
		emergency ? "which are emergency ports" : "and the last port is 65535");
	complaint_hint(complaints, "take another block, or remove the key for the lowest free one");
}

static void fill_head(struct draft *draft, struct complaints *complaints)
{
	struct stack *head = &draft->head;
	fill_name(draft, complaints);
	head->block = (int)literal_number(draft, KEY_STACK_BLOCK, -1, complaints);
	head->spans = (int)literal_number(draft, KEY_STACK_INSTANCES, 1, complaints);
	draft->slots = SLOTS * head->spans;
	check_block(draft, complaints);
}

static void fill_strategy(struct draft *draft, struct complaints *complaints)
{
	const struct key *key = schema_key(KEY_STACK_STRATEGY);
	const struct entry *entry = draft->stack[KEY_STACK_STRATEGY];
	const char *text = draft_early(draft, -1, key, entry, complaints);
	struct site site = draft_site(draft, draft->arena, key, entry, complaints);
	int index = STRATEGY_INTELLIGENT;
	if (text)
		value_choice(&site, text, &index);
	draft->head.strategy = (enum port_strategy)index;
}

static void fill_texts(struct draft *draft, struct complaints *complaints)
{
	struct stack *head = &draft->head;
	fill_strategy(draft, complaints);
	head->description = early_text(draft, KEY_STACK_DESCRIPTION, complaints);
	head->owner = early_text(draft, KEY_STACK_OWNER, complaints);
	const struct entry *purpose =
		draft->instance ? section_entry(draft->instance, "purpose") : NULL;
	if (purpose)
		head->purpose = draft_early(draft, -1, schema_key(KEY_INSTANCE_PURPOSE), purpose,
			complaints);
}

static bool asked_for(const struct draft *draft, const char *profile)
{
	for (size_t i = 0; i < draft->request.profile_count; i++)
		if (!strcmp(draft->request.profiles[i], profile))
			return true;
	return false;
}

static void find_profiles(struct draft *draft, int index, struct complaints *complaints)
{
	struct draft_service *service = &draft->services[index];
	const struct key *key = schema_key(KEY_PROFILE);
	const struct entry *entry = service->values[KEY_PROFILE];
	const char *text = entry ? draft_early(draft, index, key, entry, complaints) : NULL;
	struct site site = draft_site(draft, draft->arena, key, entry, complaints);
	if (text)
		value_names(&site, text, &service->profiles);
	service->enabled = service->profiles.count == 0;
	for (size_t i = 0; i < service->profiles.count; i++)
		service->enabled = service->enabled || asked_for(draft, service->profiles.items[i]);
}

/* A profile that nobody has is a typo. */
static void check_profiles(struct draft *draft, struct complaints *complaints)
{
	for (size_t p = 0; p < draft->request.profile_count; p++) {
		struct nearest near = {.wanted = draft->request.profiles[p]};
		for (int i = 0; i < draft->service_count; i++)
			for (size_t k = 0; k < draft->services[i].profiles.count; k++)
				nearest_offer(&near, draft->services[i].profiles.items[k]);
		if (near.best && !strcmp(near.best, near.wanted))
			continue;
		complaint_error(complaints, draft->document->label, 0, NULL,
			"no service has the profile '%s'", near.wanted);
		if (near.best)
			complaint_hint(complaints, "did you mean '%s'?", near.best);
		else
			complaint_hint(complaints, "write 'profile = %s' below a service",
				near.wanted);
	}
}

static void make(struct draft *draft, struct complaints *complaints)
{
	draft_check_keys(draft, complaints);
	draft_find_services(draft);
	draft_use_templates(draft, complaints);
	draft_choose_environment(draft, complaints);
	draft_merge(draft, complaints);
	copy_environment(draft);
	fill_head(draft, complaints);
	draft_check_overlays(draft, complaints);
	draft_read_env_files(draft, complaints);
	fill_texts(draft, complaints);
	for (int i = 0; i < draft->service_count; i++)
		find_profiles(draft, i, complaints);
	check_profiles(draft, complaints);
	draft_read_policy(draft, complaints);
	if (draft->document->is_procfile)
		draft_want_procfile(draft, complaints);
	else
		draft_want_ports(draft, complaints);
}

struct draft *draft_new(const struct stackfile_request *request, struct complaints *complaints)
{
	struct arena *arena = arena_new();
	if (!arena || setjmp(*arena_on_failure(arena))) {
		arena_free(arena);
		complaint_error(complaints, request->document->label, 0, NULL, "out of memory");
		return NULL;
	}
	struct draft *draft = arena_new_object(arena, struct draft);
	const struct document *document = request->document;
	draft->arena = arena;
	draft->document = document;
	draft->request = *request;
	draft->slots = SLOTS;
	draft->head.arena = arena;
	draft->head.file = document->file;
	draft->head.dir = document->dir;
	draft->head.main_dir =
		arena_string(arena, request->main_dir ? request->main_dir : document->dir);
	draft->head.is_procfile = document->is_procfile;
	draft->head.instance = request->instance;
	make(draft, complaints);
	draft->request = (struct stackfile_request){.document = document};
	return draft;
}

void draft_free(struct draft *draft)
{
	if (!draft)
		return;
	document_free(draft->own_user);
	for (size_t i = 0; i < draft->template_count; i++)
		document_free(draft->templates[i]);
	arena_free(draft->arena);
}

const struct stack *draft_head(const struct draft *draft)
{
	return &draft->head;
}

const struct port *draft_ports(const struct draft *draft, int *count)
{
	*count = draft->port_count;
	return draft->ports;
}

bool draft_ports_clash(const struct draft *draft)
{
	return draft->ports_clash;
}

const uint16_t *draft_avoided(const struct draft *draft, size_t *count, size_t *protects)
{
	*count = draft->avoided_count;
	*protects = draft->protect_count;
	return draft->avoided;
}

void draft_emergency(const struct draft *draft, uint16_t *low, uint16_t *high)
{
	*low = draft->emergency.low;
	*high = draft->emergency.high;
}

const char *const *draft_services(const struct draft *draft, int *count)
{
	*count = draft->service_count;
	return draft->names;
}

struct draft_past draft_past(const struct draft *draft)
{
	return (struct draft_past){draft->texts, draft->text_count, draft->user};
}
