/* rooms: base model stackfile registry claim upkeep */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "alone.h"
#include "base/number.h"

#include "claim/aside.h"
#include "registry/instances.h"
#include "registry/leases.h"
#include "registry/projects.h"
#include "stackfile/schema.h"
#include "upkeep/idle.h"
#include "upkeep/stale.h"

#include <cmocka.h>

static const int64_t DAY_MS = INT64_C(24) * 60 * 60 * 1000;
static const int64_t NOW_MS = INT64_C(1770000000000);

static struct stale_rules rules(bool in_passing)
{
	struct stale_rules r = stale_rules_default();
	r.now_ms = NOW_MS;
	r.in_passing = in_passing;
	return r;
}

static enum stale_answer answer_to(const struct stale_rules *r, struct stale_fact fact)
{
	struct stale_facts facts = {.items = &fact, .count = 1};
	size_t going = stale_plan(r, &facts);
	assert_int_equal(going, fact.answer == STALE_GOES);
	return fact.answer;
}

static void each_kind_is_kept_as_long_as_its_row_says(void **state)
{
	(void)state;
	struct stale_rules r = rules(false);
	for (enum stale_kind kind = 0; kind < STALE_KIND_COUNT; kind++) {
		int64_t keep_ms = r.keep_days[kind] * DAY_MS;
		assert_true(keep_ms > 0);
		struct stale_fact old = {.kind = kind, .last_ms = NOW_MS - keep_ms};
		struct stale_fact young = {.kind = kind, .last_ms = NOW_MS - keep_ms + 1};
		struct stale_fact future = {.kind = kind, .last_ms = NOW_MS + 1};
		struct stale_fact never = {.kind = kind, .last_ms = 0};
		assert_int_equal(answer_to(&r, old), STALE_GOES);
		assert_int_equal(answer_to(&r, young), STALE_YOUNG);
		assert_int_equal(answer_to(&r, future), STALE_YOUNG);
		assert_int_equal(answer_to(&r, never), STALE_GOES);
		r.keep_days[kind] = 0;
		struct stale_fact fresh = {.kind = kind, .last_ms = NOW_MS};
		assert_int_equal(answer_to(&r, fresh), STALE_GOES);
		assert_int_equal(answer_to(&r, future), STALE_YOUNG);
	}
}

static void what_stands_behind_it_counts_more_than_its_age(void **state)
{
	(void)state;
	static const struct {
		struct stale_fact fact;
		bool in_passing;
		enum stale_answer answer;
	} rows[] = {
		{{.kind = STALE_LEASES}, false, STALE_GOES},
		{{.kind = STALE_LEASES}, true, STALE_GOES},
		{{.kind = STALE_LEASES, .lives = true}, false, STALE_LIVES},
		{{.kind = STALE_LEASES, .lives = true, .has_leftovers = true}, false, STALE_LIVES},
		{{.kind = STALE_LEASES, .has_leftovers = true}, false, STALE_LEFTOVERS},
		{{.kind = STALE_WORKTREE}, true, STALE_GOES},
		{{.kind = STALE_WORKTREE, .lives = true, .is_unseen = true}, false, STALE_LIVES},
		{{.kind = STALE_WORKTREE, .has_leftovers = true}, false, STALE_LEFTOVERS},
		{{.kind = STALE_WORKTREE, .is_unseen = true}, false, STALE_UNSEEN},
		{{.kind = STALE_RESERVATION, .is_in_use = true}, false, STALE_IN_USE},
		{{.kind = STALE_RESERVATION, .on_request = true}, false, STALE_GOES},
		{{.kind = STALE_RESERVATION, .on_request = true}, true, STALE_ON_REQUEST},
		{{.kind = STALE_RESERVATION, .on_request = true, .is_in_use = true}, true,
			STALE_IN_USE},
		{{.kind = STALE_DIRECTORY, .on_request = true}, true, STALE_ON_REQUEST},
		{{.kind = STALE_DIRECTORY}, true, STALE_GOES},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct stale_rules r = rules(rows[i].in_passing);
		assert_int_equal(answer_to(&r, rows[i].fact), rows[i].answer);
	}
}

static void in_passing_only_a_few_go_at_a_time(void **state)
{
	(void)state;
	enum { MANY = STALE_PASSING_MOST + 5 };
	struct stale_fact items[MANY] = {0};
	struct stale_facts facts = {.items = items, .count = MANY};
	struct stale_rules r = rules(true);
	items[0].lives = true;
	assert_int_equal(stale_plan(&r, &facts), STALE_PASSING_MOST);
	assert_int_equal(items[0].answer, STALE_LIVES);
	assert_int_equal(items[STALE_PASSING_MOST].answer, STALE_GOES);
	assert_int_equal(items[STALE_PASSING_MOST + 1].answer, STALE_LATER);
	r.in_passing = false;
	assert_int_equal(stale_plan(&r, &facts), MANY - 1);
}

static int number_of(const char *text)
{
	int64_t number = -1;
	assert_true(number_parse(text, 0, INT32_MAX, &number));
	return (int)number;
}

static void every_kind_has_its_key_in_the_users_own_file(void **state)
{
	(void)state;
	struct stale_rules r = rules(false);
	for (enum stale_kind kind = 0; kind < STALE_KIND_COUNT; kind++) {
		char name[64];
		const char *rest;
		snprintf(name, sizeof name, "keep.%s", stale_kind_word(kind));
		const struct key *key = schema_find(SECTION_REGISTRY, name, &rest);
		assert_non_null(key);
		assert_int_equal(number_of(key->fallback), r.keep_days[kind]);
		assert_true(*stale_kind_why(kind));
	}
}

static void names_of_directories_that_were_set_aside(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		int instance; /* 0: it is none */
		int64_t since_s;
	} rows[] = {
		{"3.before-20260102T030405Z", 3, 1767323045},
		{"10.before-20260102T030405Z-2", 10, 1767323045},
		{"3", 0, 0},
		{"3.before-", 0, 0},
		{"3.before-20260102T030405Z.tar", 0, 0},
		{"3.before-20260102T030405Z-1", 0, 0},
		{"3.before-20260102", 0, 0},
		{".before-20260102T030405Z", 0, 0},
		{"0.before-20260102T030405Z", 0, 0},
		{"logs.before-20260102T030405Z", 0, 0},
		{"3.after-20260102T030405Z", 0, 0},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int instance = 0;
		int64_t since_ms = 0;
		assert_int_equal(
			state_is_aside(rows[i].name, &instance, &since_ms), rows[i].instance != 0);
		assert_int_equal(instance, rows[i].instance);
		assert_int_equal(since_ms, rows[i].since_s * 1000);
	}
}

static void idle_are_those_that_do_not_run_and_were_not_used(void **state)
{
	(void)state;
	struct inventory_instance items[] = {
		{.row = {.number = 1,
			 .status = INSTANCE_RUNNING,
			 .last_used_at = "2025-01-01T00:00:00Z"}},
		{.row = {.number = 3,
			 .status = INSTANCE_STOPPED,
			 .last_used_at = "2025-12-01T00:00:00Z"}},
		{.row = {.number = 4,
			 .status = INSTANCE_CRASHED,
			 .last_used_at = "2025-02-01T00:00:00Z"}},
		{.row = {.number = 5,
			 .status = INSTANCE_STOPPED,
			 .last_used_at = "2026-02-01T00:00:00Z"}},
		{.row = {.number = 6, .status = INSTANCE_STOPPED, .last_used_at = "someday"}},
	};
	struct inventory all = {.instances = items, .instance_count = 5};
	struct idle_list idle;
	struct arena *arena = arena_new();
	for (size_t i = 0; i < 5; i++) {
		items[i].row.project = "shop";
		items[i].row.worktree = "/";
		items[i].row.git_dir = items[i].row.git_mark = "";
	}
	idle_find("/nonexistent", &all, NOW_MS, IDLE_DAYS, arena, &idle);
	assert_int_equal(idle.count, 2);
	assert_int_equal(idle.items[0].instance->row.number, 4);
	assert_int_equal(idle.items[1].instance->row.number, 3);
	assert_int_equal(idle.items[1].days, 63);
	OWNED_TEXT command = {0};
	idle_add_command(&command, &idle.items[1]);
	assert_string_equal(text_string(&command), "stackup instances release 3 -p shop");
	text_clear(&command);
	idle_add_command(&command, &idle.items[0]);
	assert_string_equal(text_string(&command),
		"stackup down -p shop -i 4 && stackup instances release 4 -p shop");
	arena_free(arena);
}

/* Two instances that were stopped long ago, as the clock of the looking says, each with a lease. */
static void add_stopped(struct registry *r, struct arena *arena, struct error *e)
{
	struct project project = {.path = "/shop", .stack_name = "shop", .owner = "", .block = 1};
	assert_int_equal(registry_begin(r, e), 0);
	assert_int_equal(project_add(r, arena, &project, e), 0);
	for (int i = 1; i <= 2; i++) {
		struct instance row = {.project_id = project.id, .number = i, .spans = 1, .block = 1,
			.worktree = "/", .purpose = "", .git_dir = "", .git_mark = "", .branch = "",
			.commit = "", .environment = "", .run_id = "r", .status = INSTANCE_STOPPED};
		const struct lease lease = {
			.port = (uint16_t)(30000 + i), .project_id = project.id,
			.instance = i, .service = "api", .name = "main", .kind = LEASE_SPARE};
		assert_int_equal(instance_put(r, &row, e), 0);
		assert_int_equal(
			instance_set_status(r, project.id, i, INSTANCE_STOPPED, NULL, e), 0);
		assert_int_equal(lease_put(r, &lease, e), 0);
	}
	assert_int_equal(registry_commit(r, e), 0);
}

static void what_was_used_since_it_was_looked_at_stays(void **state)
{
	(void)state;
	char dir[64];
	struct error e = {0};
	OWNED_TEXT notices = {0};
	struct arena *arena = arena_new();
	assert_non_null(alone_directory(dir));
	struct registry *r = registry_open(dir, REGISTRY_WRITE, 5000, &notices, &e);
	assert_non_null(r);
	add_stopped(r, arena, &e);
	struct stale_rules later = stale_rules_default();
	later.now_ms += 1000 * DAY_MS;
	struct stale_facts facts = {0};
	assert_int_equal(stale_look(dir, &later, arena, &facts, &e), 0);
	assert_int_equal(stale_plan(&later, &facts), 2);
	/* Somebody starts the first one, and stops it again. */
	struct instance row;
	assert_int_equal(instance_find(r, facts.items[0].project_id, 1, arena, &row, &e), 1);
	assert_int_equal(registry_begin(r, &e), 0);
	assert_int_equal(instance_touch(r, &row, &e), 0);
	assert_int_equal(registry_commit(r, &e), 0);
	size_t removed = 0;
	assert_int_equal(stale_remove(dir, &facts, &removed, &e), 0);
	assert_int_equal(removed, 1);
	for (size_t i = 0; i < facts.count; i++)
		assert_int_equal(facts.items[i].answer,
			facts.items[i].instance == 1 ? STALE_CHANGED : STALE_GOES);
	struct lease lease;
	assert_int_equal(lease_find(r, 0, false, 30001, arena, &lease, &e), 1);
	assert_int_equal(lease_find(r, 0, false, 30002, arena, &lease, &e), 0);
	registry_close(r);
	arena_free(arena);
	alone_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_is_kept_as_long_as_its_row_says),
		cmocka_unit_test(what_stands_behind_it_counts_more_than_its_age),
		cmocka_unit_test(in_passing_only_a_few_go_at_a_time),
		cmocka_unit_test(every_kind_has_its_key_in_the_users_own_file),
		cmocka_unit_test(names_of_directories_that_were_set_aside),
		cmocka_unit_test(idle_are_those_that_do_not_run_and_were_not_used),
		cmocka_unit_test(what_was_used_since_it_was_looked_at_stays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
