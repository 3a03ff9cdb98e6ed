/* rooms: base model registry listeners upkeep */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "upkeep/debris.h"

/* Last: it has a macro called fail. */
#include <cmocka.h>

enum { DAY_MS = 24 * 60 * 60 * 1000 };
static const int64_t NOW = 1800000000000;

static const struct debris_rules careful = {.now_ms = NOW, .keep_days = 30};
static const struct debris_rules agreed = {.now_ms = NOW, .keep_days = 30, .may_delete = true};

/* One thing alone: its answer without and with the word of a person, and why it is there. */
static const struct row {
	struct debris_fact fact;
	enum debris_answer answer;
	enum debris_answer with_yes;
	const char *why;
} rows[] = {
	{{.kind = DEBRIS_PROCESS, .home = HOME_DIED}, DEBRIS_GOES, DEBRIS_GOES,
		"its supervisor died"},
	{{.kind = DEBRIS_PROCESS, .home = HOME_STOPPED}, DEBRIS_GOES, DEBRIS_GOES,
		"its instance was stopped"},
	{{.kind = DEBRIS_PROCESS, .home = HOME_UNKNOWN}, DEBRIS_GOES, DEBRIS_GOES,
		"the registry knows no such instance"},
	{{.kind = DEBRIS_PROCESS, .home = HOME_LIVES}, DEBRIS_LIVES, DEBRIS_LIVES,
		"its instance runs"},
	{{.kind = DEBRIS_PROCESS, .home = HOME_DIED, .guard = "it is pid 1"}, DEBRIS_GUARDED,
		DEBRIS_GUARDED,
		"its supervisor died"},
	{{.kind = DEBRIS_PROCESS, .home = HOME_LIVES, .guard = "it is pid 1"}, DEBRIS_LIVES,
		DEBRIS_LIVES,
		"its instance runs"},
	{{.kind = DEBRIS_RUN, .home = HOME_DIED}, DEBRIS_GOES, DEBRIS_GOES, "its supervisor died"},
	{{.kind = DEBRIS_RUN, .home = HOME_LIVES}, DEBRIS_LIVES, DEBRIS_LIVES, "its instance runs"},
	{{.kind = DEBRIS_SOCKET, .home = HOME_STOPPED}, DEBRIS_GOES, DEBRIS_GOES,
		"nobody listens at it"},
	{{.kind = DEBRIS_SOCKET, .home = HOME_UNKNOWN, .is_answered = true}, DEBRIS_LIVES,
		DEBRIS_LIVES,
		"nobody listens at it"},
	{{.kind = DEBRIS_SOCKET, .home = HOME_UNKNOWN, .is_foreign = true}, DEBRIS_FOREIGN,
		DEBRIS_FOREIGN,
		"nobody listens at it"},
	{{.kind = DEBRIS_FILE, .home = HOME_DIED}, DEBRIS_GOES, DEBRIS_GOES, "its supervisor died"},
	{{.kind = DEBRIS_FILE, .home = HOME_LIVES}, DEBRIS_LIVES, DEBRIS_LIVES,
		"its instance runs"},
	{{.kind = DEBRIS_STATE, .home = HOME_UNKNOWN}, DEBRIS_ASKS, DEBRIS_GOES,
		"the registry knows no such instance"},
	{{.kind = DEBRIS_STATE, .home = HOME_STOPPED, .worktree_gone = true}, DEBRIS_ASKS,
		DEBRIS_GOES,
		"its worktree was removed"},
	{{.kind = DEBRIS_STATE, .home = HOME_LIVES, .worktree_gone = true}, DEBRIS_LIVES,
		DEBRIS_LIVES,
		"its worktree was removed"},
	{{.kind = DEBRIS_STATE, .home = HOME_UNKNOWN, .is_link = true}, DEBRIS_LINK, DEBRIS_LINK,
		"the registry knows no such instance"},
	{{.kind = DEBRIS_STATE, .home = HOME_UNKNOWN, .is_foreign = true}, DEBRIS_FOREIGN,
		DEBRIS_FOREIGN,
		"the registry knows no such instance"},
	{{.kind = DEBRIS_ASIDE, .since_ms = NOW - 31LL * DAY_MS}, DEBRIS_ASKS, DEBRIS_GOES,
		"it was set aside when the number changed hands"},
	{{.kind = DEBRIS_ASIDE, .since_ms = NOW - 30LL * DAY_MS}, DEBRIS_ASKS, DEBRIS_GOES,
		"it was set aside when the number changed hands"},
	{{.kind = DEBRIS_ASIDE, .since_ms = NOW - 30LL * DAY_MS + 1}, DEBRIS_YOUNG, DEBRIS_YOUNG,
		"it was set aside when the number changed hands"},
	{{.kind = DEBRIS_ASIDE, .since_ms = NOW + DAY_MS}, DEBRIS_YOUNG, DEBRIS_YOUNG,
		"it was set aside when the number changed hands"},
	{{.kind = DEBRIS_ASIDE, .since_ms = 1, .is_link = true}, DEBRIS_LINK, DEBRIS_LINK,
		"it was set aside when the number changed hands"},
	/* Who has the number now does not need what was there before. */
	{{.kind = DEBRIS_ASIDE, .since_ms = 1, .home = HOME_LIVES}, DEBRIS_ASKS, DEBRIS_GOES,
		"it was set aside when the number changed hands"},
};

static void the_plan_follows_from_the_facts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct debris_fact fact = rows[i].fact;
		struct debris debris = {.items = &fact, .count = 1};
		fact.project = "shop";
		debris_plan(&careful, &debris);
		if (fact.answer != rows[i].answer)
			fail_msg("row %zu: %s (%s)", i, debris_answer_word(fact.answer),
				debris_reason(&fact));
		assert_string_equal(fact.why, rows[i].why);
		debris_plan(&agreed, &debris);
		if (fact.answer != rows[i].with_yes)
			fail_msg("row %zu with --yes: %s (%s)", i, debris_answer_word(fact.answer),
				debris_reason(&fact));
		assert_true(fact.answer == DEBRIS_GOES || *debris_reason(&fact));
	}
}

/* A process that stays, and what else was found of its instance and of others. */
static void what_a_process_may_need_stays_with_it(void **state)
{
	(void)state;
	static const struct {
		enum debris_kind kind;
		const char *project;
		int instance;
		enum debris_answer answer;
	} found[] = {
		{DEBRIS_PROCESS, "shop", 1, DEBRIS_GOES},
		{DEBRIS_RUN, "shop", 1, DEBRIS_OCCUPIED},
		{DEBRIS_FILE, "shop", 1, DEBRIS_OCCUPIED},
		{DEBRIS_STATE, "shop", 1, DEBRIS_OCCUPIED},
		{DEBRIS_SOCKET, "shop", 1, DEBRIS_GOES},
		{DEBRIS_ASIDE, "shop", 1, DEBRIS_GOES},
		{DEBRIS_RUN, "shop", 2, DEBRIS_GOES},
		{DEBRIS_RUN, "shop-2", 1, DEBRIS_GOES},
	};
	enum { COUNT = sizeof found / sizeof found[0] };
	struct debris_fact facts[COUNT + 1] = {
		{.kind = DEBRIS_PROCESS, .project = "shop", .instance = 1, .home = HOME_DIED,
			.guard = "it belongs to another user"}};
	struct debris debris = {.items = facts, .count = COUNT + 1};
	for (size_t i = 0; i < COUNT; i++)
		facts[i + 1] = (struct debris_fact){.kind = found[i].kind, .home = HOME_DIED,
			.project = found[i].project, .instance = found[i].instance};
	debris_plan(&agreed, &debris);
	assert_int_equal(facts[0].answer, DEBRIS_GUARDED);
	assert_string_equal(debris_reason(&facts[0]), "it belongs to another user");
	for (size_t i = 0; i < COUNT; i++)
		if (facts[i + 1].answer != found[i].answer)
			fail_msg("row %zu: %s", i, debris_answer_word(facts[i + 1].answer));
}

static void a_visitor_keeps_nothing_but_the_data(void **state)
{
	(void)state;
	struct debris_fact facts[] = {
		{.kind = DEBRIS_PROCESS, .project = "shop", .instance = 1, .home = HOME_DIED,
			.is_visitor = true, .guard = "`run` or `exec` has started it"},
		{.kind = DEBRIS_RUN, .project = "shop", .instance = 1, .home = HOME_DIED},
		{.kind = DEBRIS_FILE, .project = "shop", .instance = 1, .home = HOME_DIED},
		{.kind = DEBRIS_STATE, .project = "shop", .instance = 1, .home = HOME_DIED,
			.worktree_gone = true},
	};
	struct debris debris = {.items = facts, .count = sizeof facts / sizeof facts[0]};
	debris_plan(&agreed, &debris);
	assert_int_equal(facts[0].answer, DEBRIS_GUARDED);
	assert_int_equal(facts[1].answer, DEBRIS_GOES);
	assert_int_equal(facts[2].answer, DEBRIS_GOES);
	assert_int_equal(facts[3].answer, DEBRIS_OCCUPIED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_plan_follows_from_the_facts),
		cmocka_unit_test(what_a_process_may_need_stays_with_it),
		cmocka_unit_test(a_visitor_keeps_nothing_but_the_data),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
