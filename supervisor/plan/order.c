#include "plan/order.h"

#include <fnmatch.h>
#include <string.h>

#include "base/nearest.h"

static bool is_wanted(const struct stack *stack, const bool *wanted, int service)
{
	return wanted ? wanted[service] : stack->services[service].enabled;
}

/* One more than the highest wave of what it needs; what it needs has been here before. */
static void pass_on(
	const struct graph *g, int service, int *missing, int *wave, int *queue, size_t *used)
{
	struct edges dependents = graph_dependents(g, service);
	for (size_t i = 0; i < dependents.count; i++) {
		int dependent = dependents.services[i];
		if (missing[dependent] < 0)
			continue;
		if (wave[dependent] <= wave[service])
			wave[dependent] = wave[service] + 1;
		if (--missing[dependent] == 0)
			queue[(*used)++] = dependent;
	}
}

/* Counting sort: by wave, file order within one. */
static int *by_wave(struct arena *arena, const int *wave, int count, int waves)
{
	size_t *at = arena_take(arena, ((size_t)waves + 1) * sizeof *at);
	int *services = arena_take(arena, ((size_t)count + 1) * sizeof *services);
	for (int i = 0; i < count; i++)
		if (wave[i] >= 0)
			at[wave[i] + 1]++;
	for (int i = 0; i < waves; i++)
		at[i + 1] += at[i];
	for (int i = 0; i < count; i++)
		if (wave[i] >= 0)
			services[at[wave[i]]++] = i;
	return services;
}

struct order order_new(
	struct arena *arena, const struct stack *stack, const struct graph *g, const bool *wanted)
{
	size_t room = (size_t)g->count + 1;
	int *missing = arena_take(arena, room * sizeof *missing);
	int *wave = arena_take(arena, room * sizeof *wave);
	int *queue = arena_take(arena, room * sizeof *queue);
	size_t used = 0;
	for (int i = 0; i < g->count; i++) {
		wave[i] = missing[i] = -1;
		if (!is_wanted(stack, wanted, i))
			continue;
		struct edges needs = graph_needs(g, i);
		wave[i] = missing[i] = 0;
		for (size_t d = 0; d < needs.count; d++)
			missing[i] += is_wanted(stack, wanted, needs.services[d]);
		if (!missing[i])
			queue[used++] = i;
	}
	struct order order = {.wave = wave};
	for (size_t at = 0; at < used; at++) {
		pass_on(g, queue[at], missing, wave, queue, &used);
		if (wave[queue[at]] >= order.waves)
			order.waves = wave[queue[at]] + 1;
	}
	order.count = used;
	order.services = by_wave(arena, wave, g->count, order.waves);
	return order;
}

static bool mark_named(const struct stack *stack, const char *name, bool *wanted)
{
	bool found = false;
	bool pattern = strpbrk(name, "*?[") != NULL;
	for (int i = 0; i < stack->service_count; i++) {
		const char *service = stack->services[i].name;
		if (pattern ? !fnmatch(name, service, 0) : !strcmp(name, service))
			found = wanted[i] = true;
	}
	return found;
}

static int fail_unknown(const struct stack *stack, const char *name, struct error *e)
{
	struct nearest near = {.wanted = name};
	for (int i = 0; i < stack->service_count; i++)
		nearest_offer(&near, stack->services[i].name);
	fail(e, EXIT_NOT_FOUND, "there is no service '%s'", name);
	nearest_hint(&near, e);
	return -1;
}

int order_wanted(struct arena *arena, const struct stack *stack, const struct graph *g,
	const char *const *names, size_t name_count, bool with_needs, bool **wanted,
	struct error *e)
{
	bool *marks = arena_take(arena, (size_t)stack->service_count + 1);
	for (int i = 0; i < stack->service_count && !name_count; i++)
		marks[i] = stack->services[i].enabled;
	for (size_t i = 0; i < name_count; i++)
		if (!mark_named(stack, names[i], marks))
			return fail_unknown(stack, names[i], e);
	if (with_needs)
		graph_mark_needs(g, arena, marks);
	*wanted = marks;
	return 0;
}
