/*
 * stacks.h - stacks for a fake world: services s0, s1, ... with the defaults of the stack file and
 * what they need of each other.
 */
#ifndef SIM_STACKS_H
#define SIM_STACKS_H

#include "model/stack.h"

/* A stack of n services without any dependency; policies are the defaults of the stack file. */
struct stack *world_stack(int services);
void world_depends(struct stack *stack, int service, int on, enum condition condition);
void world_needs(struct stack *stack, int service, const struct dependency *dependency);
/* The same services, each moved up by one row, the last but one to the front; the last stays. */
struct stack *world_rotated(const struct stack *stack);
int world_rotated_row(const struct stack *stack, int row);

#endif
