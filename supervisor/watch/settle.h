/*
 * settle.h - what follows for the others: after anything changed, which services may start, which
 * can never start, which may stop. Pure.
 *
 * settle() lists the events that the present states imply. The keeper feeds them and asks again
 * until the list is empty; every event it lists changes the state of its service, so that ends.
 */
#ifndef WATCH_SETTLE_H
#define WATCH_SETTLE_H

#include "model/stack.h"
#include "watch/service.h"

struct settled {
	int service;
	struct service_event event;
	char reason[REASON_SIZE];
};

/*
 * Fills out (room for stack->service_count entries) and returns their number. `scratch` has room for
 * 2 * service_count booleans.
 */
size_t settle(const struct stack *stack, const struct service_run *runs, struct settled *out,
	bool *scratch);

/* "waits for 'db' (ready)", "" when it waits for nothing. */
void settle_waits_for(const struct stack *stack, const struct service_run *runs, int service,
	char *out, size_t size);

/*
 * Blocked, and nobody is going to change that: directly or through others it needs a service that was
 * stopped and is not wanted up again. `scratch` has service_count booleans, all false.
 */
bool settle_is_stuck(const struct stack *stack, const struct service_run *runs, int service,
	bool *scratch);

/* Whether one dependency is met by the present state of what it names. */
bool settle_met(const struct dependency *dependency, const struct service_run *run);

#endif
