/* rooms: base model heal stop watch */
#include "step_world.h"

/* What each state makes of each event, asked for at the first time that it happens. */
struct row {
	void (*state)(void);
	struct service_event event;
	const char *outcome;
};

static void is_down(void)
{
}

static const struct row rows[] = {
	{is_down, {.kind = ON_WANT_UP}, "blocked up:; nothing is due"},
	{is_down, {.kind = ON_RESTART}, "blocked up:; nothing is due"},

	{is_blocked, {.kind = ON_MAY_START}, "blocked up: spawn; nothing is due"},
	{is_blocked, {.kind = ON_SPAWNED, .child = {.pid = 1}},
		"starting up: tell starting; next in 0"},
	{is_blocked, {.kind = ON_SHORTAGE, .exit.number = EAGAIN},
		"cooling up: tree gone, tell spawn_failed; next in 375"},
	{is_blocked, {.kind = ON_DEPENDENCY_FAILED, .reason = "db failed"},
		"failed up: tell failed; nothing is due"},
	{is_blocked, {.kind = ON_WANT_DOWN}, "down down: tell down; nothing is due"},
	{is_blocked, {.kind = ON_KILL}, "down down: tell down; nothing is due"},

	{is_starting, {.kind = ON_PROBE, .generation = 1}, "ready up: tell ready; nothing is due"},
	{is_starting, {.kind = ON_TIME}, "starting up: probe for ready within 2000; next in 60000"},
	{is_starting, {.kind = ON_WANT_DOWN}, "starting down:; next in 0"},
	{is_starting, {.kind = ON_MAY_STOP},
		"stopping up: tell stopping, INT, CONT to group; next in 10000"},
	{is_starting, {.kind = ON_RESTART},
		"stopping up: tell stopping, INT, CONT to group; next in 10000"},
	{is_starting, {.kind = ON_KILL}, "killing down: tell killed, KILL to tree; next in 50"},
	{is_starting, {.kind = ON_EXITED, .exit = {.code = 1}},
		"cooling up: tell exited, tree gone, tell restarting; next in 375"},
	{is_starting, {.kind = ON_EXITED},
		"cooling up: tell exited, tree gone, tell restarting; next in 375"},

	{is_ready, {.kind = ON_WANT_DOWN}, "ready down:; nothing is due"},
	{is_ready, {.kind = ON_MAY_STOP},
		"stopping up: tell stopping, INT, CONT to group; next in 10000"},
	{is_ready, {.kind = ON_RESTART},
		"stopping up: tell stopping, INT, CONT to group; next in 10000"},
	{is_ready, {.kind = ON_KILL}, "killing down: tell killed, KILL to tree; next in 50"},
	{is_ready, {.kind = ON_EXITED, .exit = {.code = 1}},
		"cooling up: tell exited, tree gone, tell restarting; next in 375"},
	{is_ready, {.kind = ON_EXITED},
		"done up: tell exited, tree gone, tell done; nothing is due"},

	{is_being_checked, {.kind = ON_PROBE, .generation = 1}, "ready up:; next in 3600"},
	{is_being_checked, {.kind = ON_MAY_STOP},
		"stopping up: cancel probe, tell stopping, INT, CONT to group; next in 10000"},
	{is_being_checked, {.kind = ON_WANT_DOWN}, "ready down:; nothing is due"},
	{is_being_checked, {.kind = ON_RESTART},
		"stopping up: cancel probe, tell stopping, INT, CONT to group; next in 10000"},
	{is_being_checked, {.kind = ON_KILL},
		"killing down: cancel probe, tell killed, KILL to tree; next in 50"},
	{is_being_checked, {.kind = ON_EXITED, .exit = {.code = 1}},
		"cooling up: cancel probe, tell exited, tree gone, tell restarting; next in 375"},

	{is_unhealthy, {.kind = ON_PROBE, .generation = 1},
		"ready up: tell recovered; next in 3600"},
	{is_unhealthy, {.kind = ON_WANT_DOWN}, "unhealthy down:; next in 3600"},
	{is_unhealthy, {.kind = ON_MAY_STOP},
		"stopping up: tell stopping, INT, CONT to group; next in 10000"},
	{is_unhealthy, {.kind = ON_RESTART},
		"stopping up: tell stopping, INT, CONT to group; next in 10000"},
	{is_unhealthy, {.kind = ON_KILL}, "killing down: tell killed, KILL to tree; next in 50"},
	{is_unhealthy, {.kind = ON_EXITED, .exit = {.code = 1}},
		"cooling up: tell exited, tree gone, tell restarting; next in 375"},

	{is_cooling, {.kind = ON_WANT_UP}, "blocked up:; nothing is due"},
	{is_cooling, {.kind = ON_RESTART}, "blocked up:; nothing is due"},
	{is_cooling, {.kind = ON_WANT_DOWN}, "down down: tell down; nothing is due"},
	{is_cooling, {.kind = ON_KILL}, "down down: tell down; nothing is due"},

	{is_stopping, {.kind = ON_EXITED}, "down down: tree gone, tell down; nothing is due"},
	{is_stopping, {.kind = ON_EXITED, .left = 1},
		"stopping down: TERM, CONT to strays; next in 10000"},
	{is_stopping, {.kind = ON_WANT_UP}, "stopping up:; next in 10000"},
	{is_stopping, {.kind = ON_RESTART}, "stopping up:; next in 10000"},
	{is_stopping, {.kind = ON_KILL}, "killing down: KILL to tree; next in 50"},

	{is_stopping_by_command, {.kind = ON_EXITED}, "stopping down:; next in 10000"},
	{is_stopping_by_command, {.kind = ON_HOOK_EXITED},
		"stopping down: INT, CONT to group; next in 10000"},
	{is_stopping_by_command, {.kind = ON_WANT_UP}, "stopping up:; next in 10000"},
	{is_stopping_by_command, {.kind = ON_RESTART}, "stopping up:; next in 10000"},
	{is_stopping_by_command, {.kind = ON_KILL},
		"killing down: KILL to hook, KILL to tree; next in 50"},

	{is_killing, {.kind = ON_EXITED}, "down down: tree gone, tell down; nothing is due"},
	{is_killing, {.kind = ON_EXITED, .left = 1}, "killing down:; next in 50"},
	{is_killing, {.kind = ON_WANT_UP}, "killing up:; next in 50"},
	{is_killing, {.kind = ON_RESTART}, "killing up:; next in 50"},

	{leaves_remnants, {.kind = ON_TREE}, "cooling up: tree gone, tell restarting; next in 375"},
	{leaves_remnants, {.kind = ON_WANT_DOWN}, "stopping down:; next in 10000"},
	{leaves_remnants, {.kind = ON_WANT_UP}, "stopping up:; next in 10000"},
	{leaves_remnants, {.kind = ON_RESTART}, "stopping up:; next in 10000"},
	{leaves_remnants, {.kind = ON_KILL}, "killing down: KILL to tree; next in 50"},
	{leaves_remnants, {.kind = ON_EXITED},
		"cooling up: tree gone, tell restarting; next in 375"},

	{is_done, {.kind = ON_WANT_UP}, "blocked up:; nothing is due"},
	{is_done, {.kind = ON_RESTART}, "blocked up:; nothing is due"},
	{is_done, {.kind = ON_WANT_DOWN}, "done down:; nothing is due"},
	{is_done, {.kind = ON_KILL}, "done down:; nothing is due"},

	{is_failed, {.kind = ON_WANT_UP}, "blocked up:; nothing is due"},
	{is_failed, {.kind = ON_RESTART}, "blocked up:; nothing is due"},
	{is_failed, {.kind = ON_WANT_DOWN}, "failed down:; nothing is due"},
	{is_failed, {.kind = ON_KILL}, "failed down:; nothing is due"},
};
enum { ROWS = sizeof rows / sizeof rows[0] };

static void what_a_state_makes_of_an_event(void **state)
{
	for (size_t i = 0; i < ROWS; i++) {
		begin(state);
		rows[i].state();
		feed_event(rows[i].event);
		expect(rows[i].outcome);
	}
}

static bool is_in_table(void (*state)(void), enum service_event_kind kind)
{
	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].state == state && rows[i].event.kind == kind)
			return true;
	return false;
}

static void expect_nothing(struct service_event event)
{
	static struct service_run before;
	memcpy(&before, &run, sizeof before);
	feed_event(event);
	if (effects.count || memcmp(&before, &run, sizeof before))
		fail_msg("'%s' has changed '%s'", service_event_word(event.kind),
			service_state_word(before.state));
}

static void what_is_not_in_the_table_changes_nothing(void **state)
{
	for (size_t i = 0; i < ROWS; i++) {
		for (int number = ON_WANT_UP; number <= ON_TIME; number++) {
			enum service_event_kind kind = (enum service_event_kind)number;
			begin(state);
			rows[i].state();
			if (!is_in_table(rows[i].state, kind))
				expect_nothing((struct service_event){.kind = kind, .left = 1,
					.child = {.pid = 300, .pidfd = 9}, .reason = "late"});
		}
	}
}

static void fault_B27_answers_for_another_start_change_nothing(void **state)
{
	for (size_t i = 0; i < ROWS; i++) {
		begin(state);
		rows[i].state();
		for (int result = PROBE_OK; result <= PROBE_IMPOSTER; result++)
			expect_nothing((struct service_event){.kind = ON_PROBE,
				.generation = run.generation - 1, .reason = "late",
				.result = (enum probe_result)result});
		expect_nothing((struct service_event){
			.kind = ON_READY_SIGN, .generation = run.generation + 1});
	}
}

static void an_order_is_taken_back_before_it_is_carried_out(void **state)
{
	(void)state;
	is_starting();
	feed(ON_WANT_DOWN);
	feed(ON_WANT_UP);
	assert_int_equal(run.want, WANT_UP);
	is_ready();
	feed(ON_WANT_DOWN);
	feed(ON_WANT_UP);
	assert_int_equal(run.want, WANT_UP);
	feed(ON_MAY_STOP);
	feed(ON_WANT_DOWN);
	feed(ON_RESTART);
	exits(0);
	expect("blocked up: tree gone; nothing is due");
	run.want = WANT_DOWN;
	feed(ON_RESTART);
	assert_int_equal(run.want, WANT_UP);
	run.want = WANT_DOWN;
	feed(ON_WANT_UP);
	assert_int_equal(run.want, WANT_UP);
}

static void fault_B23_asked_to_start_it_begins_anew(void **state)
{
	(void)state;
	is_cooling();
	feed(ON_WANT_UP);
	is_starting();
	exits(3);
	run.stop_free = true;
	assert_int_equal(run.restarts, 1);
	assert_int_equal(run.cause, CAUSE_CRASH);
	assert_int_equal(run.backoff.attempt, 1);
	feed(ON_WANT_UP, .reason = "somebody asks");
	assert_int_equal(run.restarts, 0);
	assert_int_equal(run.cause, CAUSE_NONE);
	assert_int_equal(run.backoff.attempt, 0);
	assert_int_equal(run.budget.count, 0);
	assert_false(run.stop_free);
	assert_string_equal(run.reason, "somebody asks");
}

static void transitions_are_kept_with_reasons(void **state)
{
	(void)state;
	is_cooling();
	const struct transition *last = service_transition(&run, service_transitions(&run) - 1);
	assert_int_equal(service_transitions(&run), 4);
	assert_int_equal(last->from, STATE_READY);
	assert_int_equal(last->to, STATE_COOLING);
	assert_int_equal(last->event, ON_EXITED);
	assert_int_equal(last->at_ms, now_ms);
	assert_string_equal(last->reason, "exited with code 3 after 0 ms");
	assert_string_equal(run.reason, last->reason);
	assert_string_equal(service_transition(&run, 0)->reason, "asked to start");
}

static void only_the_last_transitions_are_kept(void **state)
{
	(void)state;
	for (int i = 0; i < TRANSITIONS; i++)
		feed(i % 2 ? ON_WANT_DOWN : ON_WANT_UP);
	assert_int_equal(service_transitions(&run), TRANSITIONS);
	assert_int_equal(service_transition(&run, 0)->from, STATE_DOWN);
	feed(ON_WANT_UP, .reason = "the newest");
	assert_int_equal(service_transitions(&run), TRANSITIONS);
	assert_int_equal(service_transition(&run, 0)->from, STATE_BLOCKED);
	assert_string_equal(service_transition(&run, TRANSITIONS - 1)->reason, "the newest");
}

static void a_long_reason_is_cut_at_a_word(void **state)
{
	(void)state;
	char words[2 * REASON_SIZE] = "";
	char out[REASON_SIZE]; /* of its own, so that a sanitizer sees its end */
	for (size_t i = 0; i + 5 < sizeof words; i += 4)
		memcpy(words + i, "abc ", 5);
	reason_format(out, "%s", words);
	assert_in_range(strlen(out), REASON_SIZE - 10, REASON_SIZE - 1);
	assert_string_equal(out + strlen(out) - 7, "abc ...");
	/* Without a blank in its second half: there. */
	memset(words, 'x', sizeof words - 1);
	reason_format(out, "%s", words);
	assert_int_equal(strlen(out), REASON_SIZE / 2 + 4);
	assert_string_equal(out + REASON_SIZE / 2 - 1, "x ...");
	words[REASON_SIZE / 2] = ' ';
	reason_format(out, "%s", words);
	assert_string_equal(out + REASON_SIZE / 2 - 1, "x ...");
	words[REASON_SIZE / 2] = 'x';
	words[REASON_SIZE] = '\0';
	reason_format(out, "%s", words);
	assert_string_equal(out + REASON_SIZE / 2 - 1, "x ...");
	words[REASON_SIZE - 1] = '\0';
	reason_format(out, "%s", words);
	assert_string_equal(out, words);
}

static void nothing_is_known_before_the_first_start(void **state)
{
	(void)state;
	assert_int_equal(run.verdict.health, HEALTH_NONE);
	policy.health.present = true;
	service_run_init(&run, &policy);
	assert_int_equal(run.verdict.health, HEALTH_UNKNOWN);
	expect("down down:; nothing is due");
	assert_int_equal(run.leader.pidfd, -1);
	assert_int_equal(run.hook.pidfd, -1);
}

/* Time stood still for us: nothing is nearer than before, and nothing comes to be due. */
static void promise_P8_a_gap_is_forgiven(void **state)
{
	(void)state;
	is_being_checked();
	service_forgive(&run, 1000);
	assert_int_equal(run.probe_until_ms, now_ms + 1500 + 1000);
	assert_int_equal(run.probe_at_ms, NO_DEADLINE);
	assert_int_equal(run.deadline_ms, NO_DEADLINE);
	begin(state);
	is_cooling();
	service_forgive(&run, 1000);
	assert_int_equal(service_next_time(&run), now_ms + 375 + 1000);
	begin(state);
	is_starting();
	service_forgive(&run, 1000);
	assert_int_equal(run.probe_at_ms, now_ms + 1000);
	assert_int_equal(run.deadline_ms, now_ms + 60000 + 1000);
	begin(state);
	is_stopping();
	service_forgive(&run, 1000);
	assert_int_equal(service_next_time(&run), now_ms + 10000 + 1000);
}

static void who_runs_and_who_is_occupied(void **state)
{
	static const enum service_state running[] = {STATE_STARTING, STATE_READY, STATE_UNHEALTHY};
	static const enum service_state ending[] = {STATE_STOPPING, STATE_KILLING};
	(void)state;
	int count = 0;
	for (int i = STATE_DOWN; i <= STATE_FAILED; i++) {
		run.state = (enum service_state)i;
		count += service_occupied(&run) + 10 * service_running(&run);
	}
	assert_int_equal(count, 35);
	for (int i = 0; i < 3; i++) {
		run.state = running[i];
		assert_true(service_running(&run) && service_occupied(&run));
	}
	for (int i = 0; i < 2; i++) {
		run.state = ending[i];
		assert_true(!service_running(&run) && service_occupied(&run));
	}
}

static void an_exit_in_words(void **state)
{
	static const struct {
		struct exit_status exit;
		const char *words;
	} exits[] = {
		{{.code = 0}, "exited with code 0"},
		{{.code = 3}, "exited with code 3"},
		{{.signal = SIGSEGV, .core_dumped = true}, "killed by SIGSEGV (core dumped)"},
		{{.signal = SIGKILL, .by_oom_killer = true},
			"killed by SIGKILL as memory ran out (OOM killer)"},
		{{.signal = SIGTERM}, "killed by SIGTERM"},
		{{.signal = 250}, "killed by SIG?"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof exits / sizeof exits[0]; i++) {
		char out[64];
		exit_describe(&exits[i].exit, out, sizeof out);
		assert_string_equal(out, exits[i].words);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_a_state_makes_of_an_event, begin),
		cmocka_unit_test_setup(what_is_not_in_the_table_changes_nothing, begin),
		cmocka_unit_test_setup(fault_B27_answers_for_another_start_change_nothing, begin),
		cmocka_unit_test_setup(an_order_is_taken_back_before_it_is_carried_out, begin),
		cmocka_unit_test_setup(fault_B23_asked_to_start_it_begins_anew, begin),
		cmocka_unit_test_setup(transitions_are_kept_with_reasons, begin),
		cmocka_unit_test_setup(only_the_last_transitions_are_kept, begin),
		cmocka_unit_test_setup(a_long_reason_is_cut_at_a_word, begin),
		cmocka_unit_test_setup(nothing_is_known_before_the_first_start, begin),
		cmocka_unit_test_setup(promise_P8_a_gap_is_forgiven, begin),
		cmocka_unit_test_setup(who_runs_and_who_is_occupied, begin),
		cmocka_unit_test_setup(an_exit_in_words, begin),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
