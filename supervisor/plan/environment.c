#include "plan/environment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/words.h"
#include "plan/injected.h"
#include "plan/secrets.h"

WORDS(layer_word, layer, LAYERS)

/* Variables by name; in the shared table sorted once it is complete. */
struct table {
	struct arena *arena;
	struct variable *vars;
	size_t count;
	struct lookup places;
};

struct environments {
	const struct stack *stack;
	struct table shared;
	struct secrets secrets;
};

/* One service's environment while it is made: a copy of the shared variables, and new ones. */
struct making {
	const struct environments *all;
	struct arena *arena;
	struct variable *copied; /* parallel to all->shared.vars */
	struct table added;
};

/* ---- definitions ---- */

/* Lower counts more. */
static int rank(enum layer layer, bool procfile)
{
	return procfile && layer == LAYER_CALLER ? LAYER_STACK_FILE + 1 : (int)layer;
}

/* Definitions are shared between services, so those above the new one are copied, not changed. */
static const struct definition *covering(struct arena *arena, const struct definition *chain,
	struct definition *added, bool procfile)
{
	if (!chain || rank(chain->layer, procfile) >= rank(added->layer, procfile)) {
		added->covers = chain;
		return added;
	}
	struct definition *copy = arena_copy(arena, chain, sizeof *chain);
	copy->covers = covering(arena, chain->covers, added, procfile);
	return copy;
}

static struct definition *define(struct arena *arena, const char *name, const char *value,
	const char *origin, enum layer layer)
{
	struct definition *d = arena_new_object(arena, struct definition);
	const char *entry = arena_format(arena, "%s=%s", name, value);
	*d = (struct definition){.value = entry + strlen(name) + 1,
		.origin = origin,
		.layer = layer,
		.entry = entry};
	return d;
}

static struct variable *table_variable(struct table *t, const char *name)
{
	const size_t *place = lookup_find(&t->places, name);
	if (place)
		return &t->vars[*place];
	lookup_add(&t->places, name, t->count);
	struct variable *var = arena_append(t->arena, t->vars, t->count);
	*var = (struct variable){.name = name};
	return var;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct variable *)a)->name, ((const struct variable *)b)->name);
}

static void sort_table(struct table *t)
{
	if (t->count)
		qsort(t->vars, t->count, sizeof *t->vars, by_name);
	for (size_t i = 0; i < t->count; i++)
		*lookup_find(&t->places, t->vars[i].name) = i;
}

/* ---- what all services share ---- */

static void share(struct environments *all, const char *name, const char *value, const char *origin,
	enum layer layer)
{
	struct table *t = &all->shared;
	struct variable *var = table_variable(t, name);
	var->top = covering(t->arena, var->top, define(t->arena, name, value, origin, layer),
		all->stack->is_procfile);
}

static bool is_dropped(const char *name)
{
	static const char *const names[] = {"HOST", "LISTEN_FDNAMES", "LISTEN_FDS", "LISTEN_PID",
		"NOTIFY_SOCKET", "OLDPWD", "PWD", "STACKUP_ID", "STACKUP_RUN", "STACKUP_SERVICE",
		"WATCHDOG_PID", "WATCHDOG_USEC", "_"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

static void share_caller(struct environments *all, const char *const *caller)
{
	struct lookup seen = {.arena = all->shared.arena};
	for (; caller && *caller; caller++) {
		const char *equals = strchr(*caller, '=');
		if (!equals || equals == *caller)
			continue;
		const char *name =
			arena_string_n(all->shared.arena, *caller, (size_t)(equals - *caller));
		/* Of two entries of one name getenv() sees the first. */
		if (is_dropped(name) || lookup_find(&seen, name))
			continue;
		lookup_add(&seen, name, 0);
		share(all, name, equals + 1, "caller", LAYER_CALLER);
	}
}

static void share_injected(struct environments *all, const struct service *service)
{
	struct injected *told;
	size_t count = injected_of(all->stack, service, all->shared.arena, &told);
	for (size_t i = 0; i < count; i++)
		share(all, told[i].name, told[i].value, told[i].origin, LAYER_INJECTED);
}

static void share_facts(struct environments *all, const struct environment_facts *facts)
{
	struct arena *arena = all->shared.arena;
	share(all, "STACKUP", "1", "stackup", LAYER_MARKER);
	share(all, "STACKUP_PROJECT", facts->project, "project", LAYER_MARKER);
	share(all, "STACKUP_INSTANCE", arena_format(arena, "%d", facts->instance), "instance",
		LAYER_MARKER);
	if (facts->id)
		share(all, "STACKUP_ID", facts->id, "this run", LAYER_MARKER);
	share(all, "STACKUP_BASE_PORT", arena_format(arena, "%d", facts->base_port), "instance",
		LAYER_INJECTED);
	share(all, "STACKUP_STATE_DIR", facts->state_dir, "instance", LAYER_INJECTED);
	share(all, "STACKUP_SLUG", facts->slug, "project and branch", LAYER_INJECTED);
}

static void note_secrets(struct environments *all)
{
	secrets_collect(&all->secrets, all->shared.arena, all->stack);
	for (size_t i = 0; i < all->shared.count; i++) {
		struct variable *var = &all->shared.vars[i];
		var->secret = secrets_name(&all->secrets, var->name);
		for (const struct definition *d = var->top; d; d = d->covers)
			var->secret |= secrets_hide(&all->secrets, d->value);
	}
}

struct environments *environments_new(struct arena *arena, const struct stack *stack,
	const struct environment_facts *facts, const char *const *caller)
{
	struct environments *all = arena_new_object(arena, struct environments);
	all->stack = stack;
	all->shared.arena = all->shared.places.arena = arena;
	for (size_t i = 0; i < stack->env_file_count; i++)
		share(all, stack->env_files[i].name, stack->env_files[i].value,
			stack->env_files[i].origin, LAYER_STACK_FILE);
	share_caller(all, caller);
	share_facts(all, facts);
	for (int i = 0; i < stack->service_count; i++)
		if (stack->services[i].enabled)
			share_injected(all, &stack->services[i]);
	sort_table(&all->shared);
	note_secrets(all);
	return all;
}

/* ---- one service ---- */

static struct variable *variable_of(struct making *m, const char *name)
{
	const size_t *place = lookup_find(&m->all->shared.places, name);
	if (place)
		return &m->copied[*place];
	struct variable *var = table_variable(&m->added, name);
	var->secret = secrets_name(&m->all->secrets, name);
	return var;
}

static void add(
	struct making *m, const char *name, const char *value, const char *origin, enum layer layer)
{
	struct variable *var = variable_of(m, name);
	var->secret |= secrets_hide(&m->all->secrets, value);
	var->top = covering(m->arena, var->top, define(m->arena, name, value, origin, layer),
		m->all->stack->is_procfile);
}

static void add_pairs(struct making *m, const struct pair *pairs, size_t count, enum layer layer)
{
	for (size_t i = 0; i < count; i++)
		add(m, pairs[i].name, pairs[i].value, pairs[i].origin, layer);
}

static void add_injected(struct making *m, const struct service *service)
{
	struct injected *told;
	size_t count = injected_of(m->all->stack, service, m->arena, &told);
	for (size_t i = 0; i < count; i++)
		add(m, told[i].name, told[i].value, told[i].origin, LAYER_INJECTED);
}

static void add_own_ports(struct making *m, const struct service *service)
{
	const struct stack *stack = m->all->stack;
	if (!service->enabled)
		add_injected(m, service);
	for (size_t i = 0; i < service->port_count; i++) {
		const struct port *port = &stack->ports[service->ports[i]];
		if (!port->number)
			continue;
		const char *number = arena_format(m->arena, "%d", port->number);
		if (i == 0 && service->has_main_port)
			add(m, "PORT", number, "own port", LAYER_INJECTED);
		if (port->env_var)
			add(m, port->env_var, number,
				port->overridden ? "caller, by env_var" : "own port, env_var",
				LAYER_INJECTED);
	}
}

static void add_exports(struct making *m, const struct service *service)
{
	for (size_t i = 0; i < service->dependency_count; i++) {
		const struct service *from =
			&m->all->stack->services[service->dependencies[i].service];
		for (size_t x = 0; x < from->export_count; x++)
			add(m, from->exports[x].name, from->exports[x].value,
				arena_format(m->arena, "export of %s, %s", from->name,
					from->exports[x].origin),
				LAYER_EXPORT);
	}
}

static void add_service(
	struct making *m, const struct service *service, const struct environment_extra *extra)
{
	add(m, "STACKUP_SERVICE", service->name, "service", LAYER_MARKER);
	if (m->all->stack->is_procfile)
		add(m, "PS", arena_format(m->arena, "%s.1", service->name), "Procfile",
			LAYER_INJECTED);
	add_pairs(m, service->env_files, service->env_file_count, LAYER_SERVICE_FILE);
	add_own_ports(m, service);
	if (extra)
		add_pairs(m, extra->pairs, extra->count, LAYER_INJECTED);
	add_exports(m, service);
	add_pairs(m, service->env, service->env_count, LAYER_ENV);
}

/* Nobody's PORT but the service's own, or one that the stack file gives it in so many words. */
static void drop_strange_port(struct making *m)
{
	struct variable *port = variable_of(m, "PORT");
	const struct definition *kept = port->top;
	if (!kept || kept->layer < LAYER_CALLER)
		return;
	port->top = NULL;
	port->note = arena_format(m->arena, "not passed on from %s: %s", kept->origin,
		"it has no port of its own, and PORT would make it take another's");
}

static bool counts(const struct variable *var)
{
	return var->top || var->note;
}

/* The two sorted tables as one, and the entries of all that have a value. */
static struct environment merged(struct making *m)
{
	const struct table *shared = &m->all->shared;
	struct environment env = {0};
	size_t room = shared->count + m->added.count;
	env.vars = arena_take(m->arena, (room + 1) * sizeof *env.vars);
	env.envp = arena_take(m->arena, (room + 1) * sizeof *env.envp);
	size_t s = 0;
	size_t a = 0;
	while (s < shared->count || a < m->added.count) {
		bool take_shared = a == m->added.count ||
			(s < shared->count && strcmp(m->copied[s].name, m->added.vars[a].name) < 0);
		const struct variable *var = take_shared ? &m->copied[s++] : &m->added.vars[a++];
		if (!counts(var))
			continue;
		env.vars[env.count++] = *var;
		if (var->top)
			env.envp[env.envp_count++] = (char *)(uintptr_t)var->top->entry;
	}
	return env;
}

struct environment environment_of(const struct environments *all, struct arena *arena, int service,
	const struct environment_extra *extra)
{
	struct making m = {.all = all,
		.arena = arena,
		.copied = arena_copy(
			arena, all->shared.vars, all->shared.count * sizeof *all->shared.vars),
		.added = {.arena = arena, .places = {.arena = arena}}};
	if (service >= 0)
		add_service(&m, &all->stack->services[service], extra);
	else
		add_pairs(&m, all->stack->command_env, all->stack->command_env_count, LAYER_ENV);
	drop_strange_port(&m);
	sort_table(&m.added);
	return merged(&m);
}

const struct variable *environment_find(const struct environment *env, const char *name)
{
	const struct variable key = {.name = name};
	return env->count ? bsearch(&key, env->vars, env->count, sizeof *env->vars, by_name) : NULL;
}
