/* rooms: base model heal stop watch */
#include "step_world.h"

/* ---- from blocked to a process ---- */

static void what_came_back_is_not_met_by_all_at_once(void **state)
{
	(void)state;
	chance = 1000;
	is_blocked();
	feed(ON_MAY_START, .spread = true);
	expect("cooling up:; next in 0");
	begin(state);
	chance = 249;
	is_blocked();
	feed(ON_MAY_START, .spread = true);
	expect("cooling up:; next in 249");
	pass(248);
	expect("cooling up:; next in 1");
	pass(1);
	expect("blocked up:; nothing is due");
	feed(ON_MAY_START, .spread = true);
	expect("blocked up: spawn; nothing is due");
	/* The next time it waits for its moment again. */
	feed(ON_SHORTAGE, .exit.number = EAGAIN);
	pass_until_due();
	feed(ON_MAY_START, .spread = true);
	expect("cooling up:; next in 249");
}

static void what_it_starts_without_is_told(void **state)
{
	(void)state;
	is_blocked();
	feed(ON_MAY_START, .reason = "starts without 'db'");
	expect("blocked up: tell warning, spawn; nothing is due");
	assert_string_equal(told(), "starts without 'db'");
	assert_int_equal(run.generation, 1);
}

static void a_start_remembers_nothing_of_the_last_one(void **state)
{
	(void)state;
	policy.health.present = true;
	is_ready();
	exits(3);
	assert_true(run.has_exit);
	pass_until_due();
	now_ms += 70;
	run.quick_probes = 9;
	run.waits_for_tree = true;
	run.verdict.health = HEALTH_IMPOSTER;
	feed(ON_MAY_START);
	assert_int_equal(run.generation, 2);
	feed(ON_SPAWNED, .child = {.pid = 300, .pidfd = 7});
	assert_int_equal(run.leader.pid, 300);
	assert_int_equal(run.session, 300);
	assert_int_equal(run.started_ms, now_ms);
	assert_int_equal(run.ready_ms, 0);
	assert_int_equal(run.quick_probes, 0);
	assert_int_equal(run.verdict.health, HEALTH_UNKNOWN);
	assert_false(run.was_ready || run.waits_for_tree || run.has_exit);
	assert_string_equal(run.reason, "started as process 300");
	assert_string_equal(told(), "started as process 300");
}

static void fault_A10_a_shortage_is_waited_out_at_no_cost(void **state)
{
	static const int shortages[] = {0, EAGAIN, ENOMEM, EMFILE, ENFILE};
	(void)state;
	for (size_t i = 0; i < sizeof shortages / sizeof shortages[0]; i++) {
		begin(state);
		is_blocked();
		feed(ON_SHORTAGE, .exit.number = shortages[i], .reason = "fork");
		expect("cooling up: tree gone, tell spawn_failed; next in 375");
		assert_string_equal(told(), "could not be started: fork; trying again in 375 ms");
		pass_until_due();
		feed(ON_SHORTAGE, .exit.number = shortages[i]);
		expect("cooling up: tree gone, tell spawn_failed; next in 750");
		assert_int_equal(run.restarts, 0);
		assert_int_equal(run.budget.count, 0);
	}
}

static void a_start_that_cannot_work_has_failed(void **state)
{
	(void)state;
	is_blocked();
	feed(ON_SHORTAGE, .exit.number = ENOENT, .reason = "no such directory");
	expect("failed up: tree gone, tell failed; nothing is due");
	assert_string_equal(told(), "failed: no such directory");
	assert_string_equal(run.reason, "no such directory");
	assert_int_equal(run.cause, CAUSE_CRASH);
}

static void a_dependency_that_failed_is_the_cause(void **state)
{
	(void)state;
	is_blocked();
	feed(ON_DEPENDENCY_FAILED, .reason = "it needs 'db'");
	assert_int_equal(run.cause, CAUSE_DEPENDENCY);
	assert_string_equal(run.reason, "it needs 'db'");
	assert_string_equal(told(), "not started: it needs 'db'");
}

static void reasons_of_those_who_ask_are_kept(void **state)
{
	static void (*const waiting[])(void) = {is_blocked, is_cooling};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		begin(state);
		waiting[i]();
		feed(ON_WANT_DOWN, .reason = "not needed");
		assert_string_equal(run.reason, "not needed");
		begin(state);
		waiting[i]();
		feed(ON_WANT_DOWN);
		assert_string_equal(run.reason, "asked to stop");
		expect("down down: tell down; nothing is due");
	}
}

/* ---- readiness ---- */

static void a_look_is_repeated_often_at_first(void **state)
{
	(void)state;
	is_starting();
	feed(ON_TIME);
	expect("starting up: probe for ready within 2000; next in 60000");
	feed_probe(PROBE_FAILED, .cheap = true);
	expect("starting up:; next in 1");
	now_ms += 249;
	feed(ON_TIME);
	feed_probe(PROBE_FAILED, .cheap = true);
	expect("starting up:; next in 1");
	pass(1);
	feed_probe(PROBE_FAILED, .cheap = true);
	expect("starting up:; next in 50");
	pass(49);
	expect("starting up:; next in 1");
	pass(1);
	expect("starting up: probe for ready within 2000; next in 59700");
}

static void expect_attempts(const int64_t *pauses, size_t count)
{
	is_starting();
	for (size_t i = 0; i < count; i++) {
		pass_until_due();
		assert_int_equal(effects.items[0].kind, EFFECT_PROBE);
		feed_probe(i % 2 ? PROBE_UNKNOWN : PROBE_FAILED);
		assert_int_equal(service_next_time(&run) - now_ms, pauses[i]);
	}
}

static void attempts_become_rarer(void **state)
{
	static const int64_t by_a_second[] = {50, 100, 200, 400, 800, 1000, 1000, 1000};
	static const int64_t by_the_interval[] = {50, 100, 200, 300, 300};
	static const int64_t of_a_long_interval[] = {50, 100, 200, 400, 800, 1000, 1000};
	(void)state;
	policy.health.interval_ms = 10;
	expect_attempts(by_a_second, 8);
	begin(state);
	policy.health.present = true;
	policy.health.interval_ms = 300;
	expect_attempts(by_the_interval, 5);
	begin(state);
	policy.health.present = true;
	expect_attempts(of_a_long_interval, 7);
}

static void a_probe_has_the_time_of_the_health_check(void **state)
{
	(void)state;
	policy.health.present = true;
	is_starting();
	feed(ON_TIME);
	expect("starting up: probe for ready within 1500; next in 60000");
	assert_int_equal(run.probe_until_ms, now_ms + 1500);
}

static void what_it_waits_for_is_its_reason(void **state)
{
	(void)state;
	is_starting();
	feed(ON_TIME);
	feed_probe(PROBE_FAILED, .reason = "port 3000: refused");
	assert_string_equal(run.reason, "port 3000: refused");
	assert_int_equal(run.probe_until_ms, NO_DEADLINE);
	feed_probe(PROBE_UNKNOWN, .reason = "no descriptors");
	assert_string_equal(run.reason, "port 3000: refused");
	feed_probe(PROBE_FAILED);
	assert_string_equal(run.reason, "port 3000: refused");
}

static void ready_is_told_and_without_a_check_nothing_follows(void **state)
{
	(void)state;
	is_starting();
	pass(1200);
	feed_probe(PROBE_OK, .reason = "200");
	expect("ready up: tell ready; nothing is due");
	assert_string_equal(told(), "ready after 1.2 s");
	assert_string_equal(run.reason, "");
	assert_true(run.was_ready);
	assert_int_equal(run.ready_ms, now_ms);
	assert_string_equal(service_transition(&run, service_transitions(&run) - 1)->reason,
		"ready after 1.2 s");
}

static void a_sign_makes_ready_whom_one_is_asked_of(void **state)
{
	is_starting();
	feed(ON_TIME);
	feed(ON_READY_SIGN, .generation = 1);
	expect("starting up:; next in 60000");
	begin(state);
	policy.readiness = READY_NOTIFY;
	is_starting();
	feed(ON_READY_SIGN, .generation = 1);
	expect("ready up: tell ready; nothing is due");
	feed(ON_READY_SIGN, .generation = 1);
	expect("ready up:; nothing is due");
	begin(state);
	policy.readiness = READY_NOTIFY;
	policy.type = TYPE_TASK;
	is_starting();
	feed(ON_READY_SIGN, .generation = 1);
	expect("starting up:; nothing is due");
}

static void health_is_asked_for_once_it_is_ready(void **state)
{
	(void)state;
	policy.health.present = true;
	is_starting();
	feed(ON_TIME);
	feed_probe(PROBE_FAILED);
	pass(50);
	feed_probe(PROBE_OK);
	expect("ready up: tell ready; next in 0");
	assert_int_equal(run.verdict.health, HEALTH_UNKNOWN);
	feed(ON_TIME);
	expect("ready up: probe for health within 1500; nothing is due");
	/* Its attempts begin anew. */
	feed_probe(PROBE_FAILED);
	expect("ready up:; next in 50");
	/* And so does readiness, after the next start. */
	exits(3);
	pass_until_due();
	is_starting();
	feed(ON_TIME);
	expect("starting up: probe for ready within 1500; next in 60000");
}

static void readiness_counts_as_the_first_check(void **state)
{
	(void)state;
	policy.health.present = true;
	policy.readiness = READY_PROBE;
	policy.readiness_is_health = true;
	is_ready();
	expect("ready up: tell ready; next in 3600");
	assert_int_equal(run.verdict.health, HEALTH_HEALTHY);
}

static void passive_readiness_is_listened_for(void **state)
{
	static const enum readiness passive[] = {READY_LOG, READY_NOTIFY};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		begin(state);
		policy.readiness = passive[i];
		is_starting();
		expect("starting up: tell starting, listen; next in 60000");
	}
	/* An answer that nobody asked for is no sign. */
	feed_probe(PROBE_FAILED);
	assert_int_equal(run.state, STATE_STARTING);
	begin(state);
	policy.readiness = READY_PROBE;
	is_starting();
	expect("starting up: tell starting; next in 0");
}

static void fault_H14_an_imposter_is_told_once_until_it_is_gone(void **state)
{
	(void)state;
	is_starting();
	feed(ON_TIME);
	feed_probe(PROBE_IMPOSTER, .reason = "process 9 answers");
	expect("starting up: tell imposter; next in 50");
	assert_string_equal(told(), "process 9 answers");
	assert_string_equal(run.reason, "process 9 answers");
	feed_probe(PROBE_IMPOSTER, .reason = "process 10 answers");
	expect("starting up:; next in 100");
	assert_string_equal(run.reason, "process 10 answers");
	feed_probe(PROBE_FAILED);
	assert_int_equal(run.verdict.health, HEALTH_NONE);
	feed_probe(PROBE_IMPOSTER);
	assert_string_equal(told(), "imposter");
}

/* ---- tasks, and the time that a start may take ---- */

static void a_task_is_not_asked_whether_it_is_ready(void **state)
{
	(void)state;
	policy.type = TYPE_TASK;
	is_starting();
	expect("starting up: tell starting; nothing is due");
	exits(0);
	expect("done up: tell exited, tree gone, tell done; nothing is due");
}

static void fault_B20_a_task_has_its_time(void **state)
{
	(void)state;
	policy.type = TYPE_TASK;
	policy.task_timeout_ms = 700;
	policy.restart.rule = RESTART_NO;
	is_starting();
	expect("starting up: tell starting; next in 700");
	pass(699);
	expect("starting up:; next in 1");
	pass(1);
	expect("stopping up: tell stopping, INT, CONT to group; next in 10000");
	dies(SIGINT);
	expect("failed up: tree gone, tell failed; nothing is due");
	assert_string_equal(run.reason, "not done within 700 ms");
	assert_int_equal(run.cause, CAUSE_CRASH);
}

static void fault_B11_never_ready_is_tried_again_and_then_failed(void **state)
{
	(void)state;
	policy.restart.limit = 1;
	is_starting();
	feed(ON_TIME);
	feed_probe(PROBE_FAILED, .reason = "refused");
	pass(100);
	pass(59900);
	expect("stopping up: cancel probe, tell stopping, INT, CONT to group; next in 10000");
	assert_string_equal(run.reason, "not ready within 1 min: refused");
	exits(0);
	expect("cooling up: tree gone, tell restarting; next in 375");
	assert_int_equal(run.cause, CAUSE_NOT_READY);
	pass_until_due();
	is_starting();
	pass(60000);
	exits(0);
	expect("failed up: tree gone, tell failed; nothing is due");
	assert_string_equal(told(), "failed: not ready within 1 min: started as process 100; "
				    "limit of 1 restart in 5 min reached");
}

static void a_start_without_a_limit_takes_as_long_as_it_likes(void **state)
{
	(void)state;
	policy.ready_timeout_ms = 0;
	policy.readiness = READY_LOG;
	is_starting();
	expect("starting up: tell starting, listen; nothing is due");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_came_back_is_not_met_by_all_at_once, begin),
		cmocka_unit_test_setup(what_it_starts_without_is_told, begin),
		cmocka_unit_test_setup(a_start_remembers_nothing_of_the_last_one, begin),
		cmocka_unit_test_setup(fault_A10_a_shortage_is_waited_out_at_no_cost, begin),
		cmocka_unit_test_setup(a_start_that_cannot_work_has_failed, begin),
		cmocka_unit_test_setup(a_dependency_that_failed_is_the_cause, begin),
		cmocka_unit_test_setup(reasons_of_those_who_ask_are_kept, begin),
		cmocka_unit_test_setup(a_look_is_repeated_often_at_first, begin),
		cmocka_unit_test_setup(attempts_become_rarer, begin),
		cmocka_unit_test_setup(a_probe_has_the_time_of_the_health_check, begin),
		cmocka_unit_test_setup(what_it_waits_for_is_its_reason, begin),
		cmocka_unit_test_setup(ready_is_told_and_without_a_check_nothing_follows, begin),
		cmocka_unit_test_setup(a_sign_makes_ready_whom_one_is_asked_of, begin),
		cmocka_unit_test_setup(health_is_asked_for_once_it_is_ready, begin),
		cmocka_unit_test_setup(readiness_counts_as_the_first_check, begin),
		cmocka_unit_test_setup(passive_readiness_is_listened_for, begin),
		cmocka_unit_test_setup(fault_H14_an_imposter_is_told_once_until_it_is_gone, begin),
		cmocka_unit_test_setup(a_task_is_not_asked_whether_it_is_ready, begin),
		cmocka_unit_test_setup(fault_B20_a_task_has_its_time, begin),
		cmocka_unit_test_setup(fault_B11_never_ready_is_tried_again_and_then_failed, begin),
		cmocka_unit_test_setup(a_start_without_a_limit_takes_as_long_as_it_likes, begin),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
