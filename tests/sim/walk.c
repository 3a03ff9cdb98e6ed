/*
 * walk.c - random walks: many small stacks with random policies, scripts and commands. Every turn
 * checks the invariants of world.h; at the end all faults are switched off and the stack must heal,
 * then stop without leaving a process.
 *
 *	walk [--seconds S] [--seed N]	prints the seed of each walk that fails
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/number.h"
#include "world.h"

static int upto(struct world *w, int n)
{
	return (int)(world_random(w) % (uint32_t)n);
}

static int second_of; /* whose second run the last row is for */

static void random_policy(struct world *w, struct service_policy *p)
{
	p->type = upto(w, 5) ? TYPE_SERVICE : TYPE_TASK;
	p->restart.rule = p->type == TYPE_TASK ? RESTART_NO : (enum restart_rule)upto(w, 3);
	p->restart.limit = 1 + upto(w, 10);
	p->ready_timeout_ms = 200 + upto(w, 3000);
	p->stop.timeout_ms = upto(w, 4) * 500;
	p->readiness = upto(w, 2) ? READY_PORT : READY_PROBE;
	p->on_dependency = upto(w, 3) ? DEPENDENCY_KEEP : DEPENDENCY_RESTART;
	p->task_timeout_ms = upto(w, 2) * 2000;
	p->health.present = upto(w, 2);
	p->health.interval_ms = 100 + upto(w, 1000);
	p->readiness_is_health = p->readiness == READY_PROBE && p->health.present;
	p->health.action = (enum health_action)upto(w, 3);
}

static void random_script(struct world *w, int service, bool is_task)
{
	struct script *s = world_script(w, service);
	s->ready_after_ms = upto(w, 8) ? upto(w, 300) : NEVER;
	s->exit_after_ms = is_task || !upto(w, 3) ? upto(w, 5000) : NEVER;
	s->exit_code = upto(w, 2) ? 0 : upto(w, 4);
	s->exit_signal = upto(w, 6) ? 0 : SIGSEGV;
	s->term_delay_ms = upto(w, 5) ? upto(w, 100) : NEVER;
	s->orphans = upto(w, 6) ? 0 : upto(w, 3);
	s->polite_orphans = upto(w, 6) ? 0 : upto(w, 3);
	s->shortages = upto(w, 10) ? 0 : upto(w, 3);
	s->exec_fails = !upto(w, 20);
	s->sick_from_ms = upto(w, 3) ? NEVER : upto(w, 3000);
	s->sick_for_ms = upto(w, 3000);
	s->probe_hangs = !upto(w, 12);
	s->withstands = !upto(w, 15);
	s->imposter = !upto(w, 15);
}

static void good_script(struct world *w, int service, bool is_task)
{
	*world_script(w, service) = (struct script){.ready_after_ms = 10,
		.exit_after_ms = is_task ? 20 : NEVER, .term_delay_ms = 3, .sick_from_ms = NEVER};
}

static void random_dependencies(struct world *w, struct stack *stack, int services)
{
	static const enum condition conditions[] = {CONDITION_STARTED, CONDITION_READY};
	for (int i = 1; i < services; i++)
		for (int n = upto(w, 3); n > 0; n--) {
			int on = upto(w, i);
			bool task = stack->services[on].policy.type == TYPE_TASK;
			world_depends(stack, i, on, task ? CONDITION_COMPLETED : conditions[upto(w, 2)]);
		}
}

static void stop_with_dependents(struct world *w, const struct stack *stack, int service)
{
	for (int i = stack->service_count - 1; i > service; i--)
		for (size_t d = 0; d < stack->services[i].dependency_count; d++)
			if (stack->services[i].dependencies[d].service == service)
				stop_with_dependents(w, stack, i);
	keeper_stop(world_keeper(w), service, false, "walk");
}

/* The last row is for a second run of any service: begins one, or lets it take over, or ends it. */
static void second_run(struct world *w, struct stack *stack, int service)
{
	int row = stack->service_count - 1;
	switch (world_state(w, row)) {
	case STATE_DOWN:
	case STATE_DONE:
	case STATE_FAILED:
		second_of = service;
		random_script(w, row, stack->services[service].policy.type == TYPE_TASK);
		world_double(w, stack, service, row);
		break;
	case STATE_READY:
		world_swap(w, second_of, row);
		if (upto(w, 2))
			keeper_stop(world_keeper(w), row, true, "walk");
		break;
	case STATE_BLOCKED:
	case STATE_STARTING:
	case STATE_UNHEALTHY:
	case STATE_COOLING:
	case STATE_STOPPING:
	case STATE_KILLING:
		keeper_stop(world_keeper(w), row, true, "walk");
		break;
	}
}

static void random_command(struct world *w, struct stack *stack)
{
	int service = upto(w, stack->service_count - 1);
	switch (upto(w, 8)) {
	case 7:
		second_run(w, stack, service);
		break;
	case 0:
		stop_with_dependents(w, stack, service);
		break;
	case 1:
		keeper_stop(world_keeper(w), service, true, "walk");
		break;
	case 2:
		keeper_restart(world_keeper(w), service, "walk");
		break;
	case 3:
		keeper_kill(world_keeper(w), service, "walk");
		break;
	case 4:
		world_kill_from_outside(w, service, upto(w, 2) ? SIGKILL : SIGTERM);
		break;
	case 5:
		world_freeze(w, upto(w, 90000));
		break;
	default:
		keeper_start(world_keeper(w), service, upto(w, 4) == 0, "walk");
		break;
	}
}

static void fail_walk(uint64_t seed, const char *what)
{
	fprintf(stderr, "seed %llu: %s\n", (unsigned long long)seed, what);
	abort();
}

static void walk(uint64_t seed)
{
	int services = 1 + (int)(seed % 9);
	struct stack *stack = world_stack(services + 1);
	struct world *w = world_new(seed, stack);
	for (int i = 0; i < services; i++)
		random_policy(w, &stack->services[i].policy);
	random_dependencies(w, stack, services);
	for (int i = 0; i < services; i++) {
		random_script(w, i, stack->services[i].policy.type == TYPE_TASK);
		keeper_start(world_keeper(w), i, false, "walk");
	}
	for (int round = 0; round < 30; round++) {
		world_run_until(w, world_now(w) + upto(w, 3000));
		random_command(w, stack);
	}
	world_script(w, services)->withstands = false;
	keeper_stop(world_keeper(w), services, true, "healing");
	for (int i = 0; i < services; i++) {
		good_script(w, i, stack->services[i].policy.type == TYPE_TASK);
		keeper_restart(world_keeper(w), i, "healing");
	}
	world_run_until(w, world_now(w) + 120000);
	for (int i = 0; i < services; i++) {
		enum service_state state = world_state(w, i);
		if (state != STATE_READY && state != STATE_DONE)
			fail_walk(seed, "did not heal after the faults stopped");
	}
	for (int i = 0; i < stack->service_count; i++)
		keeper_stop(world_keeper(w), i, false, "end");
	world_run_until(w, world_now(w) + 60000);
	if (world_processes(w))
		fail_walk(seed, "processes are left after the stop");
	world_free(w);
	stack_free(stack);
}

int main(int argc, char **argv)
{
	int64_t seconds = 10;
	int64_t seed = 0;
	for (int i = 1; i + 1 < argc; i += 2) {
		int64_t *target = !strcmp(argv[i], "--seed") ? &seed : &seconds;
		if (!number_parse(argv[i + 1], 0, INT64_MAX, target))
			return 2;
	}
	if (seed) {
		walk((uint64_t)seed);
		return 0;
	}
	int64_t end = clock_now_ms() + seconds * 1000;
	uint64_t first = (uint64_t)clock_wall_ms() * 1000;
	uint64_t walks = 0;
	while (clock_now_ms() < end)
		walk(first + walks++);
	printf("%llu walks from seed %llu\n", (unsigned long long)walks, (unsigned long long)first);
	return 0;
}
