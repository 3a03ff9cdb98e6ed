/* The stack of a walk, as it would come out of a stack file. */
#include "stacks.h"
#include "walk.h"

static void fill_policy(const struct walk_policy *from, struct service_policy *p)
{
	p->type = from->task ? TYPE_TASK : TYPE_SERVICE;
	p->readiness = (enum readiness)from->readiness;
	p->ready_timeout_ms = from->ready_timeout_ms;
	p->task_timeout_ms = from->task_timeout_ms;
	p->on_dependency = (enum dependency_rule)from->on_dependency;
	p->restart = (struct restart_policy){.rule = (enum restart_rule)from->restart,
		.delay_ms = from->delay_ms,
		.max_delay_ms = from->max_delay_ms,
		.reset_ms = from->reset_ms,
		.limit = (int)from->limit,
		.limit_window_ms = from->window_ms};
	p->health = (struct health_policy){.present = from->health,
		.interval_ms = from->interval_ms,
		.timeout_ms = from->timeout_ms,
		.retries = (int)from->retries,
		.successes = (int)from->successes,
		.start_period_ms = from->start_period_ms,
		.action = (enum health_action)from->action};
	p->readiness_is_health = p->readiness == READY_PROBE && p->health.present;
	p->stop = (struct stop_policy){.signal = (int)from->stop_signal,
		.timeout_ms = from->stop_timeout_ms,
		.scope = from->stop_leader ? STOP_LEADER : STOP_GROUP,
		.has_command = from->stop_command};
}

/* Stack files that ask for more than there can be are refused. */
static enum condition possible(const struct walk *walk, const struct walk_need *need)
{
	const struct walk_policy *on = &walk->service[need->on].policy;
	if (need->condition == CONDITION_HEALTHY && (!on->health || on->task))
		return CONDITION_READY;
	if (need->condition == CONDITION_COMPLETED && !on->task)
		return CONDITION_READY;
	return (enum condition)need->condition;
}

struct stack *walk_stack(const struct walk *walk)
{
	struct stack *stack = world_stack((int)walk->services + 1);
	for (int i = 0; i < walk->services; i++) {
		const struct walk_service *s = &walk->service[i];
		fill_policy(&s->policy, &stack->services[i].policy);
		for (int n = 0; n < WALK_NEEDS; n++)
			if (s->needs[n].on != NEVER)
				world_needs(stack, i, &(struct dependency){.service = (int)s->needs[n].on,
					.condition = possible(walk, &s->needs[n]),
					.optional = s->needs[n].optional});
	}
	return stack;
}
