/*
 * scene.h - what scenarios have in common: one stack in one world, and its end.
 *
 *	begin(2);
 *	world_depends(stack, 1, 0, CONDITION_READY);
 *	start_all();
 *	world_run_until(w, world_now(w) + 1000);
 *	assert_state(1, STATE_READY);
 *
 * Each test is a scenario(): finish() stops everything and sees that nothing is left.
 */
#ifndef SIM_SCENE_H
#define SIM_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "stacks.h"
#include "world.h"

#include <cmocka.h>

extern struct stack *stack;
extern struct world *w;

void begin(int services);
void start_all(void);
void assert_state(int service, enum service_state expected);
int finish(void **state);

#define scenario(f) cmocka_unit_test_teardown(f, finish)

#endif
