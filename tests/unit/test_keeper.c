/* rooms: base model heal stop watch */
#include "keeper_world.h"

/* Ready by its log line; what was asked for so far is forgotten. */
static void is_ready(int service)
{
	keeper_start(keeper, service, false, NULL);
	turn_at(world.now_ms);
	keeper_feed(keeper, service, &(struct service_event){.kind = ON_READY_SIGN,
		.generation = run_of(service)->generation});
	turn_at(world.now_ms);
	assert_state(service, STATE_READY);
	text_clear(&world.calls);
}

static void all_are_ready(int services)
{
	begin(services);
	for (int i = 0; i < services; i++)
		is_ready(i);
}

static void ends(int service, bool is_hook, pid_t pid)
{
	struct keeper_exit exit = {
		.service = service, .is_hook = is_hook, .status = {.pid = pid, .code = 3}};
	keeper_exits(keeper, &exit, 1);
}

static void depends(int service, const struct dependency *on)
{
	stack->services[service].dependencies = on;
	stack->services[service].dependency_count = 1;
}

/* ---- effects ---- */

static void a_start_is_performed(void **state)
{
	(void)state;
	begin(1);
	assert_int_equal(turn_at(1000), NEVER);
	keeper_start(keeper, 0, false, "somebody");
	world.tells = true;
	assert_int_equal(turn_at(1000), 60000);
	expect_calls("spawn 0.1, listen 0.1, tell 0 starting 'started as process 101'");
	assert_string_equal(service_transition(run_of(0), 0)->reason, "somebody");
	assert_int_equal(run_of(0)->leader.pid, 101);
}

/* It is ready as soon as it runs, also where nobody had the time to say so. */
static void without_a_check_an_early_end_is_an_end(void **state)
{
	(void)state;
	begin(1);
	stack->services[0].policy.readiness = READY_STARTED;
	keeper_start(keeper, 0, false, NULL);
	turn_at(1000);
	assert_state(0, STATE_STARTING);
	struct keeper_exit exit = {.service = 0, .status = {.pid = 101, .code = 0}};
	keeper_exits(keeper, &exit, 1);
	turn_at(1000);
	assert_state(0, STATE_DONE);
}

static void a_probe_is_performed(void **state)
{
	(void)state;
	begin(1);
	stack->services[0].policy.readiness = READY_PORT;
	keeper_start(keeper, 0, false, NULL);
	assert_int_equal(turn_at(1000), 0);
	assert_int_equal(turn_at(1000), 60000);
	expect_calls("spawn 0.1, probe 0.1 ready 2000");
	ends(0, false, 101);
	turn_at(1500);
	expect_calls("census 0(101), forget 0 (101), cancel 0, gone 0");
	stack->services[0].policy.health.present = true;
	keeper_start(keeper, 0, false, NULL);
	turn_at(1500);
	turn_at(1500);
	keeper_feed(keeper, 0, &(struct service_event){.kind = ON_PROBE, .generation = 2});
	turn_at(1500);
	expect_calls("spawn 0.2, probe 0.2 ready 1500, probe 0.2 health 1500");
}

static void fault_A10_what_cannot_be_started_says_why(void **state)
{
	(void)state;
	begin(1);
	world.spawn_fails = true;
	world.spawn_errno = EAGAIN;
	keeper_start(keeper, 0, false, NULL);
	assert_int_equal(turn_at(1000), 300);
	assert_state(0, STATE_COOLING);
	assert_string_equal(run_of(0)->reason, "no room; make some");
	expect_calls("spawn 0.1, gone 0");
	/* No errno is no shortage. */
	world.spawn_errno = 0;
	turn_at(1300);
	assert_state(0, STATE_FAILED);
	assert_string_equal(run_of(0)->reason, "no room; make some");
}

static void a_stop_is_performed(void **state)
{
	(void)state;
	all_are_ready(1);
	stack->services[0].policy.stop.has_command = true;
	world.tells = true;
	keeper_stop(keeper, 0, false, NULL);
	assert_int_equal(turn_at(2000), 10000);
	expect_calls("stop command 0, tell 0 stopping 'stopping: asked to stop'");
	assert_int_equal(run_of(0)->hook.pid, 102);
	world.tells = false;
	ends(0, true, 102);
	turn_at(2000);
	expect_calls("forget 0 (102), INT to group 0 (101), CONT to group 0 (101)");
	ends(0, false, 101);
	turn_at(2000);
	expect_calls("census 0(101), forget 0 (101), gone 0");
	assert_state(0, STATE_DOWN);
}

/* Its time is shorter than when the stop began: that counts from now on. */
static void who_is_in_a_hurry_shortens_a_stop(void **state)
{
	(void)state;
	all_are_ready(1);
	stack->services[0].policy.stop.timeout_ms = 10000;
	keeper_stop(keeper, 0, false, NULL);
	assert_int_equal(turn_at(2000), 10000);
	stack->services[0].policy.stop.timeout_ms = 1000;
	world.now_ms = 2200;
	keeper_hurry(keeper, 0);
	assert_int_equal(turn_at(2200), 1000);
}

static void a_hook_that_takes_too_long_is_signalled_itself(void **state)
{
	(void)state;
	all_are_ready(1);
	stack->services[0].policy.stop.has_command = true;
	keeper_stop(keeper, 0, false, NULL);
	turn_at(2000);
	turn_at(12000);
	expect_calls("stop command 0, "
		     "KILL to hook 0 (102), INT to group 0 (101), CONT to group 0 (101)");
}

static void a_stop_command_that_cannot_start_is_skipped(void **state)
{
	(void)state;
	all_are_ready(1);
	stack->services[0].policy.stop.has_command = true;
	world.hook_fails = world.tells = true;
	keeper_stop(keeper, 0, false, NULL);
	turn_at(2000);
	expect_calls("stop command 0, tell 0 warning 'stop.command: no room', "
		     "tell 0 stopping 'stopping: asked to stop', "
		     "INT to group 0 (101), CONT to group 0 (101)");
}

static void fault_C12_a_signal_that_is_refused_is_told(void **state)
{
	(void)state;
	all_are_ready(1);
	world.signal_fails = world.tells = true;
	keeper_kill(keeper, 0, NULL);
	turn_at(2000);
	expect_calls("KILL to tree 0 (101), "
		     "tell 0 warning 'a process of it changed its user and cannot be signalled', "
		     "tell 0 killed 'stopping: asked to be killed'");
}

static void fault_C12_it_is_told_once_a_stop(void **state)
{
	(void)state;
	all_are_ready(1);
	world.signal_fails = world.tells = true;
	keeper_kill(keeper, 0, NULL);
	turn_at(2000);
	text_clear(&world.calls);
	turn_at(2050);
	expect_calls("KILL to tree 0 (101)");
	ends(0, false, 101);
	keeper_start(keeper, 0, false, NULL);
	turn_at(2060);
	keeper_kill(keeper, 0, NULL);
	text_clear(&world.calls);
	turn_at(2060);
	assert_non_null(strstr(text_string(&world.calls), "changed its user"));
}

/* Of a stop that lasts for ever; the calls of the last turn. */
static void is_killed_in_vain(bool withstands)
{
	all_are_ready(1);
	world.withstands = withstands;
	keeper_kill(keeper, 0, NULL);
	int64_t next = turn_at(2000);
	for (int i = 0; i < 1000 && !strstr(text_string(&world.calls), "who is left"); i++) {
		text_clear(&world.calls);
		next = turn_at(world.now_ms + next);
	}
}

static void fault_C11_who_is_left_is_asked_when_kills_are_in_vain(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		is_killed_in_vain(i);
		expect_calls("KILL to tree 0 (101), who is left 0");
		assert_state(0, STATE_KILLING);
		assert_int_equal(run_of(0)->want, WANT_DOWN);
		assert_int_equal(run_of(0)->unkillable, i);
		assert_string_equal(run_of(0)->reason,
			i ? "cannot be killed: it sleeps in the kernel" : "asked to be killed");
		turn_at(world.now_ms + 1000);
		/* Nobody asks again for what is known. */
		expect_calls(i ? "KILL to tree 0 (101)" : "KILL to tree 0 (101), who is left 0");
		if (!i)
			finish(state);
	}
}

/* ---- turns ---- */

static void so_many_start_in_a_turn_and_the_rest_at_once(void **state)
{
	(void)state;
	begin(70);
	for (int i = 0; i < 70; i++)
		keeper_start(keeper, i, false, NULL);
	assert_int_equal(turn_at(1000), 0);
	assert_int_equal(world.spawns, 32);
	assert_int_equal(turn_at(1000), 0);
	assert_int_equal(world.spawns, 64);
	assert_int_equal(turn_at(1000), 60000);
	assert_int_equal(world.spawns, 70);
	finish(state);
	begin(32);
	for (int i = 0; i < 32; i++)
		keeper_start(keeper, i, false, NULL);
	assert_int_equal(turn_at(1000), 60000);
	assert_int_equal(world.spawns, 32);
}

static void a_feeders_words_need_not_live_on(void **state)
{
	(void)state;
	all_are_ready(2);
	char reason[16] = "first";
	keeper_kill(keeper, 0, reason);
	memcpy(reason, "second", sizeof "second");
	keeper_kill(keeper, 1, reason);
	memset(reason, 'x', sizeof reason - 1);
	turn_at(2000);
	assert_string_equal(run_of(0)->reason, "first");
	assert_string_equal(run_of(1)->reason, "second");
}

static void no_event_is_lost_when_there_are_very_many(void **state)
{
	(void)state;
	begin(2);
	for (int i = 0; i < 1000; i++) {
		keeper_start(keeper, 1, false, NULL);
		keeper_stop(keeper, 1, false, NULL);
	}
	keeper_start(keeper, 0, false, NULL);
	turn_at(1000);
	assert_int_equal(run_of(1)->transition_count, 2000);
	assert_state(0, STATE_STARTING);
	assert_state(1, STATE_DOWN);
	assert_int_equal(world.spawns, 1);
}

static void one_at_a_time_follows_until_nothing_does(void **state)
{
	static const struct dependency on[] = {{.service = 1, .condition = CONDITION_STARTED},
		{.service = 2, .condition = CONDITION_STARTED}};
	(void)state;
	begin(3);
	depends(0, &on[0]);
	depends(1, &on[1]);
	for (int i = 0; i < 3; i++)
		keeper_start(keeper, i, false, NULL);
	turn_at(1000);
	assert_int_equal(world.spawns, 3);
	assert_int_equal(run_of(2)->leader.pid, 101);
	assert_int_equal(run_of(0)->leader.pid, 103);
}

static void no_deps_is_of_one_service(void **state)
{
	static const struct dependency on_1 = {.service = 1, .condition = CONDITION_READY};
	(void)state;
	begin(2);
	depends(0, &on_1);
	keeper_start(keeper, 0, true, NULL);
	turn_at(1000);
	assert_state(0, STATE_STARTING);
	keeper_start(keeper, 1, false, NULL);
	turn_at(1000);
	keeper_stop(keeper, 1, false, NULL);
	turn_at(1000);
	assert_state(1, STATE_STARTING);
	keeper_stop(keeper, 1, true, NULL);
	turn_at(1000);
	assert_state(1, STATE_STOPPING);
	keeper_set_no_deps(keeper, 0, false);
	keeper_restart(keeper, 0, "again");
	turn_at(1000);
	ends(0, false, 101);
	turn_at(1000);
	assert_state(0, STATE_BLOCKED);
}

/* ---- exits and trees ---- */

static void many_exits_are_one_look(void **state)
{
	(void)state;
	all_are_ready(3);
	world.left[2] = 4;
	struct keeper_exit exits[] = {{.service = 0, .status = {.pid = 101, .code = 1}},
		{.service = 1, .is_hook = true, .status = {.pid = 900}},
		{.service = 2, .status = {.pid = 103, .code = 1}, .reason = "so"}};
	keeper_exits(keeper, exits, 3);
	expect_calls("census 0(101) 2(103), forget 0 (101), forget 2 (103)");
	world.left[2] = 0;
	turn_at(2000);
	expect_calls("gone 0, TERM to tree 2 (0), CONT to tree 2 (0), census 2(103), gone 2");
	assert_state(0, STATE_COOLING);
	assert_state(1, STATE_READY);
	assert_string_equal(run_of(2)->reason, "exited with code 1 after 1.0 s: so");
}

static void an_exit_that_is_ours_to_mend_starts_again(void **state)
{
	(void)state;
	all_are_ready(1);
	struct keeper_exit exit = {.status = {.pid = 101, .code = 1}, .again = true};
	keeper_exits(keeper, &exit, 1);
	turn_at(2000);
	assert_state(0, STATE_STARTING);
	assert_int_equal(run_of(0)->leader.pid, 102);
}

static void fault_B27_exits_of_others_are_forgotten(void **state)
{
	(void)state;
	all_are_ready(1);
	ends(0, false, 999);
	ends(0, true, 101);
	expect_calls("census 0(101)");
	turn_at(2000);
	assert_state(0, STATE_READY);
}

static void trees_are_looked_at_when_one_may_have_become_empty(void **state)
{
	(void)state;
	all_are_ready(2);
	keeper_trees_changed(keeper);
	turn_at(2000);
	expect_calls("");
	world.left[0] = 1;
	ends(0, false, 101);
	turn_at(2000);
	expect_calls("census 0(101), forget 0 (101), "
		     "TERM to tree 0 (0), CONT to tree 0 (0), census 0(101)");
	turn_at(2000);
	expect_calls("");
	world.left[0] = 0;
	keeper_trees_changed(keeper);
	turn_at(2000);
	expect_calls("census 0(101), gone 0");
	assert_state(0, STATE_COOLING);
	assert_int_equal(run_of(0)->exit_code, 3);
}

static void each_tree_is_looked_at(void **state)
{
	(void)state;
	all_are_ready(3);
	world.left[0] = world.left[2] = 1;
	ends(0, false, 101);
	ends(2, false, 103);
	turn_at(2000);
	text_clear(&world.calls);
	world.left[0] = world.left[2] = 0;
	keeper_trees_changed(keeper);
	turn_at(2000);
	expect_calls("census 0(101) 2(103), gone 0, gone 2");
}

/* What follows from an empty tree does not wait for the next turn, which may never come. */
static void who_waited_for_a_tree_goes_on_at_once(void **state)
{
	static const struct dependency on_0 = {.service = 0, .condition = CONDITION_STARTED};
	(void)state;
	begin(2);
	depends(1, &on_0);
	is_ready(0);
	is_ready(1);
	keeper_stop(keeper, 0, false, NULL);
	keeper_stop(keeper, 1, false, NULL);
	turn_at(2000);
	world.left[1] = 1;
	ends(1, false, 102);
	turn_at(2000);
	text_clear(&world.calls);
	world.left[1] = 0;
	keeper_trees_changed(keeper);
	turn_at(2000);
	expect_calls("census 1(102), gone 1, INT to group 0 (101), CONT to group 0 (101)");
}

/* ---- on_dependency = restart ---- */

static void dependents_that_asked_for_it_are_restarted(void **state)
{
	static const struct dependency on_0 = {.service = 0, .condition = CONDITION_STARTED};
	static const struct dependency on_1 = {.service = 1, .condition = CONDITION_STARTED};
	(void)state;
	all_are_ready(5);
	for (int i = 1; i < 5; i++)
		stack->services[i].policy.on_dependency =
			i == 2 ? DEPENDENCY_KEEP : DEPENDENCY_RESTART;
	depends(1, &on_0);
	depends(2, &on_0);
	depends(3, &on_1);
	ends(0, false, 101);
	turn_at(2000);
	assert_state(1, STATE_STOPPING);
	assert_string_equal(run_of(1)->reason, "'s0', which it depends on, restarts");
	assert_state(2, STATE_READY);
	assert_state(4, STATE_READY);
	/* And those of the one that is restarted. */
	assert_state(3, STATE_STOPPING);
	assert_string_equal(run_of(3)->reason, "'s1', which it depends on, restarts");
}

static void a_dependent_comes_before_what_it_needs_and_needs_two(void **state)
{
	static const struct dependency both[] = {{.service = 1, .condition = CONDITION_STARTED},
		{.service = 2, .condition = CONDITION_STARTED}};
	(void)state;
	all_are_ready(3);
	stack->services[0].policy.on_dependency = DEPENDENCY_RESTART;
	stack->services[0].dependencies = both;
	stack->services[0].dependency_count = 2;
	ends(2, false, 103);
	turn_at(2000);
	assert_state(0, STATE_STOPPING);
	assert_string_equal(run_of(0)->reason, "'s2', which it depends on, restarts");
}

static void a_crash_while_unhealthy_restarts_dependents_too(void **state)
{
	static const struct dependency on_0 = {.service = 0, .condition = CONDITION_STARTED};
	(void)state;
	all_are_ready(2);
	stack->services[1].policy.on_dependency = DEPENDENCY_RESTART;
	depends(1, &on_0);
	keeper_feed(keeper, 0, &(struct service_event){.kind = ON_PROBE, .generation = 1,
		.result = PROBE_IMPOSTER});
	turn_at(2000);
	assert_state(0, STATE_UNHEALTHY);
	assert_state(1, STATE_READY);
	ends(0, false, 101);
	turn_at(2000);
	assert_state(1, STATE_STOPPING);
}

static void dependents_stay_when_it_was_stopped_or_never_ran(void **state)
{
	static const struct dependency on_0 = {.service = 0, .condition = CONDITION_STARTED};
	(void)state;
	all_are_ready(2);
	stack->services[1].policy.on_dependency = DEPENDENCY_RESTART;
	depends(1, &on_0);
	keeper_stop(keeper, 0, true, NULL);
	turn_at(2000);
	assert_state(0, STATE_STOPPING);
	assert_state(1, STATE_READY);
	ends(0, false, 101);
	keeper_start(keeper, 0, false, NULL);
	turn_at(2000);
	assert_state(0, STATE_STARTING);
	ends(0, false, run_of(0)->leader.pid);
	turn_at(2000);
	assert_state(0, STATE_COOLING);
	assert_state(1, STATE_READY);
	/* It has done its work. */
	is_ready(0);
	struct keeper_exit exit = {.status = {.pid = run_of(0)->leader.pid}};
	keeper_exits(keeper, &exit, 1);
	turn_at(2000);
	assert_state(0, STATE_DONE);
	assert_state(1, STATE_READY);
}

/* ---- time ---- */

/* Somebody is called at 5000 and the other one waits until 61000; what becomes of that. */
static int64_t next_after_a_turn_at(int64_t now_ms)
{
	begin(2);
	stack->services[1].policy.ready_timeout_ms = 4000;
	stack->services[1].policy.stop.timeout_ms = 600000;
	keeper_start(keeper, 0, false, NULL);
	keeper_start(keeper, 1, false, NULL);
	assert_int_equal(turn_at(1000), 4000);
	int64_t next = turn_at(now_ms);
	assert_state(0, STATE_STARTING);
	assert_state(1, STATE_STOPPING);
	return now_ms + next;
}

static void promise_P8_a_gap_moves_what_was_due(void **state)
{
	(void)state;
	/* Late, as a busy machine is. */
	assert_int_equal(next_after_a_turn_at(5250), 61000);
	finish(state);
	assert_int_equal(next_after_a_turn_at(5251), 61251);
	/* That was the gap: it is not forgiven twice. */
	assert_int_equal(turn_at(6000), 61251 - 6000);
	finish(state);
	assert_int_equal(next_after_a_turn_at(50000), 106000);
}

static void is_asked_for_its_health(void)
{
	all_are_ready(1);
	stack->services[0].policy.health.present = true;
	keeper_restart(keeper, 0, NULL);
	turn_at(1000);
	ends(0, false, 101);
	turn_at(1000);
	is_ready(0);
	assert_int_equal(run_of(0)->probe_until_ms, 2500);
}

static void answers(enum probe_result result)
{
	keeper_feed(keeper, 0, &(struct service_event){.kind = ON_PROBE, .result = result,
		.generation = run_of(0)->generation, .reason = "refused"});
}

static void promise_P8_a_probe_that_failed_in_a_gap_says_nothing(void **state)
{
	(void)state;
	is_asked_for_its_health();
	answers(PROBE_FAILED);
	turn_at(2500 + 250);
	assert_string_equal(run_of(0)->reason, "health check failed: refused");
	finish(state);
	is_asked_for_its_health();
	answers(PROBE_FAILED);
	turn_at(2500 + 251);
	assert_string_equal(run_of(0)->reason, "");
	/* One that did not fail, or that did afterwards, counts. */
	answers(PROBE_IMPOSTER);
	turn_at(9000);
	assert_state(0, STATE_UNHEALTHY);
	finish(state);
	is_asked_for_its_health();
	turn_at(2500 + 251);
	answers(PROBE_FAILED);
	turn_at(2800);
	assert_string_equal(run_of(0)->reason, "health check failed: refused");
}

static void a_gap_is_over_with_its_turn(void **state)
{
	(void)state;
	is_asked_for_its_health();
	answers(PROBE_FAILED);
	turn_at(2500 + 251);
	assert_string_equal(run_of(0)->reason, "");
	/* Changing places with itself: what was fed is taken now, not in a turn. */
	answers(PROBE_FAILED);
	keeper_swap(keeper, stack, 0, 0);
	assert_string_equal(run_of(0)->reason, "health check failed: refused");
}

static void time_passes_only_for_what_is_due(void **state)
{
	(void)state;
	all_are_ready(2);
	keeper_stop(keeper, 0, false, NULL);
	turn_at(2000);
	text_clear(&world.calls);
	keeper_stop(keeper, 1, false, NULL);
	assert_int_equal(turn_at(3000), 9000);
	text_clear(&world.calls);
	assert_int_equal(turn_at(12000), 50);
	expect_calls("KILL to tree 0 (101)");
	assert_int_equal(turn_at(12050), 50);
	expect_calls("KILL to tree 0 (101)");
	ends(0, false, 101);
	assert_int_equal(turn_at(12060), 940);
}

/* ---- another stack, and two runs of a service ---- */

static void a_new_stack_continues_what_is_in_both(void **state)
{
	(void)state;
	is_asked_for_its_health();
	struct stack *before = stack;
	stack = stack_of(3);
	stack->services[2].policy.health.present = true;
	assert_int_equal(keeper_adopt(keeper, stack, (const int[]){-1, -1, 0}), 0);
	stack_end(before);
	assert_state(0, STATE_DOWN);
	assert_state(2, STATE_READY);
	/* Its probe is begun again: the answer to the first one never comes. */
	assert_int_equal(run_of(2)->probe_until_ms, NO_DEADLINE);
	turn_at(1000);
	expect_calls("probe 2.2 health 1500");
	keeper_start(keeper, 1, false, NULL);
	turn_at(1000);
	assert_state(1, STATE_STARTING);
}

static void what_was_said_before_a_new_stack_counts(void **state)
{
	(void)state;
	all_are_ready(2);
	struct stack *before = stack;
	ends(1, false, 102);
	keeper_stop(keeper, 0, false, "before");
	stack = stack_of(2);
	assert_int_equal(keeper_adopt(keeper, stack, (const int[]){1, 0}), 0);
	stack_end(before);
	assert_state(0, STATE_COOLING);
	assert_int_equal(run_of(1)->want, WANT_DOWN);
	assert_int_equal(turn_at(1000), 300);
	assert_state(1, STATE_STOPPING);
	assert_string_equal(run_of(1)->reason, "before");
}

static void a_smaller_stack_has_a_smaller_queue(void **state)
{
	enum { MANY = 60 };
	static const int first_only[] = {0};
	(void)state;
	begin(MANY);
	for (int i = 0; i < MANY; i++)
		for (int n = 0; n < 4; n++)
			keeper_stop(keeper, i, false, NULL);
	turn_at(1000);
	struct stack *before = stack;
	stack = stack_of(1);
	assert_int_equal(keeper_adopt(keeper, stack, first_only), 0);
	stack_end(before);
	keeper_start(keeper, 0, false, "the only one");
	turn_at(1000);
	assert_state(0, STATE_STARTING);
	assert_string_equal(service_transition(run_of(0), 0)->reason, "the only one");
}

static void no_probe_is_begun_that_was_not_in_flight(void **state)
{
	(void)state;
	all_are_ready(2);
	struct stack *before = stack;
	stack = stack_of(2);
	assert_int_equal(keeper_adopt(keeper, stack, (const int[]){0, 1}), 0);
	stack_end(before);
	assert_int_equal(turn_at(1000), NEVER);
	expect_calls("");
	keeper_swap(keeper, stack, 0, 1);
	assert_int_equal(turn_at(1000), NEVER);
	expect_calls("");
}

static void a_second_run_has_the_past_of_the_first(void **state)
{
	(void)state;
	begin(2);
	is_ready(0);
	keeper_double(keeper, 0, 1);
	assert_state(1, STATE_DOWN);
	assert_int_equal(run_of(1)->generation, run_of(0)->generation);
	assert_int_equal(service_transitions(run_of(1)), service_transitions(run_of(0)));
	assert_string_equal(service_transition(run_of(1), 0)->reason, "asked to start");
	assert_int_equal(run_of(1)->leader.pid, 0);
}

static void a_second_run_begins_without_the_troubles_of_another(void **state)
{
	(void)state;
	begin(2);
	is_ready(0);
	is_ready(1);
	ends(1, false, run_of(1)->leader.pid);
	turn_at(1000);
	keeper_stop(keeper, 1, true, NULL);
	turn_at(1000);
	assert_int_equal(run_of(1)->restarts, 1);
	keeper_double(keeper, 0, 1);
	assert_state(1, STATE_DOWN);
	assert_int_equal(run_of(1)->restarts, 0);
	assert_int_equal(run_of(1)->cause, CAUSE_NONE);
	assert_string_equal(run_of(1)->reason, "");
}

static void two_runs_change_places_and_what_is_wanted_stays(void **state)
{
	(void)state;
	is_asked_for_its_health();
	struct stack *before = stack;
	stack = stack_of(2);
	stack->services[0].policy.health.present = true;
	keeper_adopt(keeper, stack, (const int[]){0, -1});
	stack_end(before);
	turn_at(1000);
	text_clear(&world.calls);
	keeper_double(keeper, 0, 1);
	keeper_start(keeper, 1, true, NULL);
	turn_at(1000);
	text_clear(&world.calls);
	pid_t one = run_of(0)->leader.pid;
	pid_t other = run_of(1)->leader.pid;
	assert_int_not_equal(one, other);
	/* Not yet drained when they change: it was said of the row as it was. */
	keeper_stop(keeper, 0, true, NULL);
	keeper_swap(keeper, stack, 0, 1);
	assert_int_equal(run_of(0)->leader.pid, other);
	assert_int_equal(run_of(1)->leader.pid, one);
	assert_state(0, STATE_STARTING);
	assert_int_equal(run_of(0)->want, WANT_DOWN);
	assert_int_equal(run_of(1)->want, WANT_UP);
	assert_true(run_of(0)->stop_free && !run_of(1)->stop_free);
	assert_true(!run_of(0)->start_free && run_of(1)->start_free);
	assert_int_equal(run_of(1)->probe_until_ms, NO_DEADLINE);
	assert_int_equal(run_of(1)->probe_at_ms, 1000);
	/* And back; now the one in front is asked, and a copy of the stack holds. */
	turn_at(1000);
	assert_int_not_equal(run_of(1)->probe_until_ms, NO_DEADLINE);
	before = stack;
	stack = stack_of(2);
	stack->services[0].policy.health.present = true;
	stack->services[1].policy.health.present = true;
	keeper_swap(keeper, stack, 0, 1);
	stack_end(before);
	assert_int_equal(run_of(0)->probe_until_ms, NO_DEADLINE);
	assert_int_equal(run_of(0)->probe_at_ms, 1000);
	text_clear(&world.calls);
	turn_at(1000);
	expect_calls("probe 0.2 health 1500, "
		     "INT to group 0 (102), CONT to group 0 (102), cancel 0");
}

/* ---- memory ---- */

static void fault_S25_without_memory_there_is_no_keeper(void **state)
{
	(void)state;
	begin(3);
	int blocks = blocks_in_use();
	for (int i = 1; i <= blocks; i++) {
		memory.until_none = i;
		assert_null(keeper_new(&sys, stack));
		assert_int_equal(blocks_in_use(), blocks);
	}
	memory.until_none = 0;
	keeper_free(NULL);
}

static void fault_S25_without_memory_the_old_stack_stays(void **state)
{
	(void)state;
	all_are_ready(2);
	struct stack *next = stack_of(3);
	int blocks = blocks_in_use();
	for (int i = 1; i <= blocks; i++) {
		memory.until_none = i;
		assert_int_equal(keeper_adopt(keeper, next, (const int[]){0, 1, -1}), -1);
		assert_int_equal(blocks_in_use(), blocks);
	}
	memory.until_none = 0;
	stack_end(next);
	ends(0, false, 101);
	assert_int_equal(turn_at(1000), 300);
	assert_state(0, STATE_COOLING);
	assert_state(1, STATE_READY);
}

#define keeps(f) cmocka_unit_test_teardown(f, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		keeps(a_start_is_performed),
		keeps(without_a_check_an_early_end_is_an_end),
		keeps(a_probe_is_performed),
		keeps(fault_A10_what_cannot_be_started_says_why),
		keeps(a_stop_is_performed),
		keeps(who_is_in_a_hurry_shortens_a_stop),
		keeps(a_hook_that_takes_too_long_is_signalled_itself),
		keeps(a_stop_command_that_cannot_start_is_skipped),
		keeps(fault_C12_a_signal_that_is_refused_is_told),
		keeps(fault_C12_it_is_told_once_a_stop),
		keeps(fault_C11_who_is_left_is_asked_when_kills_are_in_vain),
		keeps(so_many_start_in_a_turn_and_the_rest_at_once),
		keeps(a_feeders_words_need_not_live_on),
		keeps(no_event_is_lost_when_there_are_very_many),
		keeps(one_at_a_time_follows_until_nothing_does),
		keeps(no_deps_is_of_one_service),
		keeps(many_exits_are_one_look),
		keeps(an_exit_that_is_ours_to_mend_starts_again),
		keeps(fault_B27_exits_of_others_are_forgotten),
		keeps(trees_are_looked_at_when_one_may_have_become_empty),
		keeps(each_tree_is_looked_at),
		keeps(who_waited_for_a_tree_goes_on_at_once),
		keeps(dependents_that_asked_for_it_are_restarted),
		keeps(a_dependent_comes_before_what_it_needs_and_needs_two),
		keeps(a_crash_while_unhealthy_restarts_dependents_too),
		keeps(dependents_stay_when_it_was_stopped_or_never_ran),
		keeps(promise_P8_a_gap_moves_what_was_due),
		keeps(promise_P8_a_probe_that_failed_in_a_gap_says_nothing),
		keeps(a_gap_is_over_with_its_turn),
		keeps(time_passes_only_for_what_is_due),
		keeps(a_new_stack_continues_what_is_in_both),
		keeps(what_was_said_before_a_new_stack_counts),
		keeps(a_smaller_stack_has_a_smaller_queue),
		keeps(no_probe_is_begun_that_was_not_in_flight),
		keeps(a_second_run_has_the_past_of_the_first),
		keeps(a_second_run_begins_without_the_troubles_of_another),
		keeps(two_runs_change_places_and_what_is_wanted_stays),
		keeps(fault_S25_without_memory_there_is_no_keeper),
		keeps(fault_S25_without_memory_the_old_stack_stays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
