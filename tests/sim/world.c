#include "world.h"

#include <stdlib.h>
#include <string.h>

#include "kernel.h"
#include "stacks.h"

/* A keeper that wants one turn after the other at one moment is lost in a circle. */
enum { TURNS_AT_ONCE = 1000 };

const struct script script_simplest = {
#define X(field, word, simplest) .field = simplest,
	SCRIPT_FIELDS(X)
#undef X
};

uint32_t world_random(struct world *w)
{
	/* xorshift64*, see S. Vigna, "An experimental exploration of Marsaglia's xorshift generators". */
	w->random ^= w->random >> 12;
	w->random ^= w->random << 25;
	w->random ^= w->random >> 27;
	return (uint32_t)((w->random * 0x2545f4914f6cdd1dULL) >> 32);
}

void kernel_row_init(struct row *row, int who)
{
	*row = (struct row){.who = who, .next_ms = NO_DEADLINE};
	for (int due = 0; due < DUES; due++)
		row->due[due] = NO_DEADLINE;
}

struct world *world_new(uint64_t seed, struct stack *stack)
{
	size_t count = (size_t)stack->service_count;
	struct world *w = calloc(1, sizeof *w + count * sizeof w->rows[0]);
	w->seed = seed;
	w->random = seed ? seed * 0x9e3779b97f4a7c15ULL + 1 : 0;
	w->stack = stack;
	w->count = stack->service_count;
	w->now_ms = 1000;
	w->sys = kernel_sys(w);
	for (int i = 0; i < w->count; i++) {
		kernel_row_init(&w->rows[i], i);
		w->scripts[i] = script_simplest;
	}
	w->keeper = keeper_new(&w->sys, stack);
	w->next_ms = w->now_ms;
	w->wake_ms = NO_DEADLINE;
	rules_init(w);
	return w;
}

void world_free(struct world *w)
{
	keeper_free(w->keeper);
	stack_free(w->owned);
	rules_end();
	free(w);
}

struct keeper *world_keeper(struct world *w)
{
	return w->keeper;
}

struct script *world_script(struct world *w, int service)
{
	return &w->scripts[service];
}

void world_choose(struct world *w, world_chooser choose, void *owner)
{
	w->choose = choose;
	w->chooser = owner;
}

int64_t world_now(const struct world *w)
{
	return w->now_ms;
}

uint64_t world_events(const struct world *w)
{
	return w->judge.events;
}

int world_who(const struct world *w, int row)
{
	return w->rows[row].who;
}

int world_row_of(const struct world *w, int who)
{
	int row = 0;
	while (w->rows[row].who != who)
		row++;
	return row;
}

bool world_is_free(const struct world *w, int row)
{
	enum service_state state = world_state(w, row);
	bool ended = state == STATE_DOWN || state == STATE_DONE || state == STATE_FAILED;
	return ended && w->rows[row].hook.life == LIFE_NONE;
}

const struct stack *world_now_stack(const struct world *w)
{
	return w->stack;
}

enum service_state world_state(const struct world *w, int service)
{
	return keeper_run(w->keeper, service)->state;
}

int world_spawns(const struct world *w, int service)
{
	return w->rows[service].spawns;
}

int64_t world_spawn_time(const struct world *w, int service, int nth)
{
	return w->rows[service].spawn_times[nth];
}

int world_told(const struct world *w, int service, enum event_kind kind)
{
	return w->rows[service].told[kind];
}

int world_processes(const struct world *w)
{
	int count = 0;
	for (int i = 0; i < w->count; i++)
		count += row_processes(&w->rows[i]) + (w->rows[i].hook.life != LIFE_NONE);
	return count;
}

int world_descriptors(const struct world *w)
{
	return w->open_fds;
}

void world_wake(struct world *w, int64_t at_ms)
{
	w->wake_ms = at_ms;
}

bool world_has_news(const struct world *w)
{
	return w->next_ms <= w->now_ms;
}

void world_each_turn(struct world *w, void (*look)(void *owner), void *owner)
{
	w->each_turn = look;
	w->turn_owner = owner;
}

void world_tell(struct world *w, int service, const char *what, const char *which)
{
	say(w, service, "%s%s", what, which);
}

void world_catch(struct world *w, sigjmp_buf *where)
{
	w->caught = where;
}

const char *world_rule(const struct world *w)
{
	return w->rule;
}

const char *world_complaint(const struct world *w)
{
	return w->complaint;
}

void world_narrate(struct world *w, FILE *out)
{
	w->story = out;
}

void world_complain(struct world *w, int service, const char *what)
{
	w->rule = what;
	broken(w, service, "%s", what);
}

void world_kill_from_outside(struct world *w, int service, int signal)
{
	struct row *row = &w->rows[service];
	if (!is_alive(&row->leader))
		return;
	say(w, service, "gets SIG%s from outside", kernel_signal_name(signal));
	kernel_end(w, row, w->now_ms, 0, signal);
	w->next_ms = w->now_ms;
}

/* ---- time ---- */

static int64_t next_happening(const struct world *w)
{
	int64_t next = w->wake_ms;
	for (int i = 0; i < w->count; i++)
		if (w->rows[i].next_ms < next)
			next = w->rows[i].next_ms;
	return next;
}

static void turn(struct world *w, int64_t at_ms)
{
	w->turns_now = at_ms == w->now_ms ? w->turns_now + 1 : 0;
	w->now_ms = at_ms;
	if (w->turns_now == TURNS_AT_ONCE)
		broken(w, -1, "the keeper wants a turn after each turn");
	if (next_happening(w) <= at_ms)
		kernel_happen(w);
	rules_before_turn(w);
	if (w->wake_ms <= w->now_ms)
		w->wake_ms = NO_DEADLINE;
	w->next_ms = keeper_turn(w->keeper);
	rules_after_turn(w, w->next_ms);
	if (w->each_turn)
		w->each_turn(w->turn_owner);
}

void world_turn(struct world *w)
{
	turn(w, w->now_ms);
}

static bool one(struct world *w, int64_t until_ms)
{
	int64_t at = next_happening(w);
	if (w->next_ms < at)
		at = w->next_ms;
	if (at > until_ms)
		return false;
	turn(w, at > w->now_ms ? at : w->now_ms);
	return true;
}

void world_run_until(struct world *w, int64_t until_ms)
{
	world_turn(w);
	while (one(w, until_ms))
		;
	if (w->now_ms < until_ms)
		w->turns_now = 0;
	w->now_ms = until_ms;
}

bool world_run_until_quiet(struct world *w, int64_t until_ms)
{
	world_turn(w);
	while (one(w, until_ms))
		;
	return next_happening(w) == NO_DEADLINE && w->next_ms == NO_DEADLINE;
}

bool world_run_until_done(struct world *w, int64_t until_ms, bool (*done)(void *owner), void *owner)
{
	world_turn(w);
	while (!done(owner))
		if (!one(w, until_ms))
			return false;
	return true;
}

void world_freeze(struct world *w, int64_t for_ms)
{
	say(w, -1, "nobody runs for %lld ms", (long long)for_ms);
	w->now_ms += for_ms;
	w->turns_now = 0;
}

/* What is not ready may stay so for ever: that is for the keeper to end. */
static void heal_row(struct world *w, int service)
{
	struct row *row = &w->rows[service];
	if (!row->script)
		return;
	row->own = *row->script;
	row->own.sick_from_ms = NEVER;
	row->own.probe = ANSWERS_TRUE;
	row->own.withstands = 0;
	row->own.again = row->own.reap_delay_ms = row->own.late_answers = 0;
	if (row->own.latency_ms > 5)
		row->own.latency_ms = 5;
	row->script = &row->own;
	const struct service_policy *policy = &w->stack->services[service].policy;
	if (world_state(w, service) != STATE_STARTING || policy->readiness == READY_STARTED)
		row->own.ready_after_ms = 0;
	if (row->leader.life != LIFE_RUNS || row->own.exec_error || row->signalled)
		return;
	row_due(row, DUE_EXIT, NO_DEADLINE);
	if (policy->type == TYPE_TASK)
		kernel_end(w, row, w->now_ms + 20, 0, 0);
}

void world_heal(struct world *w)
{
	say(w, -1, "from now on nothing goes wrong any more");
	w->healed = true;
	for (int i = 0; i < w->count; i++)
		heal_row(w, i);
}
