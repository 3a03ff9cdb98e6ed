/* What random walks found: each was once the shortest walk that broke a rule. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "scene.h"

static void a_sign_that_nobody_waits_for_makes_nothing_ready(void **state)
{
	(void)state;
	begin(2);
	stack->services[1].policy.type = TYPE_TASK;
	for (int i = 0; i < 2; i++) {
		world_script(w, i)->unasked = 1;
		world_script(w, i)->probe = ANSWERS_UNKNOWN;
	}
	start_all();
	world_run_until(w, world_now(w) + 1000);
	assert_state(0, STATE_STARTING);
	assert_state(1, STATE_STARTING);
}

static void an_imposter_that_left_is_forgotten(void **state)
{
	(void)state;
	begin(1);
	world_script(w, 0)->probe = ANSWERS_IMPOSTER;
	world_script(w, 0)->odd_asks = 1;
	world_script(w, 0)->ready_after_ms = 0;
	start_all();
	world_run_until(w, world_now(w) + 1000);
	assert_state(0, STATE_READY);
	assert_int_equal(world_told(w, 0, EVENT_IMPOSTER), 1);
	assert_int_equal(keeper_run(world_keeper(w), 0)->verdict.health, HEALTH_NONE);
}

static void a_reload_loses_nothing_that_was_asked_for(void **state)
{
	(void)state;
	begin(3);
	world_start(w, 0, false);
	world_run_until(w, world_now(w) + 1000);
	world_restart(w, 0);
	assert_true(world_reload(w, -1));
	world_run_until(w, world_now(w) + 1000);
	assert_int_equal(world_who(w, 1), 0);
	assert_int_equal(world_spawns(w, 1), 2);
	assert_state(1, STATE_READY);
}

static void what_is_done_will_never_be_healthy(void **state)
{
	(void)state;
	begin(3);
	stack->services[0].policy.health.present = true;
	world_depends(stack, 1, 0, CONDITION_HEALTHY);
	world_needs(stack, 2,
		&(struct dependency){.service = 0, .condition = CONDITION_HEALTHY, .optional = true});
	world_script(w, 0)->exit_after_ms = 100;
	world_script(w, 0)->sick_from_ms = 0;
	world_script(w, 0)->sick_for_ms = 1000;
	stack->services[0].policy.readiness = READY_STARTED;
	start_all();
	world_run_until(w, world_now(w) + 1000);
	assert_state(0, STATE_DONE);
	assert_state(1, STATE_FAILED);
	assert_int_equal(keeper_run(world_keeper(w), 1)->cause, CAUSE_DEPENDENCY);
	assert_non_null(strstr(keeper_run(world_keeper(w), 1)->reason, "never be healthy"));
	assert_state(2, STATE_READY);
}

static void begin_chain(void)
{
	begin(3);
	world_depends(stack, 1, 0, CONDITION_READY);
	world_depends(stack, 2, 1, CONDITION_READY);
	stack->services[1].policy.on_dependency = DEPENDENCY_RESTART;
	start_all();
	world_run_until(w, world_now(w) + 1000);
}

static void who_is_asked_to_stop_follows_no_restart(void **state)
{
	(void)state;
	begin_chain();
	world_script(w, 2)->term_delay_ms = 500;
	world_stop(w, 1, false);
	world_run_until(w, world_now(w) + 100);
	assert_state(1, STATE_READY); /* until what needs it has gone */
	world_kill_from_outside(w, 0, SIGKILL);
	world_run_until(w, world_now(w) + 5000);
	assert_state(0, STATE_READY);
	assert_state(1, STATE_DOWN);
	assert_int_equal(world_spawns(w, 1), 1);
}

static void who_is_stopped_from_outside_follows_no_restart(void **state)
{
	(void)state;
	begin_chain();
	world_kill_from_outside(w, 0, SIGKILL);
	world_kill_from_outside(w, 1, SIGTERM);
	world_run_until(w, world_now(w) + 5000);
	assert_state(0, STATE_READY);
	assert_state(1, STATE_DOWN);
	assert_int_equal(world_spawns(w, 1), 1);
}

/* More at one time than the queue holds, after a quiet minute. */
static void a_flood_of_wishes_takes_no_grace_from_a_stop(void **state)
{
	(void)state;
	begin(1);
	world_script(w, 0)->term_delay_ms = 3000;
	start_all();
	world_run_until(w, world_now(w) + 60000);
	for (int i = 0; i < 300; i++)
		world_restart(w, 0);
	world_run_until(w, world_now(w) + 5000);
	assert_state(0, STATE_READY);
	assert_int_equal(world_told(w, 0, EVENT_KILLED), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scenario(a_sign_that_nobody_waits_for_makes_nothing_ready),
		scenario(an_imposter_that_left_is_forgotten),
		scenario(a_reload_loses_nothing_that_was_asked_for),
		scenario(what_is_done_will_never_be_healthy),
		scenario(who_is_asked_to_stop_follows_no_restart),
		scenario(who_is_stopped_from_outside_follows_no_restart),
		scenario(a_flood_of_wishes_takes_no_grace_from_a_stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
