#include "scene.h"

struct stack *stack;
struct world *w;

void begin(int services)
{
	stack = world_stack(services);
	w = world_new(7, stack);
}

void start_all(void)
{
	for (int i = 0; i < stack->service_count; i++)
		world_start(w, i, false);
}

int finish(void **state)
{
	(void)state;
	for (int i = 0; i < stack->service_count; i++)
		world_stop(w, i, false);
	world_run_until(w, world_now(w) + 120000);
	assert_int_equal(world_processes(w), 0);
	world_free(w);
	stack_free(stack);
	return 0;
}

void assert_state(int service, enum service_state expected)
{
	assert_string_equal(service_state_word(world_state(w, service)), service_state_word(expected));
}
