/* rooms: base model registry listeners survey */
#include "survey/suggest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "listeners/ephemeral.h"

static const uint16_t candidates[] = {30520, 30521, 30522, 30523};
enum { CANDIDATES = sizeof candidates / sizeof candidates[0], FACTS_MOST = 6 };

/* Facts about the four candidates, and the order they come out in; 0: ruled out from here on. */
static const struct suggest_case {
	const char *what;
	struct suggest_fact facts[FACTS_MOST];
	uint16_t order[CANDIDATES];
} cases[] = {
	{"nothing known: the lowest", {{0, 0, 0, NULL}}, {30520, 30521, 30522, 30523}},
	{"home wins", {{30522, SUGGEST_HOME, 1, ""}}, {30522, 30520, 30521, 30523}},
	{"home wins over conflicts",
		{{30522, SUGGEST_HOME, 1, ""}, {30522, SUGGEST_CONFLICTS, 9, ""},
			{30522, SUGGEST_EPHEMERAL, 1, ""}},
		{30522, 30520, 30521, 30523}},
	{"a home that is taken is none",
		{{30522, SUGGEST_HOME, 1, ""}, {30522, SUGGEST_TAKEN, 1, ""}},
		{30520, 30521, 30523, 0}},
	{"what it had is next to home",
		{{30520, SUGGEST_HOME, 1, ""}, {30523, SUGGEST_HAS, 1, ""}},
		{30520, 30523, 30521, 30522}},
	{"a reservation for it beats home",
		{{30520, SUGGEST_HOME, 1, ""}, {30523, SUGGEST_RESERVED_FOR_IT, 1, ""}},
		{30523, 30520, 30521, 30522}},
	{"one for somebody else rules out",
		{{30520, SUGGEST_RESERVED, 1, ""}, {30521, SUGGEST_WANTED, 1, ""},
			{30522, SUGGEST_BLOCKED, 1, ""}},
		{30523, 0, 0, 0}},
	{"so do a foreign block and root's ports",
		{{30520, SUGGEST_FOREIGN_BLOCK, 1, ""}, {30523, SUGGEST_PRIVILEGED, 1, ""}},
		{30521, 30522, 0, 0}},
	{"conflicts count, the more the worse",
		{{30520, SUGGEST_CONFLICTS, 3, ""}, {30521, SUGGEST_CONFLICTS, 1, ""},
			{30523, SUGGEST_CONFLICTS, 100, ""}},
		{30522, 30521, 30520, 30523}},
	{"outside of the kernel's range, then odd",
		{{30520, SUGGEST_EPHEMERAL, 1, ""}, {30521, SUGGEST_EPHEMERAL, 1, ""},
			{30521, SUGGEST_ODD, 1, ""}, {30522, SUGGEST_EPHEMERAL, 1, ""},
			{30523, SUGGEST_OUTSIDE, 1, ""}},
		{30523, 30521, 30520, 30522}},
	{"somebody else's of the pool, lingering, legacy",
		{{30520, SUGGEST_KEPT, 1, ""}, {30521, SUGGEST_LINGERS, 1, ""},
			{30522, SUGGEST_LEGACY, 1, ""}},
		{30523, 30522, 30520, 30521}},
	{"what rules it out is not made good, whatever is said after it",
		{{30520, SUGGEST_TAKEN, 1, ""}, {30520, SUGGEST_HOME, 1, ""}},
		{30521, 30522, 30523, 0}},
	{"facts about other ports do not matter", {{9, SUGGEST_HOME, 1, ""}},
		{30520, 30521, 30522, 30523}},
	{"all ruled out",
		{{30520, SUGGEST_TAKEN, 1, ""}, {30521, SUGGEST_TAKEN, 1, ""},
			{30522, SUGGEST_TAKEN, 1, ""}, {30523, SUGGEST_TAKEN, 1, ""}},
		{0, 0, 0, 0}},
};

static size_t facts_of(const struct suggest_case *c)
{
	size_t count = 0;
	while (count < FACTS_MOST && c->facts[count].port)
		count++;
	return count;
}

static void the_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct suggest_case *c = &cases[i];
		struct arena *arena = arena_new();
		struct suggestion *all =
			suggest_rank(arena, candidates, CANDIDATES, c->facts, facts_of(c));
		for (int k = 0; k < CANDIDATES; k++) {
			uint16_t got = all[k].out ? 0 : all[k].port;
			if (got != c->order[k])
				print_error("%s: place %d is %u\n", c->what, k, got);
			assert_int_equal(got, c->order[k]);
		}
		arena_free(arena);
	}
}

static void reasons_come_with_their_points_what_speaks_for_it_first(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	static const struct suggest_fact facts[] = {{30520, SUGGEST_CONFLICTS, 2, "twice"},
		{30520, SUGGEST_HOME, 1, "slot 0"}, {30521, SUGGEST_TAKEN, 1, "by node"}};
	struct suggestion *all = suggest_rank(arena, candidates, 2, facts, 3);
	assert_int_equal(all[0].port, 30520);
	assert_int_equal(all[0].score, 170);
	assert_int_equal(all[0].reason_count, 2);
	assert_string_equal(all[0].reasons[0].text, "slot 0");
	assert_int_equal(all[0].reasons[0].points, 200);
	assert_int_equal(all[0].reasons[1].points, -30);
	assert_true(all[1].out);
	assert_int_equal(all[1].score, 0);
	assert_string_equal(suggest_kind_word(all[1].reasons[0].kind), "taken");
	assert_non_null(suggest_rank(arena, NULL, 0, NULL, 0));
	arena_free(arena);
}

static void the_range_of_outgoing_connections_is_read(void **state)
{
	(void)state;
	struct ephemeral e;
	ephemeral_read(&e);
	assert_true(e.low > 0 && e.low <= e.high);
	assert_true(ephemeral_has(&e, e.high) || e.reserved[e.high]);
	assert_false(ephemeral_has(&e, (uint16_t)(e.low - 1)));
	e.reserved[e.low] = true;
	assert_false(ephemeral_has(&e, e.low));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table),
		cmocka_unit_test(reasons_come_with_their_points_what_speaks_for_it_first),
		cmocka_unit_test(the_range_of_outgoing_connections_is_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
