#include "model/stack.h"

#include <string.h>

#include "base/arena.h"
#include "base/words.h"

WORDS(probe_kind_word, probe_kind, PROBE_KINDS)
WORDS(crash_rule_word, crash_rule, CRASH_RULES)

void stack_free(struct stack *stack)
{
	if (stack)
		arena_free(stack->arena);
}

struct service *stack_service(const struct stack *stack, const char *name)
{
	for (int i = 0; i < stack->service_count; i++)
		if (!strcmp(stack->services[i].name, name))
			return &stack->services[i];
	return NULL;
}

const struct port *stack_main_port(const struct stack *stack, const struct service *service)
{
	return service->has_main_port ? &stack->ports[service->ports[0]] : NULL;
}
