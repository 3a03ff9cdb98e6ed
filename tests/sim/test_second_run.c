/* Two runs of one service in virtual time: 0 is the service, 2 the row of the other run. */
#include <signal.h>

#include "scene.h"

static void begin_double(void)
{
	begin(3);
	world_depends(stack, 1, 0, CONDITION_READY);
	world_start(w, 0, false);
	world_start(w, 1, false);
	world_run_until(w, world_now(w) + 1000);
	world_double(w, 0, 2);
}

static pid_t leader(int service)
{
	return keeper_run(world_keeper(w), service)->leader.pid;
}

static void a_second_run_takes_the_place_of_the_first(void **state)
{
	(void)state;
	begin_double();
	pid_t first = leader(0);
	uint64_t starts = keeper_run(world_keeper(w), 0)->generation;
	world_run_until(w, world_now(w) + 1000);
	assert_state(2, STATE_READY);
	assert_int_equal(leader(0), first);
	assert_int_equal(keeper_run(world_keeper(w), 2)->generation, starts + 1);
	pid_t second = leader(2);
	world_swap(w, 0, 2);
	world_stop(w, 2, true);
	world_run_until(w, world_now(w) + 1000);
	assert_state(0, STATE_READY);
	assert_state(2, STATE_DOWN);
	assert_int_equal(leader(0), second);
	assert_int_equal(world_spawns(w, 1), 1);
	assert_string_equal(service_transition(keeper_run(world_keeper(w), 0), 0)->reason,
		"asked to start");
}

static void a_second_run_that_fails_changes_nothing(void **state)
{
	(void)state;
	begin_double();
	pid_t first = leader(0);
	world_script(w, 2)->ready_after_ms = NEVER;
	world_script(w, 2)->exit_after_ms = 10;
	world_script(w, 2)->exit_code = 3;
	world_run_until(w, world_now(w) + 5000);
	assert_state(0, STATE_READY);
	assert_int_equal(leader(0), first);
	assert_state(2, STATE_FAILED);
	assert_int_equal(world_spawns(w, 2), 1);
	assert_state(1, STATE_READY);
}

static void the_first_run_is_kept_up_until_the_second_has_taken_over(void **state)
{
	(void)state;
	begin_double();
	world_script(w, 2)->ready_after_ms = 5000;
	world_run_until(w, world_now(w) + 100);
	world_kill_from_outside(w, 0, SIGKILL);
	world_run_until(w, world_now(w) + 2000);
	assert_state(0, STATE_READY);
	assert_state(2, STATE_STARTING);
	assert_int_equal(world_spawns(w, 0), 2);
}

static void what_took_over_is_kept_up_as_the_service(void **state)
{
	(void)state;
	begin_double();
	world_run_until(w, world_now(w) + 1000);
	world_swap(w, 0, 2);
	world_kill_from_outside(w, 0, SIGKILL);
	world_kill_from_outside(w, 2, SIGKILL);
	world_run_until(w, world_now(w) + 5000);
	assert_state(0, STATE_READY);
	assert_state(2, STATE_FAILED);
	assert_int_equal(world_spawns(w, 2), 1);
	/* It waits for what it needs again, as the service does. */
	assert_false(keeper_run(world_keeper(w), 0)->start_free);
}

static void two_runs_can_change_back(void **state)
{
	(void)state;
	begin_double();
	world_run_until(w, world_now(w) + 1000);
	pid_t first = leader(0);
	world_swap(w, 0, 2);
	world_run_until(w, world_now(w) + 1000);
	world_swap(w, 0, 2);
	world_stop(w, 2, true);
	world_run_until(w, world_now(w) + 1000);
	assert_state(0, STATE_READY);
	assert_int_equal(leader(0), first);
	assert_state(2, STATE_DOWN);
}

/* The row for second runs starts nothing again; the service does, when it is put back. */
static void what_ended_meanwhile_is_started_when_it_is_put_back(void **state)
{
	(void)state;
	begin_double();
	world_run_until(w, world_now(w) + 1000);
	world_swap(w, 0, 2);
	world_kill_from_outside(w, 2, SIGKILL);
	world_run_until(w, world_now(w) + 1000);
	assert_state(2, STATE_FAILED);
	world_swap(w, 0, 2);
	world_stop(w, 2, true);
	world_run_until(w, world_now(w) + 5000);
	assert_state(0, STATE_READY);
	assert_state(2, STATE_DOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scenario(a_second_run_takes_the_place_of_the_first),
		scenario(a_second_run_that_fails_changes_nothing),
		scenario(the_first_run_is_kept_up_until_the_second_has_taken_over),
		scenario(what_took_over_is_kept_up_as_the_service),
		scenario(two_runs_can_change_back),
		scenario(what_ended_meanwhile_is_started_when_it_is_put_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
