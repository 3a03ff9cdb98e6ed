/* rooms: base model heal stop watch */
#include "step_world.h"

static void the_signal_goes_where_the_file_says(void **state)
{
	(void)state;
	policy.stop.scope = STOP_LEADER;
	is_stopping();
	expect("stopping down: tell stopping, INT, CONT to leader; next in 10000");
	assert_string_equal(told(), "stopping: asked to stop");
}

static void fault_C1_past_the_timeout_the_tree_is_killed_again_and_again(void **state)
{
	(void)state;
	is_stopping();
	pass(9999);
	expect("stopping down:; next in 1");
	pass(1);
	expect("killing down: tell killed, KILL to tree; next in 50");
	assert_string_equal(told(), "did not stop within 10 s; killing its process tree");
	assert_string_equal(run.reason, "did not stop within 10 s");
	pass(49);
	expect("killing down:; next in 1");
	pass(1);
	expect("killing down: KILL to tree; next in 50");
	dies(SIGKILL);
	expect("down down: tree gone, tell down; nothing is due");
	assert_string_equal(run.reason, "asked to stop");
}

static void fault_C5_the_stop_is_over_when_the_tree_is_empty(void **state)
{
	(void)state;
	is_stopping();
	feed(ON_TREE);
	expect("stopping down:; next in 10000");
	/* The group has been asked already. */
	feed(ON_EXITED, .exit = {.code = 0}, .left = 3);
	expect("stopping down: TERM, CONT to strays; next in 10000");
	assert_true(run.waits_for_tree);
	feed(ON_TREE, .left = 1);
	expect("stopping down:; next in 10000");
	feed(ON_TREE);
	expect("down down: tree gone, tell down; nothing is due");
	assert_false(run.waits_for_tree);
	assert_false(run.escalation.active);
	assert_true(run.has_exit);
	assert_int_equal(run.exit_code, 0);
	assert_int_equal(run.leader.pid, 0);
}

static void fault_C11_what_cannot_be_killed_is_so_until_it_is_gone(void **state)
{
	(void)state;
	is_killing();
	feed(ON_TREE, .left = 1, .withstands = true, .reason = "pid 7 sleeps");
	assert_int_equal(run.state, STATE_KILLING);
	assert_string_equal(run.reason, "cannot be killed: pid 7 sleeps");
	assert_string_equal(told(), run.reason);
	assert_true(run.unkillable && service_occupied(&run) && !service_detains(&run));
	dies(SIGKILL);
	expect("down down: tree gone, tell down; nothing is due");
	assert_false(run.unkillable);
	is_stopping();
	assert_true(service_detains(&run));
	exits(0);
	assert_false(run.unkillable);
}

static void how_it_ended_is_known_after_a_stop(void **state)
{
	(void)state;
	is_stopping();
	exits(7);
	assert_int_equal(run.exit_code, 7);
	begin(state);
	is_stopping();
	dies(SIGSEGV);
	assert_int_equal(run.exit_signal, SIGSEGV);
}

/* What came before the stop leads to after it: the leader's exit does not change its mind. */
static void the_last_order_says_what_comes_then(void **state)
{
	(void)state;
	is_ready();
	feed(ON_RESTART, .reason = "new settings");
	expect("stopping up: tell stopping, INT, CONT to group; next in 10000");
	exits(0);
	expect("blocked up: tree gone; nothing is due");
	assert_int_equal(run.restarts, 0);
	begin(state);
	is_ready();
	feed(ON_RESTART);
	feed(ON_WANT_DOWN);
	exits(0);
	expect("down down: tree gone, tell down; nothing is due");
	assert_string_equal(told(), "down: asked to restart");
}

static void what_has_failed_stays_failed_when_stopped(void **state)
{
	static const enum service_event_kind orders[] = {ON_WANT_DOWN, ON_KILL};
	for (size_t i = 0; i < 2; i++) {
		begin(state);
		policy.restart.rule = RESTART_NO;
		leaves_remnants();
		feed(orders[i]);
		feed(ON_TREE);
		expect("failed down: tree gone, tell failed; nothing is due");
		begin(state);
		leaves_remnants();
		feed(orders[i]);
		feed(ON_TREE);
		expect("down down: tree gone, tell down; nothing is due");
		begin(state);
		policy.restart.rule = RESTART_NO;
		leaves_remnants();
		feed(ON_WANT_UP);
		feed(ON_TREE);
		expect("blocked up: tree gone; nothing is due");
	}
}

/* ---- stop.command ---- */

static void the_command_comes_before_the_signal(void **state)
{
	(void)state;
	is_stopping_by_command();
	expect("stopping down: tell stopping, stop command; next in 10000");
	pass(4000);
	feed(ON_HOOK_EXITED);
	expect("stopping down: INT, CONT to group; next in 10000");
	pass(10000);
	expect("killing down: tell killed, KILL to tree; next in 50");
}

static void a_command_that_takes_too_long_is_killed(void **state)
{
	(void)state;
	is_stopping_by_command();
	pass(9999);
	expect("stopping down:; next in 1");
	pass(1);
	expect("stopping down: KILL to hook, INT, CONT to group; next in 10000");
	pass(10000);
	expect("killing down: tell killed, KILL to hook, KILL to tree; next in 50");
	feed(ON_HOOK_EXITED);
	expect("killing down:; next in 50");
}

static void the_leader_may_go_while_the_command_runs(void **state)
{
	(void)state;
	is_stopping_by_command();
	exits(0);
	expect("stopping down:; next in 10000");
	feed(ON_TREE);
	expect("stopping down:; next in 10000");
	feed(ON_HOOK_EXITED);
	expect("stopping down: TERM, CONT to tree; next in 10000");
	assert_true(run.waits_for_tree);
	feed(ON_TREE);
	expect("down down: tree gone, tell down; nothing is due");
}

static void the_command_may_go_while_the_leader_runs(void **state)
{
	(void)state;
	is_stopping_by_command();
	feed(ON_HOOK_EXITED);
	assert_false(run.waits_for_tree);
	exits(0);
	expect("down down: tree gone, tell down; nothing is due");
}

static void kill_does_not_wait_for_the_command(void **state)
{
	(void)state;
	is_stopping_by_command();
	feed(ON_KILL);
	expect("killing down: KILL to hook, KILL to tree; next in 50");
	assert_string_equal(run.reason, "asked to be killed");
	feed(ON_KILL);
	expect("killing down:; next in 50");
	feed(ON_HOOK_EXITED);
	expect("killing down:; next in 50");
	pass(50);
	expect("killing down: KILL to tree; next in 50");
	begin(state);
	policy.stop.has_command = true;
	is_ready();
	feed(ON_KILL);
	expect("killing down: tell killed, KILL to tree; next in 50");
}

static void without_any_time_it_is_killed_at_once(void **state)
{
	(void)state;
	policy.stop.timeout_ms = 0;
	is_stopping();
	expect("stopping down: tell stopping, INT, CONT to group; next in 0");
	feed(ON_TIME);
	expect("killing down: tell killed, KILL to tree; next in 50");
	begin(state);
	policy.stop.timeout_ms = 0;
	is_stopping_by_command();
	feed(ON_HOOK_EXITED);
	expect("stopping down: INT, CONT to group; next in 0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_signal_goes_where_the_file_says, begin),
		cmocka_unit_test_setup(
			fault_C1_past_the_timeout_the_tree_is_killed_again_and_again, begin),
		cmocka_unit_test_setup(fault_C5_the_stop_is_over_when_the_tree_is_empty, begin),
		cmocka_unit_test_setup(
			fault_C11_what_cannot_be_killed_is_so_until_it_is_gone, begin),
		cmocka_unit_test_setup(how_it_ended_is_known_after_a_stop, begin),
		cmocka_unit_test_setup(the_last_order_says_what_comes_then, begin),
		cmocka_unit_test_setup(what_has_failed_stays_failed_when_stopped, begin),
		cmocka_unit_test_setup(the_command_comes_before_the_signal, begin),
		cmocka_unit_test_setup(a_command_that_takes_too_long_is_killed, begin),
		cmocka_unit_test_setup(the_leader_may_go_while_the_command_runs, begin),
		cmocka_unit_test_setup(the_command_may_go_while_the_leader_runs, begin),
		cmocka_unit_test_setup(kill_does_not_wait_for_the_command, begin),
		cmocka_unit_test_setup(without_any_time_it_is_killed_at_once, begin),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
