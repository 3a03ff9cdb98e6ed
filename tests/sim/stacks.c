#include "stacks.h"

#include <signal.h>
#include <string.h>

#include "base/arena.h"

static const struct service_policy defaults = {.type = TYPE_SERVICE,
	.readiness = READY_PORT,
	.has_port = true,
	.ready_timeout_ms = 60000,
	.restart = {.rule = RESTART_ON_FAILURE, .delay_ms = 500, .max_delay_ms = 30000,
		.reset_ms = 60000, .limit = 10, .limit_window_ms = 300000},
	.health = {.interval_ms = 10000, .timeout_ms = 2000, .retries = 3, .successes = 1},
	.stop = {.signal = SIGTERM, .timeout_ms = 10000, .scope = STOP_GROUP}};

static struct stack *empty_stack(int services)
{
	struct arena *arena = arena_new();
	struct stack *stack = arena_new_object(arena, struct stack);
	stack->arena = arena;
	stack->name = "sim";
	stack->service_count = services;
	stack->services = arena_take(arena, sizeof(struct service) * (size_t)services);
	return stack;
}

struct stack *world_stack(int services)
{
	struct stack *stack = empty_stack(services);
	for (int i = 0; i < services; i++) {
		struct service *s = &stack->services[i];
		s->name = arena_format(stack->arena, "s%d", i);
		s->index = i;
		s->enabled = true;
		s->policy = defaults;
	}
	return stack;
}

void world_needs(struct stack *stack, int service, const struct dependency *dependency)
{
	struct service *s = &stack->services[service];
	struct dependency *grown =
		arena_take(stack->arena, sizeof *grown * (s->dependency_count + 1));
	if (s->dependency_count)
		memcpy(grown, s->dependencies, sizeof *grown * s->dependency_count);
	grown[s->dependency_count++] = *dependency;
	s->dependencies = grown;
}

void world_depends(struct stack *stack, int service, int on, enum condition condition)
{
	world_needs(stack, service, &(struct dependency){.service = on, .condition = condition});
}

int world_rotated_row(const struct stack *stack, int row)
{
	int moving = stack->service_count - 1;
	return row == moving ? row : (row + 1) % moving;
}

struct stack *world_rotated(const struct stack *stack)
{
	struct stack *next = empty_stack(stack->service_count);
	for (int i = 0; i < stack->service_count; i++) {
		int row = world_rotated_row(stack, i);
		struct service *s = &next->services[row];
		*s = stack->services[i];
		s->index = row;
		s->name = arena_format(next->arena, "%s", s->name);
		s->dependencies = NULL;
		s->dependency_count = 0;
		for (size_t d = 0; d < stack->services[i].dependency_count; d++) {
			struct dependency needs = stack->services[i].dependencies[d];
			needs.service = world_rotated_row(stack, needs.service);
			world_needs(next, row, &needs);
		}
	}
	return next;
}
