#include "plan/injected.h"

#include <string.h>

#include "base/lookup.h"
#include "model/names.h"

static char *variable_name(
	struct arena *arena, const char *service, const char *port, const char *ending)
{
	char *name =
		arena_format(arena, "%s%s%s%s", service, port ? "_" : "", port ? port : "", ending);
	name_to_variable(name, name);
	return name;
}

size_t injected_of(const struct stack *stack, const struct service *service, struct arena *arena,
	struct injected **out)
{
	const char *origin = arena_format(arena, "port of %s", service->name);
	size_t count = 0;
	bool listens = false;
	*out = NULL;
	for (size_t i = 0; i < service->port_count; i++) {
		const struct port *port = &stack->ports[service->ports[i]];
		if (!port->number)
			continue;
		bool main_port = i == 0 && service->has_main_port;
		listens = true;
		*arena_append(arena, *out, count) = (struct injected){
			variable_name(arena, service->name, main_port ? NULL : port->name, "_PORT"),
			arena_format(arena, "%d", port->number), origin,
			main_port ? service->line : port->line};
	}
	if (listens)
		*arena_append(arena, *out, count) =
			(struct injected){variable_name(arena, service->name, NULL, "_HOST"),
				"localhost", origin, service->line};
	if (service->url)
		*arena_append(arena, *out, count) =
			(struct injected){variable_name(arena, service->name, NULL, "_URL"),
				service->url, arena_format(arena, "url of %s", service->name),
				service->line};
	return count;
}

struct owner {
	const struct service *service;
	int line;
};

struct owners {
	struct arena *arena;
	struct lookup names; /* of variables, to their items */
	struct owner *items;
	size_t count;
};

/* Who has the variable already; NULL: from now on it is the service's. */
static const struct owner *owner_of(
	struct owners *owners, const struct injected *variable, const struct service *service)
{
	const size_t *place = lookup_find(&owners->names, variable->name);
	if (place)
		return owners->items + *place;
	lookup_add(&owners->names, variable->name, owners->count);
	*arena_append(owners->arena, owners->items, owners->count) =
		(struct owner){service, variable->line};
	return NULL;
}

static void complain(const struct stack *stack, const char *label, const struct injected *variable,
	const struct service *service, const struct owner *other, struct complaints *complaints)
{
	complaint_add(complaints, stack->is_procfile ? SEVERITY_WARNING : SEVERITY_ERROR, label,
		variable->line, NULL, "'%s' and '%s' (line %d) would both be %s in the environment",
		service->name, other->service->name, other->line, variable->name);
	complaint_hint(complaints, "rename one of them");
}

bool injected_complain(const struct stack *stack, struct arena *arena, const char *label,
	struct complaints *complaints)
{
	struct owners owners = {.arena = arena, .names = {.arena = arena}};
	bool distinct = true;
	for (int s = 0; s < stack->service_count; s++) {
		const struct service *service = &stack->services[s];
		const struct service *told = NULL;
		struct injected *all;
		size_t count = service->enabled ? injected_of(stack, service, arena, &all) : 0;
		for (size_t i = 0; i < count; i++) {
			const struct owner *other = owner_of(&owners, &all[i], service);
			if (!other || other->service == told)
				continue;
			told = other->service;
			complain(stack, label, &all[i], service, other, complaints);
			distinct = false;
		}
	}
	return distinct || stack->is_procfile;
}
