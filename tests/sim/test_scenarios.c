/* Scenarios in virtual time; names carry the row of the fault catalogue they answer. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "scene.h"
#include "watch/settle.h"

static void starts_in_order_of_readiness(void **state)
{
	(void)state;
	begin(3);
	world_depends(stack, 1, 0, CONDITION_READY);
	world_depends(stack, 2, 1, CONDITION_READY);
	start_all();
	world_run_until(w, world_now(w) + 1000);
	assert_state(2, STATE_READY);
	assert_true(world_spawn_time(w, 1, 0) >= world_spawn_time(w, 0, 0) + 20);
	assert_true(world_spawn_time(w, 2, 0) >= world_spawn_time(w, 1, 0) + 20);
}

static void independent_services_start_at_once(void **state)
{
	(void)state;
	begin(5);
	start_all();
	world_run_until(w, world_now(w) + 1000);
	for (int i = 1; i < 5; i++)
		assert_int_equal(world_spawn_time(w, i, 0), world_spawn_time(w, 0, 0));
}

static void fault_B1_crash_before_ready_keeps_dependents_waiting(void **state)
{
	(void)state;
	begin(2);
	world_depends(stack, 1, 0, CONDITION_READY);
	world_script(w, 0)->ready_after_ms = NEVER;
	world_script(w, 0)->exit_after_ms = 10;
	world_script(w, 0)->exit_code = 3;
	start_all();
	world_run_until(w, world_now(w) + 2000);
	assert_state(1, STATE_BLOCKED);
	assert_int_equal(world_spawns(w, 1), 0);
	assert_true(world_spawns(w, 0) > 1);
}

static void fault_B2_exit_0_before_ready_is_a_failed_start(void **state)
{
	(void)state;
	begin(1);
	world_script(w, 0)->ready_after_ms = NEVER;
	world_script(w, 0)->exit_after_ms = 10;
	start_all();
	world_run_until(w, world_now(w) + 300);
	assert_state(0, STATE_COOLING);
}

static void fault_B12_flapping_backs_off_and_fails_at_the_limit(void **state)
{
	(void)state;
	begin(1);
	world_script(w, 0)->ready_after_ms = NEVER;
	world_script(w, 0)->exit_after_ms = 1;
	world_script(w, 0)->exit_code = 1;
	start_all();
	assert_true(world_run_until_quiet(w, world_now(w) + 600000));
	assert_state(0, STATE_FAILED);
	assert_int_equal(world_spawns(w, 0), 11);
	int64_t expected = 500;
	for (int i = 1; i < 11; i++) {
		int64_t pause = world_spawn_time(w, 0, i) - world_spawn_time(w, 0, i - 1) - 1;
		assert_in_range(pause, expected * 3 / 4, expected * 5 / 4);
		expected = expected * 2 > 30000 ? 30000 : expected * 2;
	}
	assert_int_equal(world_told(w, 0, EVENT_FAILED), 1);
}

static void fault_B13_crash_just_below_reset_still_counts(void **state)
{
	(void)state;
	begin(1);
	stack->services[0].policy.restart.reset_ms = 10000;
	world_script(w, 0)->exit_after_ms = 9000;
	world_script(w, 0)->exit_code = 1;
	start_all();
	world_run_until(w, world_now(w) + 400000);
	assert_state(0, STATE_FAILED);
}

static void fault_B14_good_run_resets_the_back_off(void **state)
{
	(void)state;
	begin(1);
	stack->services[0].policy.restart.reset_ms = 10000;
	stack->services[0].policy.restart.limit_window_ms = 15000;
	world_script(w, 0)->exit_after_ms = 11000;
	world_script(w, 0)->exit_code = 1;
	start_all();
	world_run_until(w, world_now(w) + 300000);
	assert_true(world_spawns(w, 0) > 20);
	for (int i = 1; i < 20; i++) {
		int64_t pause = world_spawn_time(w, 0, i) - world_spawn_time(w, 0, i - 1) - 11000;
		assert_in_range(pause, 375, 625);
	}
}

static void fault_B15_dependents_of_a_dead_database_burn_no_restarts(void **state)
{
	(void)state;
	begin(51);
	for (int i = 1; i <= 50; i++)
		world_depends(stack, i, 0, CONDITION_READY);
	world_script(w, 0)->ready_after_ms = NEVER;
	world_script(w, 0)->exit_after_ms = 10;
	world_script(w, 0)->exit_code = 1;
	start_all();
	world_run_until(w, world_now(w) + 10000);
	for (int i = 1; i <= 50; i++)
		assert_int_equal(world_spawns(w, i), 0);
	world_script(w, 0)->exit_after_ms = NEVER;
	world_script(w, 0)->ready_after_ms = 10;
	world_run_until(w, world_now(w) + 120000);
	int at_once = 0;
	for (int i = 1; i <= 50; i++) {
		assert_state(i, STATE_READY);
		assert_int_equal(keeper_run(world_keeper(w), i)->restarts, 0);
		at_once += world_spawn_time(w, i, 0) == world_spawn_time(w, 1, 0);
	}
	assert_true(at_once < 10); /* spread, not in one instant */
}

static void fault_B19_optional_dependency_that_fails_is_waived(void **state)
{
	(void)state;
	begin(2);
	world_depends(stack, 1, 0, CONDITION_READY);
	struct dependency optional = stack->services[1].dependencies[0];
	optional.optional = true;
	stack->services[1].dependencies = &optional;
	world_script(w, 0)->exec_error = ENOENT;
	start_all();
	world_run_until(w, world_now(w) + 1000);
	assert_state(0, STATE_FAILED);
	assert_state(1, STATE_READY);
	assert_int_equal(world_told(w, 1, EVENT_WARNING), 1);
	finish(state);
	begin(1);
}

static void fault_B20_failed_task_fails_its_dependents(void **state)
{
	(void)state;
	begin(3);
	stack->services[0].policy.type = TYPE_TASK;
	stack->services[0].policy.restart.rule = RESTART_NO;
	world_depends(stack, 1, 0, CONDITION_COMPLETED);
	world_depends(stack, 2, 1, CONDITION_READY);
	world_script(w, 0)->exit_after_ms = 5;
	world_script(w, 0)->exit_code = 1;
	start_all();
	world_run_until(w, world_now(w) + 1000);
	assert_state(1, STATE_FAILED);
	assert_state(2, STATE_FAILED);
	assert_int_equal(keeper_run(world_keeper(w), 2)->cause, CAUSE_DEPENDENCY);
	assert_non_null(strstr(keeper_run(world_keeper(w), 1)->reason, "'s0'"));
}

static bool is_stuck(int service)
{
	bool *scratch = calloc((size_t)stack->service_count, sizeof *scratch);
	bool stuck = settle_is_stuck(stack, keeper_runs(world_keeper(w)), service, scratch);
	free(scratch);
	return stuck;
}

static void a_service_whose_dependency_was_stopped_is_stuck(void **state)
{
	(void)state;
	begin(3);
	world_depends(stack, 1, 0, CONDITION_READY);
	world_depends(stack, 2, 1, CONDITION_READY);
	world_script(w, 0)->ready_after_ms = 500;
	start_all();
	world_run_until(w, world_now(w) + 100);
	assert_false(is_stuck(2));
	world_kill_from_outside(w, 0, SIGTERM);
	world_run_until(w, world_now(w) + 100);
	assert_true(is_stuck(1));
	assert_true(is_stuck(2));
	world_start(w, 0, false);
	world_run_until(w, world_now(w) + 2000);
	assert_state(2, STATE_READY);
}

/* Each needs all of the layer below: there are 4^15 ways down. */
static void who_is_stuck_is_found_in_many_layers(void **state)
{
	enum { WIDE = 4, DEEP = 16 };
	(void)state;
	begin(WIDE * DEEP);
	for (int i = WIDE; i < WIDE * DEEP; i++)
		for (int d = 0; d < WIDE; d++)
			world_depends(stack, i, (i / WIDE - 1) * WIDE + d, CONDITION_READY);
	for (int i = 0; i < WIDE; i++)
		world_script(w, i)->ready_after_ms = NEVER;
	start_all();
	world_run_until(w, world_now(w) + 100);
	assert_false(is_stuck(WIDE * DEEP - 1));
	world_kill_from_outside(w, WIDE - 1, SIGTERM);
	world_run_until(w, world_now(w) + 100);
	assert_true(is_stuck(WIDE * DEEP - 1));
}

static void fault_B20_task_past_its_timeout(void **state)
{
	(void)state;
	begin(1);
	stack->services[0].policy.type = TYPE_TASK;
	stack->services[0].policy.restart.rule = RESTART_NO;
	stack->services[0].policy.task_timeout_ms = 500;
	start_all();
	world_run_until(w, world_now(w) + 1000);
	assert_state(0, STATE_FAILED);
	assert_non_null(strstr(keeper_run(world_keeper(w), 0)->reason, "not done within"));
}

static void fault_B11_never_ready_is_stopped_and_counts(void **state)
{
	(void)state;
	begin(1);
	stack->services[0].policy.ready_timeout_ms = 1000;
	stack->services[0].policy.restart.limit = 2;
	world_script(w, 0)->ready_after_ms = NEVER;
	start_all();
	world_run_until(w, world_now(w) + 60000);
	assert_state(0, STATE_FAILED);
	assert_int_equal(world_spawns(w, 0), 3);
	assert_int_equal(keeper_run(world_keeper(w), 0)->cause, CAUSE_NOT_READY);
}

static void fault_B21_the_last_command_wins(void **state)
{
	(void)state;
	begin(1);
	world_script(w, 0)->term_delay_ms = 50;
	start_all();
	world_run_until(w, world_now(w) + 5);
	world_stop(w, 0, false);
	world_run_until(w, world_now(w) + 5);
	assert_state(0, STATE_STOPPING);
	world_start(w, 0, false);
	world_run_until(w, world_now(w) + 1000);
	assert_state(0, STATE_READY);
	world_restart(w, 0);
	world_restart(w, 0);
	world_stop(w, 0, false);
	world_run_until(w, world_now(w) + 1000);
	assert_state(0, STATE_DOWN);
	assert_int_equal(world_spawns(w, 0), 2);
}

static void fault_B24_B25_stop_is_the_reverse_of_the_start(void **state)
{
	(void)state;
	begin(3);
	world_depends(stack, 1, 0, CONDITION_READY);
	world_depends(stack, 2, 0, CONDITION_READY);
	world_script(w, 1)->term_delay_ms = 300;
	start_all();
	world_run_until(w, world_now(w) + 1000);
	for (int i = 0; i < 3; i++)
		world_stop(w, i, false);
	world_run_until(w, world_now(w) + 100);
	assert_state(2, STATE_DOWN);
	assert_state(1, STATE_STOPPING);
	assert_state(0, STATE_READY);
	world_run_until(w, world_now(w) + 1000);
	assert_state(0, STATE_DOWN);
}

/* The exit comes in the turn in which it would be too late anyhow: one failure, not two. */
static void fault_B26_an_exit_and_its_timeout_in_one_turn_are_one_failure(void **state)
{
	(void)state;
	begin(1);
	stack->services[0].policy.ready_timeout_ms = 1000;
	stack->services[0].policy.restart.limit = 1;
	world_script(w, 0)->ready_after_ms = NEVER;
	world_script(w, 0)->exit_after_ms = 1000;
	world_script(w, 0)->exit_code = 3;
	start_all();
	world_run_until(w, world_now(w) + 1001);
	assert_state(0, STATE_COOLING);
	assert_int_equal(keeper_run(world_keeper(w), 0)->restarts, 1);
	assert_int_equal(world_told(w, 0, EVENT_RESTARTING), 1);
	assert_int_equal(world_told(w, 0, EVENT_STOPPING), 0);
	world_run_until(w, world_now(w) + 60000);
	assert_state(0, STATE_FAILED);
	assert_int_equal(world_spawns(w, 0), 2);
}

static void fault_B27_exit_of_an_old_generation_and_late_probes_are_ignored(void **state)
{
	(void)state;
	begin(1);
	start_all();
	world_run_until(w, world_now(w) + 1000);
	pid_t before = keeper_run(world_keeper(w), 0)->leader.pid;
	world_kill_from_outside(w, 0, SIGKILL);
	world_run_until(w, world_now(w) + 2000);
	assert_state(0, STATE_READY);
	pid_t now = keeper_run(world_keeper(w), 0)->leader.pid;
	struct keeper_exit late = {.status = {.pid = before + 1, .code = -1, .signal = SIGKILL}};
	world_report_late(w, &late);
	late.is_hook = true;
	world_report_late(w, &late);
	world_run_until(w, world_now(w) + 1000);
	assert_state(0, STATE_READY);
	assert_int_equal(keeper_run(world_keeper(w), 0)->leader.pid, now);
	keeper_feed(world_keeper(w), 0, &(struct service_event){.kind = ON_PROBE, .generation = 99,
		.result = PROBE_IMPOSTER, .purpose = PROBE_FOR_HEALTH});
	keeper_feed(world_keeper(w), 0, &(struct service_event){.kind = ON_READY_SIGN, .generation = 99});
	world_run_until(w, world_now(w) + 1000);
	assert_state(0, STATE_READY);
	assert_int_equal(world_spawns(w, 0), 2);
}

static void fault_C1_ignoring_TERM_ends_with_KILL_at_the_timeout(void **state)
{
	(void)state;
	begin(1);
	world_script(w, 0)->term_delay_ms = NEVER;
	start_all();
	world_run_until(w, world_now(w) + 1000);
	world_stop(w, 0, false);
	world_run_until(w, world_now(w) + 9900);
	assert_state(0, STATE_STOPPING);
	world_run_until(w, world_now(w) + 200);
	assert_state(0, STATE_DOWN);
}

static void fault_C5_a_leader_that_exits_does_not_end_the_stop(void **state)
{
	(void)state;
	begin(1);
	world_script(w, 0)->orphans = 2;
	start_all();
	world_run_until(w, world_now(w) + 1000);
	world_stop(w, 0, false);
	world_run_until(w, world_now(w) + 5000);
	assert_state(0, STATE_STOPPING);
	world_run_until(w, world_now(w) + 6000);
	assert_state(0, STATE_DOWN);
}

static void fault_C11_C12_what_withstands_KILL_is_said_and_holds_nobody_up(void **state)
{
	(void)state;
	begin(2);
	world_depends(stack, 1, 0, CONDITION_READY);
	start_all();
	world_run_until(w, world_now(w) + 1000);
	world_script(w, 1)->withstands = true;
	world_stop(w, 0, false);
	world_run_until(w, world_now(w) + 14000);
	assert_false(keeper_run(world_keeper(w), 1)->unkillable);
	assert_state(0, STATE_READY);
	world_run_until(w, world_now(w) + 2000);
	assert_true(keeper_run(world_keeper(w), 1)->unkillable);
	assert_false(service_detains(keeper_run(world_keeper(w), 1)));
	assert_state(1, STATE_KILLING);
	assert_state(0, STATE_DOWN);
	world_run_until(w, world_now(w) + 60000);
	assert_int_equal(world_told(w, 1, EVENT_WARNING), 1);
	world_start(w, 1, false);
	world_run_until(w, world_now(w) + 5000);
	assert_int_equal(world_spawns(w, 1), 1);
	world_script(w, 1)->withstands = false;
	world_start(w, 0, false);
	world_run_until(w, world_now(w) + 5000);
	assert_state(1, STATE_READY);
	assert_int_equal(world_spawns(w, 1), 2);
}

static void fault_B28_what_a_crash_leaves_behind_goes_before_the_restart(void **state)
{
	(void)state;
	begin(1);
	world_script(w, 0)->polite_orphans = 3;
	start_all();
	world_run_until(w, world_now(w) + 1000);
	world_kill_from_outside(w, 0, SIGKILL);
	world_run_until(w, world_now(w) + 1);
	assert_state(0, STATE_STOPPING);
	world_run_until(w, world_now(w) + 2000);
	assert_state(0, STATE_READY);
	assert_int_equal(world_spawns(w, 0), 2);
}

static void fault_B7_TERM_from_outside_is_a_stop(void **state)
{
	(void)state;
	begin(1);
	start_all();
	world_run_until(w, world_now(w) + 1000);
	world_kill_from_outside(w, 0, SIGTERM);
	world_run_until(w, world_now(w) + 5000);
	assert_state(0, STATE_DOWN);
	assert_string_equal(keeper_run(world_keeper(w), 0)->reason, "stopped from outside");
}

static void fault_H9_thresholds_prevent_flapping(void **state)
{
	(void)state;
	begin(1);
	stack->services[0].policy.health.present = true;
	stack->services[0].policy.health.interval_ms = 1000;
	world_script(w, 0)->sick_from_ms = 5000;
	world_script(w, 0)->sick_for_ms = 1500;
	start_all();
	world_run_until(w, world_now(w) + 20000);
	assert_state(0, STATE_READY);
	assert_int_equal(world_told(w, 0, EVENT_UNHEALTHY), 0);
	assert_int_equal(world_spawns(w, 0), 1);
}

static void row_S2_unhealthy_is_restarted(void **state)
{
	(void)state;
	begin(1);
	stack->services[0].policy.health.present = true;
	stack->services[0].policy.health.interval_ms = 1000;
	world_script(w, 0)->sick_from_ms = 5000;
	world_script(w, 0)->sick_for_ms = 60000;
	start_all();
	world_run_until(w, world_now(w) + 12000);
	assert_true(world_told(w, 0, EVENT_UNHEALTHY) >= 1);
	assert_true(world_spawns(w, 0) >= 2);
}

static void be_sick_for_a_while(enum health_action action)
{
	begin(1);
	stack->services[0].policy.health.present = true;
	stack->services[0].policy.health.interval_ms = 1000;
	stack->services[0].policy.health.action = action;
	world_script(w, 0)->sick_from_ms = 5000;
	world_script(w, 0)->sick_for_ms = 8000;
	start_all();
	world_run_until(w, world_now(w) + 10000);
	assert_state(0, STATE_UNHEALTHY);
	world_run_until(w, world_now(w) + 10000);
	assert_state(0, STATE_READY);
	assert_int_equal(world_spawns(w, 0), 1);
}

static void unhealthy_with_action_alert_is_only_told_and_recovers(void **state)
{
	(void)state;
	be_sick_for_a_while(HEALTH_ALERT);
	assert_int_equal(world_told(w, 0, EVENT_UNHEALTHY), 1);
	assert_int_equal(world_told(w, 0, EVENT_RECOVERED), 1);
}

static void unhealthy_with_action_none_is_seen_and_not_told(void **state)
{
	(void)state;
	be_sick_for_a_while(HEALTH_NOTHING);
	assert_int_equal(world_told(w, 0, EVENT_UNHEALTHY), 0);
	assert_int_equal(world_told(w, 0, EVENT_RECOVERED), 0);
}

static void fault_S14_a_frozen_minute_restarts_nothing(void **state)
{
	(void)state;
	begin(1);
	stack->services[0].policy.health.present = true;
	stack->services[0].policy.health.interval_ms = 1000;
	stack->services[0].policy.health.retries = 1;
	start_all();
	world_run_until(w, world_now(w) + 5000);
	world_script(w, 0)->probe = ANSWERS_LATE;
	world_run_until(w, world_now(w) + 1500);
	world_freeze(w, 60000);
	world_script(w, 0)->probe = ANSWERS_TRUE;
	world_run_until(w, world_now(w) + 5000);
	assert_state(0, STATE_READY);
	assert_int_equal(world_spawns(w, 0), 1);
}

static void fault_S14_a_start_that_was_frozen_keeps_its_time(void **state)
{
	(void)state;
	begin(1);
	stack->services[0].policy.ready_timeout_ms = 5000;
	world_script(w, 0)->ready_after_ms = 63000;
	start_all();
	world_run_until(w, world_now(w) + 1000);
	world_freeze(w, 60000);
	world_run_until(w, world_now(w) + 3900);
	assert_state(0, STATE_READY);
}

static void fault_A10_shortage_is_no_crash(void **state)
{
	(void)state;
	begin(1);
	stack->services[0].policy.restart.limit = 1;
	world_script(w, 0)->fork_error = EAGAIN;
	start_all();
	world_run_until(w, world_now(w) + 5000);
	assert_in_range(world_spawns(w, 0), 3, 4);
	world_script(w, 0)->fork_error = 0;
	world_run_until(w, world_now(w) + 60000);
	assert_state(0, STATE_READY);
	assert_int_equal(keeper_run(world_keeper(w), 0)->restarts, 0);
}

static void fault_A1_a_missing_program_is_not_retried(void **state)
{
	(void)state;
	begin(1);
	world_script(w, 0)->exec_error = ENOENT;
	start_all();
	assert_true(world_run_until_quiet(w, world_now(w) + 60000));
	assert_state(0, STATE_FAILED);
	assert_int_equal(world_spawns(w, 0), 1);
}

static void on_dependency_restart_follows_its_dependency(void **state)
{
	(void)state;
	begin(3);
	world_depends(stack, 1, 0, CONDITION_READY);
	world_depends(stack, 2, 0, CONDITION_READY);
	stack->services[1].policy.on_dependency = DEPENDENCY_RESTART;
	start_all();
	world_run_until(w, world_now(w) + 1000);
	world_kill_from_outside(w, 0, SIGKILL);
	world_run_until(w, world_now(w) + 3000);
	assert_int_equal(world_spawns(w, 1), 2);
	assert_int_equal(world_spawns(w, 2), 1);
	assert_true(world_spawn_time(w, 1, 1) > world_spawn_time(w, 0, 1));
}

static void fault_H14_an_imposter_is_never_ready(void **state)
{
	(void)state;
	begin(1);
	world_script(w, 0)->probe = ANSWERS_IMPOSTER;
	start_all();
	world_run_until(w, world_now(w) + 5000);
	assert_state(0, STATE_STARTING);
	assert_int_equal(keeper_run(world_keeper(w), 0)->verdict.health, HEALTH_IMPOSTER);
	assert_int_equal(world_told(w, 0, EVENT_IMPOSTER), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scenario(starts_in_order_of_readiness),
		scenario(independent_services_start_at_once),
		scenario(fault_A1_a_missing_program_is_not_retried),
		scenario(fault_A10_shortage_is_no_crash),
		scenario(fault_B1_crash_before_ready_keeps_dependents_waiting),
		scenario(fault_B2_exit_0_before_ready_is_a_failed_start),
		scenario(fault_B7_TERM_from_outside_is_a_stop),
		scenario(fault_B11_never_ready_is_stopped_and_counts),
		scenario(fault_B12_flapping_backs_off_and_fails_at_the_limit),
		scenario(fault_B13_crash_just_below_reset_still_counts),
		scenario(fault_B14_good_run_resets_the_back_off),
		scenario(fault_B15_dependents_of_a_dead_database_burn_no_restarts),
		scenario(fault_B19_optional_dependency_that_fails_is_waived),
		scenario(fault_B20_failed_task_fails_its_dependents),
		scenario(a_service_whose_dependency_was_stopped_is_stuck),
		scenario(who_is_stuck_is_found_in_many_layers),
		scenario(fault_B20_task_past_its_timeout),
		scenario(fault_B21_the_last_command_wins),
		scenario(fault_B24_B25_stop_is_the_reverse_of_the_start),
		scenario(fault_B26_an_exit_and_its_timeout_in_one_turn_are_one_failure),
		scenario(fault_B27_exit_of_an_old_generation_and_late_probes_are_ignored),
		scenario(fault_C11_C12_what_withstands_KILL_is_said_and_holds_nobody_up),
		scenario(fault_B28_what_a_crash_leaves_behind_goes_before_the_restart),
		scenario(fault_C1_ignoring_TERM_ends_with_KILL_at_the_timeout),
		scenario(fault_C5_a_leader_that_exits_does_not_end_the_stop),
		scenario(fault_H9_thresholds_prevent_flapping),
		scenario(fault_H14_an_imposter_is_never_ready),
		scenario(row_S2_unhealthy_is_restarted),
		scenario(unhealthy_with_action_alert_is_only_told_and_recovers),
		scenario(unhealthy_with_action_none_is_seen_and_not_told),
		scenario(fault_S14_a_frozen_minute_restarts_nothing),
		scenario(fault_S14_a_start_that_was_frozen_keeps_its_time),
		scenario(on_dependency_restart_follows_its_dependency),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
