#include "world.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "watch/settle.h"

enum { ACTIONS = 8192, SPAWNS = 4096, REAPS = 256 };

enum action_kind { ACT_EXIT, ACT_ORPHAN_EXIT, ACT_PROBE };

struct action {
	int64_t at_ms;
	enum action_kind kind;
	int service;
	uint64_t generation;
	int code;
	int signal;
	enum probe_purpose purpose;
	bool done;
};

struct process {
	pid_t pid; /* 0: none */
	uint64_t generation;
	int64_t started_ms;
	bool exec_failed;
	int orphans;
	int polite_orphans;
	int spawns;
	int64_t spawn_times[SPAWNS];
	int told[64];
};

struct world {
	struct sys sys;
	const struct stack *stack;
	struct keeper *keeper;
	uint64_t seed;
	uint64_t state;
	int64_t now_ms;
	int64_t next_ms; /* when the keeper wants its next turn */
	pid_t last_pid;
	struct script scripts[WORLD_SERVICES];
	struct process processes[WORLD_SERVICES];
	struct action actions[ACTIONS];
	size_t action_count;
	bool orphan_reaped;
};

uint32_t world_random(struct world *w)
{
	/* xorshift64*, see S. Vigna, "An experimental exploration of Marsaglia's xorshift generators". */
	w->state ^= w->state >> 12;
	w->state ^= w->state << 25;
	w->state ^= w->state >> 27;
	return (uint32_t)((w->state * 0x2545f4914f6cdd1dULL) >> 32);
}

static _Noreturn __attribute__((format(printf, 3, 4))) void broken(
	const struct world *w, int service, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fprintf(stderr, "seed %llu, time %lld ms, service %d: ", (unsigned long long)w->seed,
		(long long)w->now_ms, service);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	const struct service_run *run = keeper_run(w->keeper, service);
	for (size_t i = 0; i < service_transitions(run); i++) {
		const struct transition *t = service_transition(run, i);
		fprintf(stderr, "  %8lld %s -> %s (%s) %s\n", (long long)t->at_ms,
			service_state_word(t->from), service_state_word(t->to),
			service_event_word(t->event), t->reason);
	}
	abort();
}

static void later(struct world *w, struct action action)
{
	for (size_t i = 0; i < w->action_count; i++) {
		if (w->actions[i].done) {
			w->actions[i] = action;
			return;
		}
	}
	if (w->action_count == ACTIONS)
		broken(w, action.service, "too many pending actions");
	w->actions[w->action_count++] = action;
}

static int64_t sys_now(void *self)
{
	return ((struct world *)self)->now_ms;
}

static uint32_t sys_random(void *self)
{
	return world_random(self);
}

static void check_may_spawn(struct world *w, int service)
{
	const struct process *p = &w->processes[service];
	const struct service_run *run = keeper_run(w->keeper, service);
	if (p->pid)
		broken(w, service, "a second leader is started beside %d", (int)p->pid);
	if (p->orphans + p->polite_orphans)
		broken(w, service, "started while its last tree lives");
	if (run->start_free)
		return;
	const struct service *s = &w->stack->services[service];
	for (size_t i = 0; i < s->dependency_count; i++)
		if (!settle_met(&s->dependencies[i], keeper_run(w->keeper, s->dependencies[i].service)))
			broken(w, service, "started before its dependency %d", s->dependencies[i].service);
}

static void check_backoff(struct world *w, int service)
{
	const struct service_run *run = keeper_run(w->keeper, service);
	for (size_t i = service_transitions(run); i-- > 0;) {
		const struct transition *t = service_transition(run, i);
		if (t->to == STATE_DOWN || t->event == ON_WANT_UP || t->event == ON_RESTART)
			return;
		if (t->to != STATE_COOLING || t->event == ON_MAY_START)
			continue;
		int64_t least = w->stack->services[service].policy.restart.delay_ms * 3 / 4;
		if (w->now_ms - t->at_ms < least)
			broken(w, service, "restarted after %lld ms, before the back-off",
				(long long)(w->now_ms - t->at_ms));
		return;
	}
}

static int sys_spawn(void *self, int service, uint64_t generation, struct child *child,
	struct error *e)
{
	struct world *w = self;
	struct process *p = &w->processes[service];
	struct script *script = &w->scripts[service];
	check_may_spawn(w, service);
	check_backoff(w, service);
	if (script->shortages > 0) {
		script->shortages--;
		fail(e, EXIT_FAILED, "fork: no processes left");
		e->number = EAGAIN;
		return -1;
	}
	if (p->spawns < SPAWNS)
		p->spawn_times[p->spawns] = w->now_ms;
	p->spawns++;
	p->pid = ++w->last_pid;
	p->generation = generation;
	p->started_ms = w->now_ms;
	p->exec_failed = script->exec_fails;
	*child = (struct child){.pid = p->pid, .pidfd = 1000 + service};
	if (script->exec_fails)
		later(w, (struct action){.at_ms = w->now_ms + 1, .kind = ACT_EXIT, .service = service,
			.generation = generation, .code = 127});
	else if (script->exit_after_ms != NEVER)
		later(w, (struct action){.at_ms = w->now_ms + script->exit_after_ms, .kind = ACT_EXIT,
			.service = service, .generation = generation, .code = script->exit_code,
			.signal = script->exit_signal});
	return 0;
}

static int sys_spawn_stop_command(void *self, int service, struct child *child, struct error *e)
{
	(void)child;
	broken(self, service, "has no stop command");
	return fail(e, EXIT_FAILED, "no stop command");
}

static void kill_orphans(struct world *w, int service, int signal)
{
	struct process *p = &w->processes[service];
	if ((!p->orphans && !p->polite_orphans) || w->scripts[service].withstands)
		return;
	if (signal == SIGKILL || signal == SIGTERM)
		later(w, (struct action){.at_ms = w->now_ms + 2, .kind = ACT_ORPHAN_EXIT,
			.service = service, .signal = signal});
}

static int sys_signal(void *self, int service, const struct child *child, enum signal_scope scope,
	int signal)
{
	struct world *w = self;
	struct process *p = &w->processes[service];
	const struct script *script = &w->scripts[service];
	if (scope == SIGNAL_HOOK)
		broken(w, service, "signal to a stop command that is not there");
	bool to_tree = scope == SIGNAL_TREE || scope == SIGNAL_STRAYS;
	if (!to_tree && (!p->pid || child->pid != p->pid))
		broken(w, service, "signal %d without a leader", signal);
	if (to_tree)
		kill_orphans(w, service, signal);
	if (!p->pid || script->withstands)
		return 0;
	if (signal == SIGKILL)
		later(w, (struct action){.at_ms = w->now_ms + 1, .kind = ACT_EXIT, .service = service,
			.generation = p->generation, .signal = SIGKILL});
	else if (signal == SIGTERM && script->term_delay_ms != NEVER)
		later(w, (struct action){.at_ms = w->now_ms + script->term_delay_ms, .kind = ACT_EXIT,
			.service = service, .generation = p->generation, .signal = SIGTERM});
	return 0;
}

static bool sys_withstands(void *self, int service, char *why, size_t size)
{
	struct world *w = self;
	snprintf(why, size, "it is made so");
	return w->scripts[service].withstands;
}

static void sys_census(void *self, struct tree_mark *marks, size_t count)
{
	struct world *w = self;
	for (size_t i = 0; i < count; i++) {
		const struct process *p = &w->processes[marks[i].service];
		marks[i].left = (size_t)(p->orphans + p->polite_orphans);
	}
}

static void sys_forget(void *self, int service, struct child *child)
{
	(void)self;
	(void)service;
	*child = (struct child){.pidfd = -1};
}

static void sys_tree_gone(void *self, int service)
{
	struct world *w = self;
	const struct process *p = &w->processes[service];
	if (p->pid || p->orphans || p->polite_orphans)
		broken(w, service, "its tree was called empty and is not");
}

static void sys_probe(void *self, int service, uint64_t generation, enum probe_purpose purpose,
	int64_t timeout_ms)
{
	struct world *w = self;
	if (generation != w->processes[service].generation)
		broken(w, service, "probe for an old generation");
	int64_t latency = w->scripts[service].probe_hangs ? timeout_ms : world_random(w) % 5;
	later(w, (struct action){.at_ms = w->now_ms + latency, .kind = ACT_PROBE, .service = service,
		.generation = generation, .purpose = purpose});
}

static void sys_probe_cancel(void *self, int service)
{
	struct world *w = self;
	/* Some answers come all the same: an old generation's must be harmless. */
	for (size_t i = 0; i < w->action_count; i++)
		if (w->actions[i].kind == ACT_PROBE && w->actions[i].service == service
			&& world_random(w) % 2)
			w->actions[i].done = true;
}

static void sys_listen_ready(void *self, int service, uint64_t generation)
{
	(void)self;
	(void)service;
	(void)generation;
}

static void sys_tell(void *self, int service, enum event_kind kind, const char *text)
{
	struct world *w = self;
	(void)text;
	w->processes[service].told[kind]++;
}

struct world *world_new(uint64_t seed, const struct stack *stack)
{
	struct world *w = calloc(1, sizeof *w);
	w->seed = seed;
	w->state = seed * 0x9e3779b97f4a7c15ULL + 1;
	w->stack = stack;
	w->now_ms = 1000;
	w->last_pid = 100;
	w->sys = (struct sys){w, sys_now, sys_spawn, sys_spawn_stop_command, sys_signal, sys_withstands,
		sys_census,
		sys_forget, sys_tree_gone, sys_probe, sys_probe_cancel, sys_listen_ready, sys_tell,
		sys_random};
	for (int i = 0; i < stack->service_count; i++)
		w->scripts[i] = (struct script){
			.exit_after_ms = NEVER, .ready_after_ms = 20, .sick_from_ms = NEVER, .term_delay_ms = 5};
	w->keeper = keeper_new(&w->sys, stack);
	w->next_ms = w->now_ms;
	return w;
}

void world_free(struct world *w)
{
	keeper_free(w->keeper);
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

int64_t world_now(const struct world *w)
{
	return w->now_ms;
}

enum service_state world_state(const struct world *w, int service)
{
	return keeper_run(w->keeper, service)->state;
}

int world_spawns(const struct world *w, int service)
{
	return w->processes[service].spawns;
}

int64_t world_spawn_time(const struct world *w, int service, int nth)
{
	return w->processes[service].spawn_times[nth];
}

int world_told(const struct world *w, int service, enum event_kind kind)
{
	return w->processes[service].told[kind];
}

int world_processes(const struct world *w)
{
	int count = 0;
	for (int i = 0; i < w->stack->service_count; i++)
		count += (w->processes[i].pid != 0) + w->processes[i].orphans
			+ w->processes[i].polite_orphans;
	return count;
}

static void leader_exits(struct world *w, int service, int code, int signal)
{
	struct process *p = &w->processes[service];
	struct keeper_exit exit = {.service = service,
		.status = {.pid = p->pid, .code = signal ? -1 : code, .signal = signal}};
	if (p->exec_failed) {
		exit.status.stage = "exec";
		exit.status.number = ENOENT;
		exit.reason = "no such program";
	}
	p->pid = 0;
	if (!p->exec_failed) {
		p->orphans = w->scripts[service].orphans;
		p->polite_orphans = w->scripts[service].polite_orphans;
	}
	keeper_exits(w->keeper, &exit, 1);
}

void world_kill_from_outside(struct world *w, int service, int signal)
{
	if (w->processes[service].pid) {
		leader_exits(w, service, 0, signal);
		w->next_ms = w->now_ms;
	}
}

static void answer_probe(struct world *w, const struct action *a)
{
	const struct script *script = &w->scripts[a->service];
	const struct process *p = &w->processes[a->service];
	int64_t age = w->now_ms - p->started_ms;
	struct service_event event = {.kind = ON_PROBE, .generation = a->generation,
		.purpose = a->purpose, .result = PROBE_FAILED, .reason = "refused"};
	bool up = p->pid && script->ready_after_ms != NEVER && age >= script->ready_after_ms;
	bool sick = script->sick_from_ms != NEVER && age >= script->sick_from_ms
		&& age < script->sick_from_ms + script->sick_for_ms;
	if (script->imposter)
		event.result = PROBE_IMPOSTER;
	else if (up && !sick && !script->probe_hangs)
		event.result = PROBE_OK;
	else
		event.cheap = !up && !script->probe_hangs;
	keeper_feed(w->keeper, a->service, &event);
}

static void act(struct world *w, struct action a)
{
	struct process *p = &w->processes[a.service];
	switch (a.kind) {
	case ACT_EXIT:
		if (p->pid && a.generation == p->generation)
			leader_exits(w, a.service, a.code, a.signal);
		break;
	case ACT_ORPHAN_EXIT:
		p->polite_orphans = 0;
		if (a.signal == SIGKILL)
			p->orphans = 0;
		keeper_trees_changed(w->keeper);
		break;
	case ACT_PROBE:
		answer_probe(w, &a);
		break;
	}
}

static void check_waiting(struct world *w, int i)
{
	const struct service_run *run = keeper_run(w->keeper, i);
	const struct process *p = &w->processes[i];
	switch (run->state) {
	case STATE_STARTING:
		if (!p->pid)
			broken(w, i, "starting without a process");
		break;
	case STATE_READY:
	case STATE_UNHEALTHY:
		if (!p->pid)
			broken(w, i, "ready while its leader is dead");
		break;
	case STATE_COOLING:
		if (run->deadline_ms == NO_DEADLINE || p->pid)
			broken(w, i, "cooling without an end");
		break;
	case STATE_STOPPING:
	case STATE_KILLING:
		if (!run->escalation.active || run->escalation.deadline_ms == NO_DEADLINE)
			broken(w, i, "stopping without a deadline");
		break;
	case STATE_BLOCKED: {
		char waits[REASON_SIZE];
		settle_waits_for(w->stack, keeper_runs(w->keeper), i, waits, sizeof waits);
		if (!waits[0] && w->next_ms > w->now_ms)
			broken(w, i, "blocked, and waits for nothing");
		break;
	}
	case STATE_DOWN:
	case STATE_DONE:
	case STATE_FAILED:
		if (p->pid || p->orphans || p->polite_orphans)
			broken(w, i, "%s with a living process", service_state_word(run->state));
		break;
	}
}

static void check_order(struct world *w, int i)
{
	const struct service_run *run = keeper_run(w->keeper, i);
	if (run->state != STATE_STOPPING || run->after != AFTER_DOWN || run->stop_free)
		return;
	if (run->escalation.deadline_ms - w->stack->services[i].policy.stop.timeout_ms != w->now_ms)
		return;
	const struct transition *t = service_transition(run, service_transitions(run) - 1);
	if (t->event != ON_MAY_STOP || t->at_ms != w->now_ms)
		return;
	for (int j = 0; j < w->stack->service_count; j++)
		for (size_t d = 0; d < w->stack->services[j].dependency_count; d++)
			if (w->stack->services[j].dependencies[d].service == i
				&& service_detains(keeper_run(w->keeper, j))
				&& keeper_run(w->keeper, j)->want == WANT_UP
				&& !keeper_run(w->keeper, j)->start_free)
				broken(w, i, "stopped before its dependent %d", j);
}

static void turn(struct world *w)
{
	w->next_ms = keeper_turn(w->keeper);
	for (int i = 0; i < w->stack->service_count; i++) {
		check_waiting(w, i);
		check_order(w, i);
	}
}

static struct action *next_action(struct world *w)
{
	struct action *next = NULL;
	for (size_t i = 0; i < w->action_count; i++)
		if (!w->actions[i].done && (!next || w->actions[i].at_ms < next->at_ms))
			next = &w->actions[i];
	return next;
}

static bool one(struct world *w, int64_t until_ms)
{
	struct action *next = next_action(w);
	int64_t at = next && next->at_ms < w->next_ms ? next->at_ms : w->next_ms;
	if (at > until_ms)
		return false;
	if (at > w->now_ms)
		w->now_ms = at;
	while ((next = next_action(w)) && next->at_ms <= w->now_ms) {
		struct action a = *next;
		next->done = true;
		act(w, a);
	}
	turn(w);
	return true;
}

void world_run_until(struct world *w, int64_t until_ms)
{
	turn(w);
	while (one(w, until_ms))
		;
	w->now_ms = until_ms;
}

bool world_run_until_quiet(struct world *w, int64_t until_ms)
{
	turn(w);
	while (one(w, until_ms))
		;
	return !next_action(w) && w->next_ms == NO_DEADLINE;
}

void world_freeze(struct world *w, int64_t for_ms)
{
	w->now_ms += for_ms;
}

struct stack *world_stack(int services)
{
	struct arena *arena = arena_new();
	struct stack *stack = arena_new_object(arena, struct stack);
	stack->arena = arena;
	stack->name = "sim";
	stack->service_count = services;
	stack->services = arena_take(arena, sizeof(struct service) * (size_t)services);
	for (int i = 0; i < services; i++) {
		struct service *s = &stack->services[i];
		s->name = arena_format(arena, "s%d", i);
		s->index = i;
		s->enabled = true;
		s->policy = (struct service_policy){.type = TYPE_SERVICE, .readiness = READY_PORT,
			.has_port = true, .ready_timeout_ms = 60000,
			.restart = {.rule = RESTART_ON_FAILURE, .delay_ms = 500, .max_delay_ms = 30000,
				.reset_ms = 60000, .limit = 10, .limit_window_ms = 300000},
			.health = {.interval_ms = 10000, .timeout_ms = 2000, .retries = 3, .successes = 1},
			.stop = {.signal = SIGTERM, .timeout_ms = 10000, .scope = STOP_GROUP}};
	}
	return stack;
}

void world_double(struct world *w, struct stack *stack, int service, int row)
{
	stack->services[row].policy = stack->services[service].policy;
	stack->services[row].policy.restart.rule = RESTART_NO;
	keeper_double(w->keeper, service, row);
	keeper_start(w->keeper, row, true, "a second run");
	w->next_ms = w->now_ms;
}

static int exchanged(int service, int a, int b)
{
	return service == a ? b : service == b ? a : service;
}

static void exchange_processes(struct world *w, int a, int b)
{
	struct process *one = &w->processes[a];
	struct process *other = &w->processes[b];
	struct process before = *one;
	one->pid = other->pid;
	one->generation = other->generation;
	one->started_ms = other->started_ms;
	one->exec_failed = other->exec_failed;
	one->orphans = other->orphans;
	one->polite_orphans = other->polite_orphans;
	other->pid = before.pid;
	other->generation = before.generation;
	other->started_ms = before.started_ms;
	other->exec_failed = before.exec_failed;
	other->orphans = before.orphans;
	other->polite_orphans = before.polite_orphans;
	struct script script = w->scripts[a];
	w->scripts[a] = w->scripts[b];
	w->scripts[b] = script;
}

void world_swap(struct world *w, int service, int row)
{
	exchange_processes(w, service, row);
	for (size_t i = 0; i < w->action_count; i++) {
		struct action *action = &w->actions[i];
		action->done |= action->kind == ACT_PROBE;
		action->service = exchanged(action->service, service, row);
	}
	keeper_swap(w->keeper, w->stack, service, row);
	w->next_ms = w->now_ms;
}

void world_depends(struct stack *stack, int service, int on, enum condition condition)
{
	struct service *s = &stack->services[service];
	struct dependency *grown =
		arena_take(stack->arena, sizeof *grown * (s->dependency_count + 1));
	if (s->dependency_count)
		memcpy(grown, s->dependencies, sizeof *grown * s->dependency_count);
	grown[s->dependency_count] = (struct dependency){.service = on, .condition = condition};
	s->dependencies = grown;
	s->dependency_count++;
}
