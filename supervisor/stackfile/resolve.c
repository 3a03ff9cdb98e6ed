#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "model/names.h"
#include "stackfile/describe.h"
#include "stackfile/resolve_inside.h"

static void fill_facts(struct resolving *r)
{
	const struct stackfile_facts *facts = r->facts;
	const struct stack *head = &r->draft->head;
	struct stack *stack = r->stack;
	stack->arena = r->arena;
	stack->name = arena_string(r->arena, head->name);
	stack->file = arena_string(r->arena, head->file);
	stack->dir = arena_string(r->arena, head->dir);
	stack->main_dir = arena_string(r->arena, head->main_dir);
	stack->environment = arena_string(r->arena, head->environment);
	stack->is_procfile = head->is_procfile;
	stack->block = head->block;
	stack->spans = head->spans;
	stack->instance = facts->instance;
	stack->base_port = facts->base_port;
	stack->project = arena_string(r->arena, facts->project);
	stack->state_dir = arena_string(r->arena, facts->state_dir);
	stack->log_dir = arena_string(r->arena, facts->log_dir);
	stack->slug = arena_string(r->arena, facts->slug);
	stack->branch = arena_string(r->arena, facts->branch ? facts->branch : "");
}

static const char *copied(struct resolving *r, const char *text)
{
	return text ? arena_string(r->arena, text) : NULL;
}

/* "require.files" and the like, as names with the place where they are asked for. */
static const struct pair *required(
	struct resolving *r, enum key_id id, bool are_paths, size_t *count)
{
	*count = 0;
	const char *text = text_of(r, -1, id);
	struct site site = site_of(r, -1, id);
	if (!text || !value_accepts(&site, text))
		return NULL;
	struct words words = value_list(r->arena, text);
	struct pair *pairs = arena_take(r->arena, words.count * sizeof *pairs);
	for (size_t i = 0; i < words.count; i++) {
		const char *name = words.items[i];
		if (are_paths && *name == '?') {
			value_refuse(&site, name);
			complaint_hint(r->complaints, "a file that may be missing is not required");
			continue;
		}
		pairs[(*count)++] = (struct pair){
			are_paths ? draft_path(r->draft, r->arena, name) : name, "",
			draft_origin(r->draft, r->arena, entry_of(r, -1, id))};
	}
	return pairs;
}

static void fill_requirements(struct resolving *r)
{
	struct stack *stack = r->stack;
	const char *commands = text_of(r, -1, KEY_STACK_REQUIRE_COMMANDS);
	struct site site = site_of(r, -1, KEY_STACK_REQUIRE_COMMANDS);
	struct requirement *all = NULL;
	if (commands)
		value_requirements(&site, commands, &all, &stack->require_command_count);
	stack->require_commands = all;
	stack->require_variables = required(r, KEY_STACK_REQUIRE_VARIABLES, false,
		&stack->require_variable_count);
	stack->require_files =
		required(r, KEY_STACK_REQUIRE_FILES, true, &stack->require_file_count);
	stack->require_disk = size_of(r, -1, KEY_STACK_REQUIRE_DISK);
}

static void fill_stack(struct resolving *r)
{
	const struct stack *head = &r->draft->head;
	r->stack->description = copied(r, head->description);
	r->stack->owner = copied(r, head->owner);
	r->stack->purpose = copied(r, head->purpose);
	r->stack->strategy = head->strategy;
	r->stack->on_crash = (enum crash_rule)choice_of(r, -1, KEY_STACK_ON_CRASH, CRASH_STOP);
	r->stack->log_total = size_of(r, -1, KEY_STACK_LOG_TOTAL);
	const char *shell = text_of(r, -1, KEY_STACK_SHELL);
	struct site site = site_of(r, -1, KEY_STACK_SHELL);
	r->shell = schema_key(KEY_STACK_SHELL)->fallback;
	if (shell && value_accepts(&site, shell))
		r->shell = strchr(shell, '/') ? draft_path(r->draft, r->arena, shell) : shell;
	r->stack->shell = r->shell;
	fill_requirements(r);
}

static void fill_reserves(struct resolving *r)
{
	const struct draft *draft = r->draft;
	const char **lines = arena_take(r->arena, draft->reserve_count * sizeof *lines);
	for (size_t i = 0; i < draft->reserve_count; i++)
		lines[i] = arena_format(r->arena, "%s %s", draft->reserves[i].name,
			draft->reserves[i].value);
	r->stack->reserved = lines;
	r->stack->reserved_count = draft->reserve_count;
	r->stack->protects = arena_copy(r->arena, draft->protects,
		draft->protect_count * sizeof *draft->protects);
	r->stack->protect_count = draft->protect_count;
	draft_emergency(draft, &r->stack->emergency_low, &r->stack->emergency_high);
}

/* Which number a slot is, is known only now; that of a fixed port the draft has judged. */
static void check_reserved_slots(struct resolving *r)
{
	const struct draft *draft = r->draft;
	for (int p = 0; p < draft->port_count; p++) {
		const struct port *row = &draft->ports[p];
		for (size_t i = 0; row->source == PORT_SLOT && i < draft->reserve_count; i++) {
			const struct pair *reserve = &draft->reserves[i];
			int64_t port = 0;
			number_parse(reserve->name, 1, 65535, &port);
			if (port != r->facts->numbers[p])
				continue;
			complaint_error(r->complaints, draft->document->label, row->line, NULL,
				"service '%s' has port %u by its slot, which is reserved (%s): %s",
				row->service, (unsigned)port, reserve->origin, reserve->value);
			complaint_hint(r->complaints, "take another slot, or 'slot = auto'");
		}
	}
}

static void add_variable(struct resolving *r, struct pair *pairs, size_t *count,
	struct lookup *seen, struct pair pair)
{
	if (lookup_find(seen, pair.name))
		return;
	pairs[*count] = (struct pair){arena_string(r->arena, pair.name),
		arena_string(r->arena, pair.value), arena_string(r->arena, pair.origin)};
	lookup_add(seen, pairs[*count].name, *count);
	(*count)++;
}

static void add_callers(struct resolving *r, struct pair *pairs, size_t *count, struct lookup *seen)
{
	for (const char *const *at = r->draft->caller_env; *at; at++) {
		const char *equals = strchr(*at, '=');
		const char *name = arena_string_n(r->arena, *at, (size_t)(equals - *at));
		add_variable(r, pairs, count, seen, (struct pair){name, equals + 1, "caller"});
	}
}

const char *const *paths_of(struct resolving *r, const struct dotenv *files, size_t *count)
{
	const char **paths = arena_take(r->arena, (files->path_count + 1) * sizeof *paths);
	for (*count = 0; *count < files->path_count; ++*count)
		paths[*count] = copied(r, files->paths[*count]);
	return paths;
}

static void add_files(struct resolving *r, struct pair *pairs, size_t *count, struct lookup *seen)
{
	for (size_t i = 0; i < r->draft->files.count; i++)
		add_variable(r, pairs, count, seen, r->draft->files.vars[i]);
}

/* In a Procfile the env files win over the caller, as Procfile runners have it. */
static void fill_variables(struct resolving *r)
{
	const struct dotenv *files = &r->draft->files;
	size_t most = r->draft->caller.count + files->count;
	struct lookup seen = {.arena = r->arena};
	struct pair *pairs = arena_take(r->arena, most * sizeof *pairs);
	if (r->stack->is_procfile)
		add_files(r, pairs, &r->stack->env_count, &seen);
	add_callers(r, pairs, &r->stack->env_count, &seen);
	add_files(r, pairs, &r->stack->env_count, &seen);
	r->stack->env = pairs;
	struct pair *of_files = arena_take(r->arena, files->count * sizeof *of_files);
	struct lookup file_names = {.arena = r->arena};
	add_files(r, of_files, &r->stack->env_file_count, &file_names);
	r->stack->env_files = of_files;
	r->stack->env_paths = paths_of(r, files, &r->stack->env_path_count);
}

/* In silence: every service has said what is wrong with a value, and only a service has a ${port}. */
static void fill_command_env(struct resolving *r)
{
	struct complaints *said = r->complaints;
	r->complaints = NULL;
	r->stack->command_env =
		pairs_of(r, -1, &r->draft->command_env, &r->stack->command_env_count);
	r->complaints = said;
}

static void fill_port(struct resolving *r, int index)
{
	const struct stackfile_facts *facts = r->facts;
	struct port *port = &r->stack->ports[index];
	*port = r->draft->ports[index];
	port->name = arena_string(r->arena, port->name);
	port->env_var = copied(r, port->env_var);
	port->range_name = copied(r, port->range_name);
	port->number = facts->numbers[index];
	port->moved_from = facts->moved_from ? facts->moved_from[index] : 0;
	int slot = port->number - facts->base_port;
	bool in_range = slot >= 0 && slot < r->draft->slots;
	if (in_range && (port->source == PORT_AUTO || port->moved_from))
		port->slot = slot;
}

static void fill_services(struct resolving *r)
{
	const struct draft *draft = r->draft;
	struct stack *stack = r->stack;
	stack->port_count = draft->port_count;
	stack->ports = arena_take(r->arena, (size_t)draft->port_count * sizeof *stack->ports);
	for (int i = 0; i < draft->port_count; i++)
		fill_port(r, i);
	stack->service_count = draft->service_count;
	stack->services =
		arena_take(r->arena, (size_t)draft->service_count * sizeof *stack->services);
	for (int i = 0; i < stack->service_count; i++) {
		struct service *service = &stack->services[i];
		service->name = arena_string(r->arena, draft->services[i].name);
		service->index = i;
		service->line = draft->services[i].section->line;
		resolve_service(r, service);
	}
	for (int i = 0; i < stack->service_count; i++)
		resolve_dependencies(r, &stack->services[i]);
}

static int compare_logs(const void *a, const void *b)
{
	const struct service *x = *(const struct service *const *)a;
	const struct service *y = *(const struct service *const *)b;
	int order = strcmp(x->log.file, y->log.file);
	return order ? order : x->index - y->index;
}

/* Two services in one file would tear each other's lines and rotate each other's log. */
static void check_logs(struct resolving *r)
{
	struct stack *stack = r->stack;
	size_t count = 0;
	const struct service **named =
		arena_take(r->arena, (size_t)stack->service_count * sizeof(const struct service *));
	for (int i = 0; i < stack->service_count; i++)
		if (stack->services[i].log.file)
			named[count++] = &stack->services[i];
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): pointers are sorted */
	qsort(named, count, sizeof *named, compare_logs);
	for (size_t i = 1; i < count; i++) {
		if (strcmp(named[i]->log.file, named[i - 1]->log.file) != 0)
			continue;
		struct site site = site_of(r, named[i]->index, KEY_LOG_FILE);
		complaint_error(r->complaints, site.file, site.line, site.key,
			"services '%s' and '%s' log into the same file", named[i - 1]->name,
			named[i]->name);
		complaint_hint(r->complaints, "give each a file of its own, or remove log.file");
	}
}

static void fill_fingerprints(struct resolving *r)
{
	OWNED_TEXT text = {0};
	for (int i = 0; i < r->stack->service_count; i++) {
		struct service *service = &r->stack->services[i];
		text_clear(&text);
		describe_fingerprint(r->stack, service, &text);
		service->fingerprint = arena_string_n(r->arena, text_string(&text), text.length);
	}
}

static void make(struct resolving *r)
{
	fill_facts(r);
	fill_stack(r);
	fill_reserves(r);
	check_reserved_slots(r);
	fill_variables(r);
	fill_services(r);
	fill_command_env(r);
	check_logs(r);
	if (r->facts->judge)
		r->facts->judge(r->stack, r->draft->document->label, r->complaints);
	if (!r->complaints->errors)
		fill_fingerprints(r);
}

static struct stack *out_of_memory(const struct draft *draft, struct complaints *complaints)
{
	complaint_error(complaints, draft->document->label, 0, NULL, "out of memory");
	return NULL;
}

struct stack *draft_resolve(const struct draft *draft, const struct stackfile_facts *facts,
	struct complaints *complaints)
{
	struct arena *arena = arena_new();
	if (!arena)
		return out_of_memory(draft, complaints);
	if (setjmp(*arena_on_failure(arena))) {
		arena_free(arena);
		return out_of_memory(draft, complaints);
	}
	struct stack *stack = arena_new_object(arena, struct stack);
	struct resolving r = {.arena = arena,
		.draft = draft,
		.facts = facts,
		.complaints = complaints,
		.stack = stack};
	r.shared = (struct scope_shared){
		.arena = arena, .draft = draft, .facts = facts, .complaints = complaints};
	r.shared.urls = arena_take(arena, (size_t)draft->service_count * sizeof *r.shared.urls);
	make(&r);
	secret_hide_in(complaints, 0, stack);
	if (!complaints->errors)
		return stack;
	arena_free(arena);
	return NULL;
}
