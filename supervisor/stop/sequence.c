#include "stop/sequence.h"

void sequence_may_stop(const struct stack *stack, const bool *occupied, bool *may_stop)
{
	for (int i = 0; i < stack->service_count; i++)
		may_stop[i] = true;
	for (int i = 0; i < stack->service_count; i++) {
		if (!occupied[i])
			continue;
		const struct service *service = &stack->services[i];
		for (size_t d = 0; d < service->dependency_count; d++)
			may_stop[service->dependencies[d].service] = false;
	}
}
