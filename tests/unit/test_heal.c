/* rooms: base model heal stop */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "heal/backoff.h"
#include "heal/budget.h"
#include "heal/verdict.h"
#include "stop/escalation.h"
#include "stop/sequence.h"

#include <cmocka.h>

static const struct restart_policy restart = {.rule = RESTART_ON_FAILURE, .delay_ms = 500,
	.max_delay_ms = 30000, .reset_ms = 60000, .limit = 3, .limit_window_ms = 10000};
static const struct health_policy health = {.present = true, .interval_ms = 1000, .retries = 3,
	.successes = 2, .start_period_ms = 5000};
static const struct stop_policy stop = {.signal = SIGTERM, .timeout_ms = 10000};

static void promise_P7_back_off_doubles_within_its_spread(void **state)
{
	(void)state;
	static const uint32_t randoms[] = {0, 1, 12345, UINT32_MAX / 2, UINT32_MAX};
	for (size_t r = 0; r < sizeof randoms / sizeof randoms[0]; r++) {
		struct backoff b = {0};
		int64_t expected = 500;
		for (int i = 0; i < 12; i++) {
			int64_t delay = backoff_next(&b, &restart, randoms[r]);
			assert_in_range(delay, expected * 3 / 4, expected * 5 / 4);
			assert_true(delay <= restart.max_delay_ms);
			expected = expected * 2 > 30000 ? 30000 : expected * 2;
		}
		backoff_reset(&b);
		assert_true(backoff_next(&b, &restart, randoms[r]) <= 625);
	}
}

/* Its lower and its upper end, and the middle. */
static void promise_P7_the_spread_is_a_quarter_either_way(void **state)
{
	(void)state;
	static const int64_t lowest[] = {375, 750, 1500, 3000, 6000, 12000, 22500, 22500};
	struct backoff low = {0};
	struct backoff middle = {0};
	struct backoff high = {0};
	int64_t delay = 500;
	for (size_t i = 0; i < sizeof lowest / sizeof lowest[0]; i++) {
		uint32_t spread = (uint32_t)delay / 4;
		assert_int_equal(backoff_next(&low, &restart, 0), lowest[i]);
		assert_int_equal(backoff_next(&middle, &restart, spread), delay);
		int64_t most = delay + spread > 30000 ? 30000 : delay + spread;
		assert_int_equal(backoff_next(&high, &restart, 2 * spread), most);
		assert_int_equal(low.attempt, i + 1);
		delay = delay * 2 > 30000 ? 30000 : delay * 2;
	}
}

static void a_zero_delay_stays_zero(void **state)
{
	(void)state;
	struct restart_policy at_once = restart;
	at_once.delay_ms = 0;
	struct backoff b = {0};
	for (int i = 0; i < 5; i++)
		assert_int_equal(backoff_next(&b, &at_once, 99), 0);
}

static void promise_P7_budget_is_a_sliding_window(void **state)
{
	(void)state;
	struct budget b = {0};
	assert_true(budget_take(&b, &restart, 0));
	assert_true(budget_take(&b, &restart, 4000));
	assert_true(budget_take(&b, &restart, 8000));
	assert_false(budget_take(&b, &restart, 9999));
	assert_true(budget_take(&b, &restart, 10000));
	assert_false(budget_take(&b, &restart, 13999));
	assert_true(budget_take(&b, &restart, 14000));
	assert_int_equal(budget_used(&b, &restart, 14000), 3);
	for (int i = 0; i < 1000; i++)
		assert_true(budget_take(&b, &restart, 100000 + i * 10000));
}

static void promise_P7_the_largest_budget_is_counted_exactly(void **state)
{
	(void)state;
	struct restart_policy most = restart;
	most.limit = BUDGET_MOST;
	most.limit_window_ms = 500;
	struct budget b = {0};
	assert_true(budget_take(&b, &most, 0));
	for (int i = 0; i < BUDGET_MOST; i++)
		assert_true(budget_take(&b, &most, 1000 + i));
	assert_int_equal(budget_used(&b, &most, 1100), BUDGET_MOST);
	assert_false(budget_take(&b, &most, 1100));
	assert_int_equal(budget_used(&b, &most, 1500), BUDGET_MOST - 1);
	assert_true(budget_take(&b, &most, 1500));
	budget_reset(&b);
	assert_int_equal(budget_used(&b, &most, 1500), 0);
}

static void fault_H9_thresholds(void **state)
{
	(void)state;
	struct verdict v;
	verdict_reset(&v, &health);
	for (int i = 0; i < 10; i++)
		assert_false(verdict_failure(&v, &health, 60000)); /* before the first success */
	assert_false(verdict_success(&v, &health)); /* two in a row, at the start as well */
	assert_true(v.succeeded_once);
	assert_int_equal(v.health, HEALTH_UNKNOWN);
	assert_true(verdict_success(&v, &health));
	assert_int_equal(v.health, HEALTH_HEALTHY);
	for (int i = 0; i < 10; i++)
		assert_false(verdict_failure(&v, &health, 4999)); /* start_period */
	for (int i = 0; i < 20; i++) {
		assert_false(verdict_failure(&v, &health, 60000));
		assert_false(verdict_failure(&v, &health, 60000));
		verdict_success(&v, &health);
		assert_int_equal(v.health, HEALTH_HEALTHY);
	}
	verdict_failure(&v, &health, 60000);
	verdict_failure(&v, &health, 60000);
	assert_true(verdict_failure(&v, &health, 60000));
	assert_false(verdict_success(&v, &health));
	assert_int_equal(v.health, HEALTH_UNHEALTHY);
	assert_true(verdict_success(&v, &health));
	assert_true(verdict_imposter(&v));
	assert_false(verdict_imposter(&v));
}

static void successes_count_in_a_row(void **state)
{
	(void)state;
	struct verdict v;
	verdict_reset(&v, &health);
	assert_false(verdict_success(&v, &health));
	assert_true(verdict_imposter(&v));
	assert_false(verdict_success(&v, &health));
	assert_int_equal(v.health, HEALTH_IMPOSTER);
	assert_false(verdict_failure(&v, &health, 60000));
	assert_false(verdict_success(&v, &health));
	assert_true(verdict_success(&v, &health));
	assert_int_equal(v.health, HEALTH_HEALTHY);
}

static void escalation_goes_up_step_by_step(void **state)
{
	(void)state;
	struct stop_policy with_command = stop;
	with_command.has_command = true;
	struct escalation s = {0};
	assert_int_equal(escalation_begin(&s, &with_command, 0, false), FORCE_COMMAND);
	assert_int_equal(escalation_begin(&s, &with_command, 5, false), FORCE_NONE);
	assert_int_equal(escalation_remnants(&s), FORCE_NONE);
	assert_int_equal(escalation_deadline(&s, &with_command, 9999), FORCE_NONE);
	assert_int_equal(escalation_deadline(&s, &with_command, 10000), FORCE_SIGNAL);
	assert_int_equal(escalation_command_done(&s, &with_command, 10001), FORCE_NONE);
	assert_int_equal(escalation_remnants(&s), FORCE_REMNANTS);
	assert_int_equal(escalation_remnants(&s), FORCE_NONE);
	assert_int_equal(escalation_deadline(&s, &with_command, 20000), FORCE_KILL);
	assert_int_equal(escalation_deadline(&s, &with_command, 20049), FORCE_NONE);
	assert_int_equal(escalation_deadline(&s, &with_command, 20050), FORCE_KILL);
	escalation_end(&s);
	assert_int_equal(escalation_begin(&s, &stop, 0, true), FORCE_KILL);
	assert_int_equal(escalation_begin(&s, &stop, 0, true), FORCE_NONE);
}

static void who_is_in_a_hurry_shortens_the_present_step(void **state)
{
	(void)state;
	struct stop_policy bound = stop;
	struct escalation s = {0};
	escalation_hurry(&s, &bound, 0);
	assert_false(s.active);
	assert_int_equal(escalation_begin(&s, &bound, 0, false), FORCE_SIGNAL);
	bound.has_bound = true;
	bound.bound_ms = 60000;
	escalation_hurry(&s, &bound, 100);
	assert_int_equal(s.deadline_ms, 10000);
	bound.bound_ms = 200;
	escalation_hurry(&s, &bound, 100);
	assert_int_equal(escalation_deadline(&s, &bound, 299), FORCE_NONE);
	assert_int_equal(escalation_deadline(&s, &bound, 300), FORCE_KILL);
	bound.bound_ms = 0;
	escalation_hurry(&s, &bound, 310);
	assert_int_equal(s.deadline_ms, 350);
}

static void asked_twice_it_kills(void **state)
{
	(void)state;
	struct escalation s = {0};
	assert_int_equal(escalation_begin(&s, &stop, 0, false), FORCE_SIGNAL);
	assert_int_equal(escalation_begin(&s, &stop, 1, true), FORCE_KILL);
}

/* Nothing that happens afterwards makes it gentler. */
static void a_kill_does_not_wait_for_the_command(void **state)
{
	(void)state;
	struct stop_policy with_command = stop;
	with_command.has_command = true;
	struct escalation s = {0};
	assert_int_equal(escalation_begin(&s, &with_command, 0, false), FORCE_COMMAND);
	assert_int_equal(escalation_begin(&s, &with_command, 100, true), FORCE_KILL);
	assert_int_equal(escalation_command_done(&s, &with_command, 110), FORCE_NONE);
	assert_int_equal(escalation_remnants(&s), FORCE_NONE);
	assert_int_equal(escalation_deadline(&s, &with_command, 149), FORCE_NONE);
	assert_int_equal(escalation_deadline(&s, &with_command, 150), FORCE_KILL);
}

static void what_is_not_active_does_nothing(void **state)
{
	(void)state;
	struct escalation s = {0};
	assert_int_equal(escalation_command_done(&s, &stop, 0), FORCE_NONE);
	assert_int_equal(escalation_remnants(&s), FORCE_NONE);
	assert_int_equal(escalation_deadline(&s, &stop, 0), FORCE_NONE);
}

static void all_that_is_depended_on_is_waited_for(void **state)
{
	(void)state;
	const struct dependency both[] = {{.service = 0}, {.service = 1}};
	struct service services[3] = {{.name = "db"}, {.name = "cache"},
		{.name = "api", .dependencies = both, .dependency_count = 2}};
	const struct stack stack = {.services = services, .service_count = 3};
	const bool occupied[3] = {true, true, true};
	bool may_stop[3];
	sequence_may_stop(&stack, occupied, may_stop);
	assert_true(!may_stop[0] && !may_stop[1] && may_stop[2]);
}

static void fault_B25_dependents_stop_first(void **state)
{
	(void)state;
	const struct dependency on_0 = {.service = 0};
	struct service services[3] = {{.name = "db"},
		{.name = "api", .dependencies = &on_0, .dependency_count = 1},
		{.name = "worker", .dependencies = &on_0, .dependency_count = 1}};
	const struct stack stack = {.services = services, .service_count = 3};
	bool occupied[3] = {true, true, false};
	bool may_stop[3];
	sequence_may_stop(&stack, occupied, may_stop);
	assert_false(may_stop[0]);
	assert_true(may_stop[1] && may_stop[2]);
	occupied[1] = false;
	sequence_may_stop(&stack, occupied, may_stop);
	assert_true(may_stop[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(promise_P7_back_off_doubles_within_its_spread),
		cmocka_unit_test(promise_P7_the_spread_is_a_quarter_either_way),
		cmocka_unit_test(a_zero_delay_stays_zero),
		cmocka_unit_test(promise_P7_budget_is_a_sliding_window),
		cmocka_unit_test(promise_P7_the_largest_budget_is_counted_exactly),
		cmocka_unit_test(fault_H9_thresholds),
		cmocka_unit_test(successes_count_in_a_row),
		cmocka_unit_test(escalation_goes_up_step_by_step),
		cmocka_unit_test(who_is_in_a_hurry_shortens_the_present_step),
		cmocka_unit_test(asked_twice_it_kills),
		cmocka_unit_test(a_kill_does_not_wait_for_the_command),
		cmocka_unit_test(what_is_not_active_does_nothing),
		cmocka_unit_test(all_that_is_depended_on_is_waited_for),
		cmocka_unit_test(fault_B25_dependents_stop_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
