/*
 * sequence.h - in what order services stop: the reverse of their dependencies, independent branches
 * at the same time. Pure.
 *
 * A service may stop when nothing that depends on it is still up. That is all there is to the order;
 * it needs no plan made beforehand and stays right when services come and go meanwhile.
 */
#ifndef STOP_SEQUENCE_H
#define STOP_SEQUENCE_H

#include <stdbool.h>

#include "model/stack.h"

/*
 * For every service i of the stack: may_stop[i] = no service j with occupied[j] depends on i.
 * occupied[j]: a process of j's tree may still exist. One pass over all edges. Arrays of
 * stack->service_count.
 */
void sequence_may_stop(const struct stack *stack, const bool *occupied, bool *may_stop);

#endif
