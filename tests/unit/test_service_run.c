/* rooms: base model heal stop watch */
#include "step_world.h"

/* ---- how a run ends, and what comes then ---- */

static void expect_after_exit(struct exit_status exit, const char *outcome)
{
	exit.pid = LEADER_PID;
	feed(ON_EXITED, .exit = exit);
	expect(outcome);
}

#define AGAIN "cooling up: tell exited, tree gone, tell restarting; next in 375"
#define DONE "done up: tell exited, tree gone, tell done; nothing is due"
#define DOWN "down down: tell exited, tree gone, tell down; nothing is due"
#define FAILED "failed up: tell exited, tree gone, tell failed; nothing is due"

static const struct exit_status well = {.code = 0};
static const struct exit_status badly = {.code = 1};
static const struct exit_status crash = {.code = -1, .signal = SIGSEGV};
static const struct exit_status term = {.code = -1, .signal = SIGTERM};
static const struct exit_status interrupt = {.code = -1, .signal = SIGINT};
static const struct exit_status killed = {.code = -1, .signal = SIGKILL};

/* The restart rules, each with every way to end; `well` counts once it was ready. */
static void promise_P7_an_exit_is_answered_by_the_rule(void **state)
{
	static const struct {
		enum restart_rule rule;
		enum service_type type;
		void (*before)(void);
		const struct exit_status *exit;
		const char *outcome;
	} rows[] = {
		{RESTART_ON_FAILURE, TYPE_SERVICE, is_ready, &well, DONE},
		{RESTART_ON_FAILURE, TYPE_SERVICE, is_ready, &badly, AGAIN},
		{RESTART_ON_FAILURE, TYPE_SERVICE, is_ready, &crash, AGAIN},
		{RESTART_ON_FAILURE, TYPE_SERVICE, is_ready, &killed, AGAIN},
		{RESTART_ON_FAILURE, TYPE_SERVICE, is_ready, &term, DOWN},
		{RESTART_ON_FAILURE, TYPE_SERVICE, is_ready, &interrupt, DOWN},
		{RESTART_ON_FAILURE, TYPE_SERVICE, is_starting, &well, AGAIN},
		{RESTART_ON_FAILURE, TYPE_SERVICE, is_starting, &term, DOWN},
		{RESTART_ALWAYS, TYPE_SERVICE, is_ready, &well, AGAIN},
		{RESTART_ALWAYS, TYPE_SERVICE, is_ready, &badly, AGAIN},
		{RESTART_ALWAYS, TYPE_SERVICE, is_ready, &term, AGAIN},
		{RESTART_NO, TYPE_SERVICE, is_ready, &well, DONE},
		{RESTART_NO, TYPE_SERVICE, is_ready, &badly, FAILED},
		{RESTART_NO, TYPE_SERVICE, is_starting, &well, FAILED},
		{RESTART_NO, TYPE_SERVICE, is_ready, &term, DOWN},
		{RESTART_ON_FAILURE, TYPE_TASK, is_starting, &well, DONE},
		{RESTART_ON_FAILURE, TYPE_TASK, is_starting, &badly, AGAIN},
		{RESTART_NO, TYPE_TASK, is_starting, &badly, FAILED},
		{RESTART_NO, TYPE_TASK, is_starting, &term, FAILED},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		begin(state);
		policy.restart.rule = rows[i].rule;
		policy.type = rows[i].type;
		rows[i].before();
		if (run.probe_until_ms != NO_DEADLINE)
			feed_probe(PROBE_UNKNOWN);
		expect_after_exit(*rows[i].exit, rows[i].outcome);
		assert_true(run.has_exit);
		assert_int_equal(run.leader.pid, 0);
		assert_int_equal(run.exit_code, rows[i].exit->code);
		assert_int_equal(run.exit_signal, rows[i].exit->signal);
		assert_int_equal(run.cause,
			strstr(rows[i].outcome, "restarting") || strstr(rows[i].outcome, "failed")
				? CAUSE_CRASH
				: CAUSE_NONE);
	}
}

static void an_exit_that_was_asked_for_is_the_end(void **state)
{
	static const struct exit_status *const exits[] = {&well, &badly, &crash, &term};
	for (size_t i = 0; i < sizeof exits / sizeof exits[0]; i++) {
		begin(state);
		is_ready();
		feed(ON_WANT_DOWN);
		expect_after_exit(*exits[i], DOWN);
		/* Whatever came after the run before. */
		begin(state);
		is_cooling();
		pass_until_due();
		is_starting();
		feed(ON_WANT_DOWN);
		expect_after_exit(*exits[i], DOWN);
	}
}

/* It waits for its dependents to stop, and its own time runs out. */
static void what_is_too_late_and_not_wanted_goes_down(void **state)
{
	static const enum restart_rule rules[] = {RESTART_NO, RESTART_ON_FAILURE, RESTART_ALWAYS};
	for (size_t i = 0; i < 3; i++) {
		begin(state);
		policy.restart.rule = rules[i];
		policy.readiness = READY_LOG;
		is_starting();
		feed(ON_WANT_DOWN);
		pass(60000);
		expect("stopping down: tell stopping, INT, CONT to group; next in 10000");
		dies(SIGINT);
		expect("down down: tree gone, tell down; nothing is due");
		assert_int_equal(run.budget.count, 0);
	}
}

static void an_exit_is_told_with_its_time_and_reason(void **state)
{
	(void)state;
	is_ready();
	now_ms += 2100;
	feed(ON_EXITED, .exit = {.code = 3}, .reason = "out of luck");
	assert_string_equal(effects.items[0].text, "exited with code 3 after 2.1 s: out of luck");
	assert_string_equal(told(), "exited with code 3 after 2.1 s: out of luck; "
				    "trying again in 375 ms (1 of 3)");
	assert_string_equal(run.reason, "exited with code 3 after 2.1 s: out of luck");
	begin(state);
	is_ready();
	dies(SIGTERM);
	assert_string_equal(effects.items[0].text, "killed by SIGTERM after 0 ms");
	assert_string_equal(told(), "down: stopped from outside");
}

static void fault_B12_back_off_grows_and_the_limit_fails(void **state)
{
	(void)state;
	int64_t expected = 500;
	chance = 125; /* of 251: no spread */
	for (int i = 1; i <= 3; i++, expected *= 2) {
		is_starting();
		chance = (uint32_t)expected / 4;
		exits(1);
		assert_int_equal(run.state, STATE_COOLING);
		assert_int_equal(run.restarts, i);
		assert_int_equal(service_next_time(&run), now_ms + expected);
		pass_until_due();
	}
	is_starting();
	exits(1);
	expect(FAILED);
	assert_string_equal(run.reason,
		"exited with code 1 after 0 ms; limit of 3 restarts in 5 min reached");
	assert_int_equal(run.restarts, 3);
}

static void fault_B14_a_good_run_begins_the_back_off_anew(void **state)
{
	static const struct {
		int64_t before_ms;
		int64_t ready_for_ms;
		int64_t pause_ms;
	} rows[] = {{0, 19999, 750}, {1, 19999, 750}, {0, 20000, 375}, {30000, 19999, 750}};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		begin(state);
		is_ready();
		exits(1);
		pass_until_due();
		is_starting();
		now_ms += rows[i].before_ms;
		feed(ON_TIME);
		feed_probe(PROBE_OK);
		now_ms += rows[i].ready_for_ms;
		exits(1);
		assert_int_equal(service_next_time(&run) - now_ms, rows[i].pause_ms);
	}
	/* Long, but never ready. */
	begin(state);
	is_ready();
	exits(1);
	pass_until_due();
	is_starting();
	now_ms += 50000;
	exits(1);
	assert_int_equal(service_next_time(&run) - now_ms, 750);
}

static void a_failure_of_ours_that_is_mended_costs_nothing(void **state)
{
	(void)state;
	is_starting();
	feed(ON_EXITED, .exit = {.code = 1}, .again = true);
	expect("blocked up: tree gone; nothing is due");
	assert_int_equal(run.restarts, 0);
	assert_string_equal(run.reason, "asked to start");
	begin(state);
	is_starting();
	feed(ON_WANT_DOWN);
	feed(ON_EXITED, .exit = {.code = 1}, .again = true);
	expect(DOWN);
}

static void what_never_became_the_program(void **state)
{
	static const struct {
		int number;
		const char *outcome;
	} rows[] = {
		{ENOENT, "failed up: tell spawn_failed, tree gone, tell failed; nothing is due"},
		{EAGAIN, "cooling up: tell spawn_failed, tree gone, tell restarting; next in 375"},
		{0, "cooling up: tell spawn_failed, tree gone, tell restarting; next in 375"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		begin(state);
		is_starting();
		expect_after_exit((struct exit_status){.code = 127, .stage = "exec",
			.number = rows[i].number}, rows[i].outcome);
		assert_string_equal(effects.items[0].text, "killed before it could start");
		assert_int_equal(run.cause, CAUSE_CRASH);
		assert_int_equal(run.budget.count, 0);
	}
	begin(state);
	is_starting();
	feed(ON_WANT_DOWN);
	feed(ON_EXITED, .exit = {.code = 127, .stage = "exec", .number = ENOENT},
		.reason = "no api");
	expect("down down: tell spawn_failed, tree gone, tell down; nothing is due");
	assert_string_equal(run.reason, "no api");
}

static void fault_B28_what_it_leaves_behind_goes_first(void **state)
{
	(void)state;
	leaves_remnants();
	expect("stopping up: tell exited, tell stopping, TERM, CONT to tree; next in 10000");
	assert_string_equal(told(), "ending 2 processes it left behind");
	assert_string_equal(run.reason,
		"exited with code 3 after 0 ms; ending 2 processes it left behind");
	assert_true(run.waits_for_tree);
	feed(ON_TREE, .left = 1);
	expect("stopping up:; next in 10000");
	pass(10000);
	expect("killing up: tell killed, KILL to tree; next in 50");
	feed(ON_TREE);
	expect("cooling up: tree gone, tell restarting; next in 375");
	assert_false(run.waits_for_tree);
	assert_string_equal(run.reason, "exited with code 3 after 0 ms");
}

/* A stop command is for a service that runs. */
static void what_is_left_behind_is_not_ended_by_the_stop_command(void **state)
{
	(void)state;
	policy.stop.has_command = true;
	leaves_remnants();
	expect("stopping up: tell exited, tell stopping, TERM, CONT to tree; next in 10000");
}

static void who_asks_gives_the_reason(void **state)
{
	static const struct {
		enum service_event_kind kind;
		const char *silent;
	} rows[] = {{ON_WANT_DOWN, "asked to stop"}, {ON_RESTART, "asked to restart"},
		{ON_KILL, "asked to be killed"}};
	for (size_t i = 0; i < 3; i++) {
		begin(state);
		is_ready();
		feed(rows[i].kind, .reason = "somebody");
		feed(ON_MAY_STOP);
		assert_string_equal(run.reason, "somebody");
		begin(state);
		is_ready();
		feed(rows[i].kind);
		feed(ON_MAY_STOP);
		assert_string_equal(run.reason, rows[i].silent);
	}
}

static void a_restart_is_also_a_start(void **state)
{
	(void)state;
	is_ready();
	feed(ON_WANT_DOWN);
	feed(ON_RESTART);
	expect("stopping up: tell stopping, INT, CONT to group; next in 10000");
	exits(0);
	expect("blocked up: tree gone; nothing is due");
}

static void what_was_killed_is_down(void **state)
{
	(void)state;
	is_ready();
	feed(ON_KILL);
	dies(SIGKILL);
	expect("down down: tree gone, tell down; nothing is due");
	assert_int_equal(run.exit_signal, SIGKILL);
}

/* ---- health ---- */

static void health_is_checked_about_every_interval(void **state)
{
	static const struct {
		uint32_t chance;
		int64_t pause_ms;
	} rows[] = {{0, 3600}, {400, 4000}, {800, 4400}, {801, 3600}, {UINT32_MAX, 4089}};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		begin(state);
		is_being_checked();
		chance = rows[i].chance;
		feed_probe(PROBE_OK);
		assert_int_equal(service_next_time(&run) - now_ms, rows[i].pause_ms);
	}
}

static void a_check_is_not_due_before_its_time(void **state)
{
	(void)state;
	is_being_checked();
	feed_probe(PROBE_OK);
	pass(3599);
	expect("ready up:; next in 1");
	pass(1);
	expect("ready up: probe for health within 1500; nothing is due");
	assert_int_equal(run.probe_until_ms, now_ms + 1500);
	assert_int_equal(run.probe_at_ms, NO_DEADLINE);
}

/* Often, until it has succeeded once: a service that comes up is seen to be healthy soon. */
static void before_the_first_success_it_is_asked_again_soon(void **state)
{
	(void)state;
	is_being_checked();
	feed_probe(PROBE_FAILED, .reason = "refused");
	expect("ready up:; next in 50");
	assert_string_equal(run.reason, "health check failed: refused");
	assert_int_equal(run.probe_until_ms, NO_DEADLINE);
	feed_probe(PROBE_UNKNOWN, .reason = "no descriptors");
	expect("ready up:; next in 100");
	assert_string_equal(run.reason, "health check failed: refused");
	feed_probe(PROBE_FAILED, .cheap = true);
	expect("ready up:; next in 1");
	feed_probe(PROBE_OK);
	expect("ready up:; next in 3600");
	assert_string_equal(run.reason, "");
	feed_probe(PROBE_UNKNOWN);
	expect("ready up:; next in 3600");
	feed_probe(PROBE_FAILED, .cheap = true);
	expect("ready up:; next in 3600");
	assert_string_equal(run.reason, "");
}

static void fails_twice(void)
{
	is_being_checked();
	feed_probe(PROBE_OK);
	feed_probe(PROBE_FAILED, .reason = "refused");
	expect("ready up:; next in 3600");
	feed_probe(PROBE_FAILED, .reason = "refused");
}

static void row_S2_unhealthy_is_restarted(void **state)
{
	(void)state;
	fails_twice();
	expect("stopping up: tell unhealthy, tell stopping, INT, CONT to group; next in 10000");
	assert_string_equal(effects.items[0].text, "unhealthy: refused");
	assert_string_equal(run.reason, "unhealthy: refused");
	assert_int_equal(run.cause, CAUSE_CRASH);
	assert_int_equal(run.budget.count, 1);
	dies(SIGINT);
	expect("cooling up: tree gone, tell restarting; next in 375");
	assert_string_equal(told(), "unhealthy: refused; trying again in 375 ms (1 of 3)");
}

static void unhealthy_within_the_start_period_does_not_count(void **state)
{
	(void)state;
	policy.health.present = true;
	policy.health.start_period_ms = 3000;
	is_starting();
	pass(1000);
	feed_probe(PROBE_OK);
	pass(0);
	feed_probe(PROBE_OK);
	now_ms += 1999; /* since it was started, not since it was ready */
	for (int i = 0; i < 5; i++)
		feed_probe(PROBE_FAILED, .reason = "refused");
	assert_int_equal(run.state, STATE_READY);
	now_ms += 1;
	feed_probe(PROBE_FAILED);
	feed_probe(PROBE_FAILED);
	assert_int_equal(run.state, STATE_STOPPING);
	assert_string_equal(run.reason, "unhealthy: no reason given");
}

static void unhealthy_without_a_restart_stays_and_recovers(void **state)
{
	static const struct {
		enum health_action action;
		enum restart_rule rule;
		const char *ill;
		const char *well;
	} rows[] = {
		{HEALTH_ALERT, RESTART_ON_FAILURE, "unhealthy up: tell unhealthy; next in 3600",
			"ready up: tell recovered; next in 3600"},
		{HEALTH_NOTHING, RESTART_ON_FAILURE, "unhealthy up:; next in 3600",
			"ready up:; next in 3600"},
		{HEALTH_RESTART, RESTART_NO, "unhealthy up: tell unhealthy; next in 3600",
			"ready up: tell recovered; next in 3600"},
	};
	for (size_t i = 0; i < 3; i++) {
		begin(state);
		policy.health.action = rows[i].action;
		policy.restart.rule = rows[i].rule;
		fails_twice();
		expect(rows[i].ill);
		assert_string_equal(run.reason, "refused");
		pass_until_due();
		feed_probe(PROBE_FAILED, .reason = "reset");
		expect("unhealthy up:; next in 3600");
		assert_string_equal(run.reason, "refused");
		pass_until_due();
		feed_probe(PROBE_UNKNOWN, .cheap = true);
		expect("unhealthy up:; next in 3600");
		pass_until_due();
		feed_probe(PROBE_OK);
		expect(rows[i].well);
		assert_string_equal(run.reason, "");
	}
}

static void recovering_takes_all_successes(void **state)
{
	(void)state;
	is_unhealthy();
	policy.health.successes = 2;
	feed_probe(PROBE_OK);
	expect("unhealthy up:; next in 3600");
	feed_probe(PROBE_OK);
	expect("ready up: tell recovered; next in 3600");
}

/* A restart would not help: somebody else sits on its port. */
static void fault_H14_an_imposter_is_no_reason_to_restart(void **state)
{
	(void)state;
	is_being_checked();
	feed_probe(PROBE_IMPOSTER, .reason = "process 9 answers");
	expect("unhealthy up: tell imposter, tell unhealthy; next in 3600");
	assert_string_equal(effects.items[0].text, "process 9 answers");
	assert_string_equal(told(), "unhealthy: process 9 answers");
	pass_until_due();
	expect("unhealthy up: probe for health within 1500; nothing is due");
	feed_probe(PROBE_IMPOSTER, .cheap = true);
	expect("unhealthy up:; next in 3600");
	pass_until_due();
	feed_probe(PROBE_OK);
	expect("ready up: tell recovered; next in 3600");
	feed_probe(PROBE_IMPOSTER);
	assert_string_equal(effects.items[0].text, "imposter");
}

static void a_crash_while_unhealthy_is_a_crash(void **state)
{
	(void)state;
	is_unhealthy();
	exits(1);
	expect(AGAIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(promise_P7_an_exit_is_answered_by_the_rule, begin),
		cmocka_unit_test_setup(an_exit_that_was_asked_for_is_the_end, begin),
		cmocka_unit_test_setup(what_is_too_late_and_not_wanted_goes_down, begin),
		cmocka_unit_test_setup(an_exit_is_told_with_its_time_and_reason, begin),
		cmocka_unit_test_setup(fault_B12_back_off_grows_and_the_limit_fails, begin),
		cmocka_unit_test_setup(fault_B14_a_good_run_begins_the_back_off_anew, begin),
		cmocka_unit_test_setup(a_failure_of_ours_that_is_mended_costs_nothing, begin),
		cmocka_unit_test_setup(what_never_became_the_program, begin),
		cmocka_unit_test_setup(fault_B28_what_it_leaves_behind_goes_first, begin),
		cmocka_unit_test_setup(what_is_left_behind_is_not_ended_by_the_stop_command, begin),
		cmocka_unit_test_setup(who_asks_gives_the_reason, begin),
		cmocka_unit_test_setup(a_restart_is_also_a_start, begin),
		cmocka_unit_test_setup(what_was_killed_is_down, begin),
		cmocka_unit_test_setup(health_is_checked_about_every_interval, begin),
		cmocka_unit_test_setup(a_check_is_not_due_before_its_time, begin),
		cmocka_unit_test_setup(before_the_first_success_it_is_asked_again_soon, begin),
		cmocka_unit_test_setup(row_S2_unhealthy_is_restarted, begin),
		cmocka_unit_test_setup(unhealthy_within_the_start_period_does_not_count, begin),
		cmocka_unit_test_setup(unhealthy_without_a_restart_stays_and_recovers, begin),
		cmocka_unit_test_setup(recovering_takes_all_successes, begin),
		cmocka_unit_test_setup(fault_H14_an_imposter_is_no_reason_to_restart, begin),
		cmocka_unit_test_setup(a_crash_while_unhealthy_is_a_crash, begin),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
