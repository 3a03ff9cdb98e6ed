#include "plan/judge.h"

#include "plan/graph.h"
#include "plan/injected.h"

void plan_judge(const struct stack *stack, const char *label, struct complaints *complaints)
{
	const struct graph *graph = graph_new(stack->arena, stack);
	graph_complain(graph, stack, label, complaints);
	injected_complain(stack, stack->arena, label, complaints);
}
