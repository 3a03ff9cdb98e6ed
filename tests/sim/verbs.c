/* What people ask of a fake world: the verbs, a second run of a service, a reload. */
#include <string.h>

#include "kernel.h"
#include "moves.h"
#include "stacks.h"

void world_start(struct world *w, int service, bool no_deps)
{
	say(w, service, "people: start%s", no_deps ? " --no-deps" : "");
	rules_asked(w, service, ASKED_UP);
	keeper_start(w->keeper, service, no_deps, NULL);
	w->next_ms = w->now_ms;
}

static void stop_one(struct world *w, int service, bool no_deps)
{
	say(w, service, "people: stop%s", no_deps ? " --no-deps" : "");
	rules_asked(w, service, ASKED_DOWN);
	keeper_stop(w->keeper, service, no_deps, NULL);
	w->next_ms = w->now_ms;
}

void world_down(struct world *w)
{
	for (int i = 0; i < w->count; i++)
		stop_one(w, i, false);
}

static void mark_dependents(const struct stack *stack, int service, bool *marks)
{
	marks[service] = true;
	for (int i = 0; i < stack->service_count; i++)
		for (size_t d = 0; d < stack->services[i].dependency_count; d++)
			if (stack->services[i].dependencies[d].service == service && !marks[i])
				mark_dependents(stack, i, marks);
}

void world_stop(struct world *w, int service, bool no_deps)
{
	bool marks[WORLD_SERVICES] = {false};
	if (no_deps)
		marks[service] = true;
	else
		mark_dependents(w->stack, service, marks);
	for (int i = 0; i < w->count; i++)
		if (marks[i])
			stop_one(w, i, no_deps);
}

void world_restart(struct world *w, int service)
{
	say(w, service, "people: restart");
	rules_asked(w, service, ASKED_RESTART);
	keeper_restart(w->keeper, service, NULL);
	w->next_ms = w->now_ms;
}

void world_kill(struct world *w, int service)
{
	say(w, service, "people: kill");
	rules_asked(w, service, ASKED_KILL);
	keeper_kill(w->keeper, service, NULL);
	w->next_ms = w->now_ms;
}

/* Seldom ones are met by strays as often as the others. */
static int in_a_seldom_state(const struct world *w, int service)
{
	static const enum service_state seldom[] = {
		STATE_UNHEALTHY, STATE_KILLING, STATE_STOPPING, STATE_COOLING, STATE_DONE};
	for (size_t s = 0; s < sizeof seldom / sizeof *seldom; s++)
		for (int i = 0; i < w->count; i++)
			if (world_state(w, (service + i) % w->count) == seldom[s])
				return (service + i) % w->count;
	return service;
}

void world_stray(struct world *w, int service, int nth)
{
	enum service_event_kind strays[EVENTS];
	int count = 0;
	/* Alone in the queue, so that it meets the state that it was chosen for. */
	do
		world_turn(w);
	while (world_has_news(w));
	service = nth % 4 ? in_a_seldom_state(w, service) : service;
	const struct service_run *run = keeper_run(w->keeper, service);
	for (int kind = 0; kind < EVENTS; kind++)
		if (!moves_possible(run->state, (enum service_event_kind)kind))
			strays[count++] = (enum service_event_kind)kind;
	enum service_event_kind kind = strays[nth % count];
	say(w, service, "stray: %s", service_event_word(kind));
	w->judge.stray = true;
	keeper_feed(w->keeper, service, &(struct service_event){.kind = kind,
		.generation = run->generation, .exit = {.pid = 1, .code = 1}, .child = {1, 1}});
	w->next_ms = w->now_ms;
}

void world_report_late(struct world *w, const struct keeper_exit *exit)
{
	rules_something_ended(w);
	keeper_exits(w->keeper, exit, 1);
}

/* ---- rows change places ---- */

void world_double(struct world *w, int service, int row)
{
	struct service *second = &w->stack->services[row];
	second->policy = w->stack->services[service].policy;
	second->policy.restart.rule = RESTART_NO;
	say(w, row, "a second run of '%s' begins", w->stack->services[service].name);
	/* The row counts its starts as the service does: what its last tenant said must not reach it. */
	row_due(&w->rows[row], DUE_LATE, NO_DEADLINE);
	row_due(&w->rows[row], DUE_SIGN, NO_DEADLINE);
	keeper_double(w->keeper, service, row);
	rules_row_init(&w->rows[row].past, &second->policy);
	w->rows[row].past.generation = keeper_run(w->keeper, service)->generation;
	world_start(w, row, true);
}

/* Of the row, not of the process. */
static void keep_place(struct row *row, const struct row *was)
{
	row->who = was->who;
	row->spawns = was->spawns;
	row->swaps = was->swaps + 1;
	memcpy(row->spawn_times, was->spawn_times, sizeof row->spawn_times);
	memcpy(row->told, was->told, sizeof row->told);
}

static void drop_probes(struct world *w)
{
	for (int i = 0; i < w->count; i++) {
		row_due(&w->rows[i], DUE_PROBE, NO_DEADLINE);
		row_due(&w->rows[i], DUE_LATE, NO_DEADLINE);
	}
}

int world_swaps(const struct world *w, int row)
{
	return w->rows[row].swaps;
}

/* A script of its own came along. */
static void settle_in(struct row *row, const struct row *from)
{
	if (row->script == &from->own)
		row->script = &row->own;
}

static void change_places(struct world *w, int a, int b)
{
	struct row before = w->rows[a];
	w->rows[a] = w->rows[b];
	w->rows[b] = before;
	settle_in(&w->rows[a], &w->rows[b]);
	settle_in(&w->rows[b], &w->rows[a]);
	keep_place(&w->rows[b], &w->rows[a]);
	keep_place(&w->rows[a], &before);
}

/* What is asked of a row stays with it. Nothing is on its way when two change places. */
struct wishes {
	enum want want;
	bool start_free;
	bool stop_free;
};

static struct wishes wishes_of(const struct world *w, int row)
{
	const struct service_run *run = keeper_run(w->keeper, row);
	return (struct wishes){run->want, run->start_free, run->stop_free};
}

static void must_be_as(struct world *w, int row, struct wishes before)
{
	struct wishes now = wishes_of(w, row);
	if (now.want != before.want || now.start_free != before.start_free
		|| now.stop_free != before.stop_free)
		broken(w, row, "changed its place, and what was asked of it went along");
}

void world_swap(struct world *w, int service, int row)
{
	say(w, service, "changes places with its second run");
	drop_probes(w);
	struct wishes one = wishes_of(w, service);
	struct wishes other = wishes_of(w, row);
	keeper_swap(w->keeper, w->stack, service, row);
	must_be_as(w, service, one);
	must_be_as(w, row, other);
	change_places(w, service, row);
	w->judge.second = row == service ? w->judge.second : row;
	rules_new_places(w);
	/* It is wanted there, and has ended where nobody kept it up. */
	enum service_state state = world_state(w, service);
	if (service != row && one.want == WANT_UP && (state == STATE_DOWN || state == STATE_FAILED))
		rules_asked(w, service, ASKED_RESTART);
	w->next_ms = w->now_ms;
}

static void rotate_rows(struct world *w)
{
	struct row last = w->rows[w->count - 2];
	memmove(&w->rows[1], &w->rows[0], sizeof w->rows[0] * (size_t)(w->count - 2));
	w->rows[0] = last;
}

bool world_reload(struct world *w, int fresh)
{
	int old_index[WORLD_SERVICES];
	struct stack *before = w->stack;
	if (w->count < 3 || !world_is_free(w, w->count - 1))
		return false;
	struct stack *next = world_rotated(before);
	for (int i = 0; i < w->count; i++)
		old_index[world_rotated_row(before, i)] = i == fresh && world_is_free(w, i) ? -1 : i;
	say(w, -1, "people: reload");
	drop_probes(w);
	if (keeper_adopt(w->keeper, next, old_index))
		broken(w, -1, "out of memory");
	w->stack = next;
	rotate_rows(w);
	for (int i = 0; i < w->count; i++) {
		if (old_index[i] >= 0)
			continue;
		kernel_row_init(&w->rows[i], w->rows[i].who);
		rules_row_init(&w->rows[i].past, &next->services[i].policy);
	}
	stack_free(w->owned);
	w->owned = next;
	rules_new_places(w);
	w->next_ms = w->now_ms;
	return true;
}
