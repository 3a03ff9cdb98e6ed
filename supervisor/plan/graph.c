#include "plan/graph.h"

#include <string.h>

static bool is_edge(const struct stack *stack, const struct dependency *dependency)
{
	return dependency->service >= 0 && dependency->service < stack->service_count;
}

/* Counts into at[i + 1], turns counts into offsets, then fills; `backwards` swaps the ends. */
static const size_t *fill(
	struct arena *arena, const struct stack *stack, bool backwards, const int **edges)
{
	size_t count = (size_t)stack->service_count;
	size_t *at = arena_take(arena, (count + 1) * sizeof *at);
	for (int i = 0; i < stack->service_count; i++)
		for (size_t d = 0; d < stack->services[i].dependency_count; d++) {
			const struct dependency *dependency = &stack->services[i].dependencies[d];
			if (is_edge(stack, dependency))
				at[(backwards ? dependency->service : i) + 1]++;
		}
	for (size_t i = 0; i < count; i++)
		at[i + 1] += at[i];
	int *all = arena_take(arena, (at[count] + 1) * sizeof *all);
	size_t *next = arena_copy(arena, at, (count + 1) * sizeof *at);
	for (int i = 0; i < stack->service_count; i++)
		for (size_t d = 0; d < stack->services[i].dependency_count; d++) {
			const struct dependency *dependency = &stack->services[i].dependencies[d];
			if (is_edge(stack, dependency))
				all[next[backwards ? dependency->service : i]++] =
					backwards ? i : dependency->service;
		}
	*edges = all;
	return at;
}

struct graph *graph_new(struct arena *arena, const struct stack *stack)
{
	struct graph *g = arena_new_object(arena, struct graph);
	g->count = stack->service_count;
	g->needs_at = fill(arena, stack, false, &g->needs);
	g->dependents_at = fill(arena, stack, true, &g->dependents);
	return g;
}

struct edges graph_needs(const struct graph *g, int service)
{
	size_t from = g->needs_at[service];
	return (struct edges){g->needs + from, g->needs_at[service + 1] - from};
}

struct edges graph_dependents(const struct graph *g, int service)
{
	size_t from = g->dependents_at[service];
	return (struct edges){g->dependents + from, g->dependents_at[service + 1] - from};
}

static void mark(const struct graph *g, struct arena *scratch, bool *marks,
	struct edges (*edges_of)(const struct graph *g, int service))
{
	int *queue = arena_take(scratch, ((size_t)g->count + 1) * sizeof *queue);
	int used = 0;
	for (int i = 0; i < g->count; i++)
		if (marks[i])
			queue[used++] = i;
	for (int at = 0; at < used; at++) {
		struct edges edges = edges_of(g, queue[at]);
		for (size_t i = 0; i < edges.count; i++)
			if (!marks[edges.services[i]]) {
				marks[edges.services[i]] = true;
				queue[used++] = edges.services[i];
			}
	}
}

void graph_mark_needs(const struct graph *g, struct arena *scratch, bool *marks)
{
	mark(g, scratch, marks, graph_needs);
}

void graph_mark_dependents(const struct graph *g, struct arena *scratch, bool *marks)
{
	mark(g, scratch, marks, graph_dependents);
}

/* ---- cycles: depth first, without recursion; an edge to what is on the path closes one ---- */

enum colour { WHITE, ON_PATH, DONE };

struct walk {
	const struct graph *g;
	const struct stack *stack;
	struct arena *arena;
	unsigned char *colours;
	int *path;
	size_t *next; /* parallel to path: which edge comes next */
	size_t length;
	struct cycle *cycles;
	size_t found;
};

static int line_of(const struct stack *stack, int from, int to)
{
	const struct service *service = &stack->services[from];
	for (size_t i = 0; i < service->dependency_count; i++)
		if (service->dependencies[i].service == to)
			return service->dependencies[i].line;
	return service->line;
}

/* The path from the service that was met again to its end is the cycle. */
static void close_cycle(struct walk *w, int again)
{
	size_t from = w->length - 1;
	while (w->path[from] != again)
		from--;
	size_t count = w->length - from;
	size_t size = 1;
	for (size_t i = from; i <= w->length; i++)
		size += strlen(w->stack->services[i < w->length ? w->path[i] : again].name) + 4;
	char *text = arena_take(w->arena, size);
	char *at = text;
	for (size_t i = from; i < w->length; i++) {
		at = stpcpy(at, w->stack->services[w->path[i]].name);
		at = stpcpy(at, " -> ");
	}
	stpcpy(at, w->stack->services[again].name);
	w->cycles[w->found++] = (struct cycle){
		.services = arena_copy(w->arena, w->path + from, count * sizeof *w->path),
		.count = count,
		.line = line_of(w->stack, w->path[w->length - 1], again),
		.path = text,
	};
}

static void enter(struct walk *w, int service)
{
	w->colours[service] = ON_PATH;
	w->path[w->length] = service;
	w->next[w->length++] = 0;
}

static void walk_from(struct walk *w, int service)
{
	enter(w, service);
	while (w->length && w->found < CYCLES_MOST) {
		int here = w->path[w->length - 1];
		struct edges needs = graph_needs(w->g, here);
		if (w->next[w->length - 1] == needs.count) {
			w->colours[here] = DONE;
			w->length--;
			continue;
		}
		int to = needs.services[w->next[w->length - 1]++];
		if (w->colours[to] == ON_PATH)
			close_cycle(w, to);
		else if (w->colours[to] == WHITE)
			enter(w, to);
	}
}

size_t graph_cycles(const struct graph *g, struct arena *arena, const struct stack *stack,
	struct cycle cycles[CYCLES_MOST])
{
	size_t count = (size_t)g->count + 1;
	struct walk w = {.g = g,
		.stack = stack,
		.arena = arena,
		.cycles = cycles,
		.colours = arena_take(arena, count),
		.path = arena_take(arena, count * sizeof(int)),
		.next = arena_take(arena, count * sizeof(size_t))};
	for (int i = 0; i < g->count && w.found < CYCLES_MOST; i++)
		if (w.colours[i] == WHITE)
			walk_from(&w, i);
	return w.found;
}

bool graph_complain(const struct graph *g, const struct stack *stack, const char *label,
	struct complaints *complaints)
{
	struct cycle cycles[CYCLES_MOST];
	size_t count = graph_cycles(g, stack->arena, stack, cycles);
	for (size_t i = 0; i < count; i++) {
		const char *name = stack->services[cycles[i].services[0]].name;
		if (cycles[i].count == 1) {
			complaint_error(complaints, label, cycles[i].line, "depends_on",
				"service '%s' depends on itself: %s", name, cycles[i].path);
			complaint_hint(complaints, "take '%s' out of its own depends_on", name);
			continue;
		}
		complaint_error(complaints, label, cycles[i].line, "depends_on",
			"services wait for each other in a circle: %s", cycles[i].path);
		complaint_hint(complaints, "take one of these dependencies out");
	}
	return count == 0;
}
