/* rooms: base model heal stop watch */
#include "stack_builder.h"

#include "stop/sequence.h"
#include "watch/settle.h"

enum { MOST = 8 };

static struct stack *stack;
static struct service_run runs[MOST];

/* All are up and ready. */
static void stack_is(const char *text)
{
	stack = build(text);
	for (int i = 0; i < stack->service_count; i++) {
		service_run_init(&runs[i], &stack->services[i].policy);
		runs[i].state = STATE_READY;
		runs[i].want = WANT_UP;
	}
}

static int finish(void **state)
{
	(void)state;
	stack_free(stack);
	return 0;
}

static struct service_run *run_of(const char *name)
{
	return &runs[service_of(stack, name)->index];
}

static void is(const char *name, enum service_state state, enum want want)
{
	run_of(name)->state = state;
	run_of(name)->want = want;
}

static struct dependency *dependency_of(const char *name, size_t i)
{
	/* They were made for this test. */
	return (struct dependency *)(uintptr_t)&service_of(stack, name)->dependencies[i];
}

static void show(struct text *out, const struct settled *one)
{
	const char *verb = one->event.kind == ON_MAY_START ? "start"
		: one->event.kind == ON_MAY_STOP           ? "stop"
		: one->event.kind == ON_DEPENDENCY_FAILED  ? "fail"
							    : "?";
	const char *name = stack->services[one->service].name;
	text_addf(out, "%s%s %s", out->length ? ", " : "", verb, name);
	if (one->event.kind == ON_MAY_START && one->event.spread)
		text_addf(out, " in a moment");
	if (one->reason[0])
		text_addf(out, " (%s)", one->reason);
}

/* Everything to the byte, so that a sanitizer sees what is outside. */
static void expect(const char *expected)
{
	size_t services = (size_t)stack->service_count;
	struct settled *out = malloc(services * sizeof *out);
	bool *scratch = malloc(2 * services);
	struct service_run *now = malloc(services * sizeof *now);
	memset(out, 0xff, services * sizeof *out);
	memset(scratch, true, 2 * services);
	memcpy(now, runs, services * sizeof *now);
	size_t count = settle(stack, now, out, scratch);
	OWNED_TEXT shown = {0};
	for (size_t i = 0; i < count; i++)
		show(&shown, &out[i]);
	free(out);
	free(scratch);
	free(now);
	assert_string_equal(text_string(&shown), expected);
}

static void a_dependency_is_met_by_its_condition(void **state)
{
	(void)state;
	stack_is("db");
	/* started, ready, healthy, completed: with '+' where it is met */
	static const struct {
		enum service_state state;
		enum want want;
		enum health health;
		const char *met;
	} rows[] = {
		{STATE_DOWN, WANT_DOWN, HEALTH_HEALTHY, "----"},
		{STATE_BLOCKED, WANT_UP, HEALTH_HEALTHY, "----"},
		{STATE_STARTING, WANT_UP, HEALTH_HEALTHY, "+---"},
		{STATE_STARTING, WANT_DOWN, HEALTH_HEALTHY, "----"},
		{STATE_READY, WANT_UP, HEALTH_HEALTHY, "+++-"},
		{STATE_READY, WANT_UP, HEALTH_UNKNOWN, "++--"},
		{STATE_READY, WANT_UP, HEALTH_IMPOSTER, "++--"},
		{STATE_READY, WANT_UP, HEALTH_UNHEALTHY, "++--"},
		{STATE_READY, WANT_DOWN, HEALTH_HEALTHY, "----"},
		{STATE_UNHEALTHY, WANT_UP, HEALTH_HEALTHY, "+---"},
		{STATE_UNHEALTHY, WANT_DOWN, HEALTH_UNHEALTHY, "----"},
		{STATE_COOLING, WANT_UP, HEALTH_HEALTHY, "----"},
		{STATE_STOPPING, WANT_UP, HEALTH_HEALTHY, "----"},
		{STATE_KILLING, WANT_UP, HEALTH_HEALTHY, "----"},
		{STATE_DONE, WANT_UP, HEALTH_HEALTHY, "++-+"},
		{STATE_DONE, WANT_DOWN, HEALTH_HEALTHY, "++-+"},
		{STATE_FAILED, WANT_UP, HEALTH_HEALTHY, "----"},
		{STATE_FAILED, WANT_DOWN, HEALTH_HEALTHY, "----"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		is("db", rows[i].state, rows[i].want);
		runs[0].verdict.health = rows[i].health;
		char met[5] = "";
		for (int c = CONDITION_STARTED; c <= CONDITION_COMPLETED; c++) {
			const struct dependency d = {.condition = (enum condition)c};
			met[c] = settle_met(&d, &runs[0]) ? '+' : '-';
		}
		assert_string_equal(met, rows[i].met);
	}
}

static void fault_B19_an_optional_one_that_is_gone_for_good_is_not_waited_for(void **state)
{
	static const struct {
		enum service_state state;
		enum want want;
		bool met;
	} rows[] = {
		{STATE_DOWN, WANT_DOWN, true},
		{STATE_DOWN, WANT_UP, false},
		{STATE_FAILED, WANT_DOWN, true},
		{STATE_FAILED, WANT_UP, true},
		{STATE_BLOCKED, WANT_UP, false},
		{STATE_STARTING, WANT_UP, false},
		{STATE_STARTING, WANT_DOWN, false},
		{STATE_COOLING, WANT_UP, false},
		{STATE_STOPPING, WANT_DOWN, false},
		{STATE_READY, WANT_UP, true},
	};
	(void)state;
	stack_is("db");
	const struct dependency d = {.condition = CONDITION_READY, .optional = true};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		is("db", rows[i].state, rows[i].want);
		assert_int_equal(settle_met(&d, &runs[0]), rows[i].met);
	}
}

static void who_is_blocked_starts_when_all_are_there(void **state)
{
	(void)state;
	stack_is("db | cache | api: db cache | web: api");
	expect("");
	is("api", STATE_BLOCKED, WANT_UP);
	is("web", STATE_BLOCKED, WANT_UP);
	is("db", STATE_STARTING, WANT_UP);
	expect("");
	is("db", STATE_READY, WANT_UP);
	is("cache", STATE_COOLING, WANT_UP);
	expect("");
	is("cache", STATE_READY, WANT_UP);
	expect("start api");
	is("api", STATE_READY, WANT_UP);
	expect("start web");
	is("web", STATE_BLOCKED, WANT_DOWN);
	expect("");
}

static void who_waits_for_nobody_starts_anyway(void **state)
{
	(void)state;
	stack_is("db | api: db");
	is("db", STATE_FAILED, WANT_UP);
	run_of("db")->restarts = 3;
	is("api", STATE_BLOCKED, WANT_UP);
	run_of("api")->start_free = true;
	expect("start api");
	run_of("api")->start_free = false;
	run_of("api")->stop_free = true;
	run_of("db")->reason[0] = '\0';
	expect("fail api (it needs 'db', which failed: )");
}

static void fault_B20_what_can_never_start_fails_with_the_reason(void **state)
{
	(void)state;
	stack_is("db | cache | api: db cache");
	is("api", STATE_BLOCKED, WANT_UP);
	is("db", STATE_STARTING, WANT_UP);
	is("cache", STATE_FAILED, WANT_UP);
	reason_format(run_of("cache")->reason, "no disk");
	/* Whatever it waits for besides. */
	expect("fail api (it needs 'cache', which failed: no disk)");
	is("cache", STATE_DOWN, WANT_DOWN);
	expect("");
}

static void of_a_chain_the_one_that_failed_is_named(void **state)
{
	(void)state;
	stack_is("db | api: db | web: api");
	is("web", STATE_BLOCKED, WANT_UP);
	is("db", STATE_FAILED, WANT_UP);
	is("api", STATE_FAILED, WANT_UP);
	run_of("api")->cause = CAUSE_DEPENDENCY;
	reason_format(run_of("api")->reason, "it needs 'db', which failed: no disk");
	expect("fail web (it needs 'db', which failed: no disk)");
	run_of("api")->cause = CAUSE_CRASH;
	reason_format(run_of("api")->reason, "no memory");
	expect("fail web (it needs 'api', which failed: no memory)");
}

static void fault_B19_what_it_starts_without_is_said(void **state)
{
	(void)state;
	stack_is("cache | db | api: db cache");
	is("api", STATE_BLOCKED, WANT_UP);
	is("cache", STATE_FAILED, WANT_UP);
	reason_format(run_of("cache")->reason, "no disk");
	dependency_of("api", 1)->optional = true;
	expect("start api (starts without 'cache', which failed: no disk)");
	is("cache", STATE_DOWN, WANT_DOWN);
	expect("start api");
	is("cache", STATE_READY, WANT_UP);
	expect("start api");
	/* The optional one is no reason to start without the other. */
	is("cache", STATE_FAILED, WANT_UP);
	is("db", STATE_STARTING, WANT_UP);
	expect("");
}

static void fault_B15_who_waited_for_what_came_back_is_spread(void **state)
{
	(void)state;
	stack_is("db | cache | api: cache db | web: cache");
	is("api", STATE_BLOCKED, WANT_UP);
	is("web", STATE_BLOCKED, WANT_UP);
	expect("start api, start web");
	run_of("db")->restarts = 1;
	expect("start api in a moment, start web");
	run_of("api")->start_free = true;
	expect("start api, start web");
}

static void who_waits_for_something_else_is_not_spread(void **state)
{
	(void)state;
	stack_is("db | api: db");
	is("api", STATE_BLOCKED, WANT_UP);
	run_of("db")->restarts = 1;
	run_of("db")->ready_ms = 1000;
	run_of("api")->transition_count = 1;
	run_of("api")->transitions[0].at_ms = 999;
	expect("start api in a moment");
	run_of("api")->transitions[0].at_ms = 1001;
	expect("start api");
}

static void fault_B25_dependents_stop_first(void **state)
{
	(void)state;
	stack_is("db | api: db | web: api | mail: db");
	for (int i = 0; i < 4; i++)
		runs[i].want = WANT_DOWN;
	expect("stop web, stop mail");
	is("mail", STATE_STOPPING, WANT_DOWN);
	is("web", STATE_KILLING, WANT_DOWN);
	expect("");
	is("web", STATE_DOWN, WANT_DOWN);
	expect("stop api");
	is("api", STATE_FAILED, WANT_DOWN);
	expect("");
	is("mail", STATE_DONE, WANT_DOWN);
	expect("stop db");
}

static void each_that_runs_is_stopped(void **state)
{
	static const enum service_state running[] = {STATE_STARTING, STATE_READY, STATE_UNHEALTHY};
	(void)state;
	for (int i = STATE_DOWN; i <= STATE_FAILED; i++) {
		stack_is("db | api");
		is("db", (enum service_state)i, WANT_DOWN);
		bool stops = false;
		for (size_t r = 0; r < 3; r++)
			stops |= running[r] == (enum service_state)i;
		expect(stops ? "stop db" : "");
		if (i < STATE_FAILED)
			finish(state);
	}
}

static void who_is_stopped_alone_does_not_wait(void **state)
{
	(void)state;
	stack_is("db | api: db");
	is("db", STATE_READY, WANT_DOWN);
	expect("");
	run_of("db")->start_free = true;
	expect("");
	run_of("db")->stop_free = true;
	expect("stop db");
	is("db", STATE_READY, WANT_UP);
	expect("");
}

static void what_it_waits_for_in_words(void **state)
{
	char out[80];
	(void)state;
	stack_is("db | cache | api: db cache | web: cache");
	settle_waits_for(stack, runs, 2, out, sizeof out);
	assert_string_equal(out, "");
	is("db", STATE_STARTING, WANT_UP);
	settle_waits_for(stack, runs, 2, out, sizeof out);
	assert_string_equal(out, "waits for 'db' (ready)");
	settle_waits_for(stack, runs, 3, out, sizeof out);
	assert_string_equal(out, "");
	is("cache", STATE_COOLING, WANT_UP);
	dependency_of("api", 1)->condition = CONDITION_STARTED;
	settle_waits_for(stack, runs, 2, out, sizeof out);
	assert_string_equal(out, "waits for 'db' (ready), 'cache' (started)");
	/* Cut off where there is no more room. */
	memset(out, 'x', sizeof out);
	settle_waits_for(stack, runs, 2, out, 12);
	assert_string_equal(out, "waits for '");
	assert_int_equal(out[12], 'x');
	/* In the second one as well. */
	memset(out, 'x', sizeof out);
	settle_waits_for(stack, runs, 2, out, 26);
	assert_string_equal(out, "waits for 'db' (ready), '");
	assert_int_equal(out[26], 'x');
}

static bool is_stuck(const char *name)
{
	bool scratch[MOST] = {false};
	return settle_is_stuck(stack, runs, service_of(stack, name)->index, scratch);
}

static void stuck_is_who_needs_what_was_stopped(void **state)
{
	(void)state;
	stack_is("log | db | api: log db | web: api");
	is("api", STATE_BLOCKED, WANT_UP);
	is("web", STATE_BLOCKED, WANT_UP);
	is("db", STATE_DOWN, WANT_DOWN);
	assert_true(is_stuck("api"));
	assert_true(is_stuck("web"));
	assert_false(is_stuck("db"));
	assert_false(is_stuck("log"));
	is("db", STATE_DOWN, WANT_UP);
	assert_false(is_stuck("api"));
	is("db", STATE_STARTING, WANT_DOWN);
	assert_false(is_stuck("api"));
	is("db", STATE_FAILED, WANT_DOWN);
	assert_false(is_stuck("api"));
	is("db", STATE_DOWN, WANT_DOWN);
	dependency_of("api", 1)->optional = true;
	assert_false(is_stuck("api"));
	dependency_of("api", 1)->optional = false;
	run_of("api")->stop_free = true;
	assert_true(is_stuck("api"));
	run_of("api")->start_free = true;
	assert_false(is_stuck("api"));
	assert_false(is_stuck("web"));
	run_of("api")->start_free = false;
	is("api", STATE_COOLING, WANT_UP);
	assert_false(is_stuck("api"));
	assert_false(is_stuck("web"));
}

#define settles(f) cmocka_unit_test_teardown(f, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		settles(a_dependency_is_met_by_its_condition),
		settles(fault_B19_an_optional_one_that_is_gone_for_good_is_not_waited_for),
		settles(who_is_blocked_starts_when_all_are_there),
		settles(who_waits_for_nobody_starts_anyway),
		settles(fault_B20_what_can_never_start_fails_with_the_reason),
		settles(of_a_chain_the_one_that_failed_is_named),
		settles(fault_B19_what_it_starts_without_is_said),
		settles(fault_B15_who_waited_for_what_came_back_is_spread),
		settles(who_waits_for_something_else_is_not_spread),
		settles(fault_B25_dependents_stop_first),
		settles(each_that_runs_is_stopped),
		settles(who_is_stopped_alone_does_not_wait),
		settles(what_it_waits_for_in_words),
		settles(stuck_is_who_needs_what_was_stopped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
