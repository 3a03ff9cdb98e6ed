/* rooms: base model plan */
#include "stack_builder.h"

#include "plan/handover.h"

/* Performs the plan; `fails` is the number of the step that fails, from 1; 0: none does. */
static void assert_way(enum handover_kind kind, int followers, int fails, const char *expected)
{
	struct handover h;
	OWNED_TEXT got = {0};
	int steps = 0;
	handover_begin(&h, kind, followers);
	while (h.step != HANDOVER_END) {
		text_addf(&got, "%s%s", got.length ? " " : "", handover_step_word(h.step));
		if (h.step == HANDOVER_FOLLOW)
			text_addf(&got, "%d", h.follower);
		assert_true(++steps < 30);
		handover_next(&h, steps != fails);
	}
	assert_string_equal(text_string(&got), expected);
	assert_int_equal(h.back, fails != 0);
	handover_next(&h, true);
	assert_int_equal(h.step, HANDOVER_END);
}

static void an_overlap_keeps_the_old_one_until_all_follow(void **state)
{
	(void)state;
	assert_way(HANDOVER_OVERLAP, 0, 0, "lease start switch retire forward");
	assert_way(HANDOVER_OVERLAP, 3, 0,
		"lease start switch follow0 follow1 follow2 retire forward");
}

static void what_fails_is_undone_from_the_last_step_to_the_first(void **state)
{
	(void)state;
	assert_way(HANDOVER_OVERLAP, 2, 1, "lease");
	assert_way(HANDOVER_OVERLAP, 2, 2, "lease start dismiss release");
	assert_way(HANDOVER_OVERLAP, 2, 3, "lease start switch dismiss release");
	assert_way(HANDOVER_OVERLAP, 3, 4,
		"lease start switch follow0 back follow0 dismiss release");
	assert_way(HANDOVER_OVERLAP, 3, 5,
		"lease start switch follow0 follow1 back follow0 follow1 dismiss release");
	assert_way(HANDOVER_OVERLAP, 0, 4, "lease start switch retire back dismiss release");
}

static void one_that_cannot_run_twice_stops_first(void **state)
{
	(void)state;
	assert_way(HANDOVER_STOP_FIRST, 1, 0, "lease switch restart follow0 forward");
	assert_way(HANDOVER_STOP_FIRST, 1, 1, "lease");
	assert_way(HANDOVER_STOP_FIRST, 1, 2, "lease switch release");
	assert_way(HANDOVER_STOP_FIRST, 1, 3, "lease switch restart back restart release");
	assert_way(HANDOVER_STOP_FIRST, 2, 4,
		"lease switch restart follow0 back restart follow0 release");
}

static void on_the_same_socket_nothing_is_leased(void **state)
{
	(void)state;
	assert_way(HANDOVER_SAME, 0, 0, "start switch retire");
	assert_way(HANDOVER_SAME, 1, 0, "start switch follow0 retire");
	assert_way(HANDOVER_SAME, 0, 1, "start dismiss");
	assert_way(HANDOVER_SAME, 0, 2, "start switch dismiss");
	assert_way(HANDOVER_SAME, 1, 3, "start switch follow0 back follow0 dismiss");
}

static void from_a_lost_port_there_is_no_way_back(void **state)
{
	(void)state;
	assert_way(HANDOVER_LOST, 2, 0, "switch restart follow0 follow1");
	assert_way(HANDOVER_LOST, 2, 1, "switch");
	assert_way(HANDOVER_LOST, 2, 2, "switch restart");
	assert_way(HANDOVER_LOST, 2, 3, "switch restart follow0");
}

static void failures_on_the_way_back_are_passed_over(void **state)
{
	(void)state;
	struct handover h;
	handover_begin(&h, HANDOVER_OVERLAP, 2);
	int left = 20;
	for (int step = 1; h.step != HANDOVER_END && left--; step++)
		handover_next(&h, step < 4);
	assert_int_equal(h.step, HANDOVER_END);
	assert_true(h.reached & 1u << HANDOVER_SWITCH);
	assert_true(h.back);
}

/* ---- who follows ---- */

static void assert_followers(struct stack *before, struct stack *after, const char *service,
	const bool *running, const char *expected)
{
	struct graph *g = graph_new(after->arena, after);
	const int *followers;
	int count = handover_followers(after->arena, g, before, after,
		service_of(after, service)->index, running, &followers);
	OWNED_TEXT got = {0};
	for (int i = 0; i < count; i++)
		text_addf(&got, "%s%s", i ? " " : "", after->services[followers[i]].name);
	assert_string_equal(text_string(&got), expected);
}

static void those_who_know_the_port_follow_in_order(void **state)
{
	(void)state;
	static const char *const text = "web: api | api: db | worker: db | db | other";
	static const bool all[] = {true, true, true, true, true};
	static const bool without_worker[] = {true, true, false, true, true};
	struct stack *before = build(text);
	struct stack *after = build(text);
	for (int i = 0; i < 4; i++)
		after->services[i].fingerprint = "new";
	assert_followers(before, after, "db", all, "api worker web");
	assert_followers(before, after, "db", without_worker, "api web");
	after->services[0].fingerprint = "";
	assert_followers(before, after, "db", all, "api worker");
	stack_free(before);
	stack_free(after);
}

static void whoever_is_restarted_with_its_dependency_follows(void **state)
{
	(void)state;
	struct stack *s = build("page: web | web: api | cron: api | api");
	bool all[] = {true, true, true, true};
	assert_followers(s, s, "api", all, "");
	s->services[0].policy.on_dependency = DEPENDENCY_RESTART;
	assert_followers(s, s, "api", all, "");
	s->services[1].policy.on_dependency = DEPENDENCY_RESTART;
	assert_followers(s, s, "api", all, "web page");
	all[1] = false;
	assert_followers(s, s, "api", all, "");
	stack_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_overlap_keeps_the_old_one_until_all_follow),
		cmocka_unit_test(what_fails_is_undone_from_the_last_step_to_the_first),
		cmocka_unit_test(one_that_cannot_run_twice_stops_first),
		cmocka_unit_test(on_the_same_socket_nothing_is_leased),
		cmocka_unit_test(from_a_lost_port_there_is_no_way_back),
		cmocka_unit_test(failures_on_the_way_back_are_passed_over),
		cmocka_unit_test(those_who_know_the_port_follow_in_order),
		cmocka_unit_test(whoever_is_restarted_with_its_dependency_follows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
