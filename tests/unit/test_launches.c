/* rooms: base model registry */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include "alone.h"
#include "registry/chores.h"
#include "registry/history.h"
#include "registry/launches.h"
#include "registry/projects.h"

/* Last: it has a macro called fail. */
#include <cmocka.h>

struct world {
	char dir[64];
	struct arena *arena;
	struct registry *registry;
	struct error e;
};
static struct world w;

static int begin(void **state)
{
	(void)state;
	w = (struct world){.arena = arena_new()};
	if (!alone_directory(w.dir) || !w.arena)
		return -1;
	w.registry = registry_open(w.dir, REGISTRY_WRITE, REGISTRY_BOOT_MS, NULL, &w.e);
	return w.registry ? registry_begin(w.registry, &w.e) : -1;
}

static int end(void **state)
{
	(void)state;
	registry_close(w.registry);
	alone_remove(w.dir);
	arena_free(w.arena);
	return 0;
}

static void record(int instance, bool assigned, int conflicts, int64_t assign_us)
{
	struct launch_note note = {.project_id = 1,
		.instance = instance,
		.assigned = assigned,
		.conflicts = conflicts,
		.assign_us = assign_us};
	assert_int_equal(launch_record(w.registry, &note, &w.e), 0);
}

static void nothing_was_launched(void **state)
{
	(void)state;
	struct launch_figures figures;
	struct month_figures *months;
	struct launch_count *counts;
	size_t count = 1;
	assert_int_equal(launch_figures(w.registry, "", &figures, &w.e), 0);
	assert_int_equal(figures.count, 0);
	assert_int_equal(figures.median_us, 0);
	assert_int_equal(month_figures(w.registry, 12, w.arena, &months, &count, &w.e), 0);
	assert_int_equal(count, 0);
	assert_int_equal(launch_counts(w.registry, "", w.arena, &counts, &count, &w.e), 0);
	assert_int_equal(count, 0);
}

static void median_and_p99_are_of_launches_that_got_their_ports(void **state)
{
	(void)state;
	struct launch_figures figures;
	for (int i = 1; i <= 200; i++)
		record(1, true, i > 150, (201 - i) * 10);
	record(2, false, 3, 999999);
	assert_int_equal(launch_figures(w.registry, "", &figures, &w.e), 0);
	assert_int_equal(figures.count, 201);
	assert_int_equal(figures.undisturbed, 150);
	assert_int_equal(figures.failed, 1);
	assert_int_equal(figures.median_us, 1000);
	assert_int_equal(figures.p99_us, 1980);
	assert_int_equal(launch_figures(w.registry, "9999", &figures, &w.e), 0);
	assert_int_equal(figures.count, 0);
}

static void the_busiest_instance_comes_first(void **state)
{
	(void)state;
	struct launch_count *counts;
	size_t count;
	for (int i = 0; i < 6; i++)
		record(i < 2 ? 1 : 4, true, 0, 1);
	assert_int_equal(launch_counts(w.registry, "", w.arena, &counts, &count, &w.e), 0);
	assert_int_equal(count, 2);
	assert_int_equal(counts[0].instance, 4);
	assert_int_equal(counts[0].launches, 4);
	assert_int_equal(counts[1].launches, 2);
}

static void a_month_has_its_launches_and_its_conflicts(void **state)
{
	(void)state;
	struct conflict_note note = {.project_id = 1,
		.instance = 1,
		.service = "api",
		.port = 30101,
		.class = "foreign",
		.holder = "somebody",
		.action = "moved",
		.moved_to = 30105};
	struct conflict_note spare = note;
	struct month_figures *months;
	size_t count;
	record(1, true, 1, 5);
	record(1, true, 0, 5);
	spare.service = "";
	assert_int_equal(history_conflict(w.registry, &note, &w.e), 0);
	assert_int_equal(history_conflict(w.registry, &spare, &w.e), 0);
	assert_int_equal(month_figures(w.registry, 12, w.arena, &months, &count, &w.e), 0);
	assert_int_equal(count, 1);
	assert_int_equal(strlen(months[0].month), 7);
	assert_int_equal(months[0].launches, 2);
	assert_int_equal(months[0].undisturbed, 1);
	assert_int_equal(months[0].conflicts, 1);
}

static void a_chore_knows_when_it_is_due(void **state)
{
	(void)state;
	int64_t when = 7;
	assert_int_equal(chore_next(w.registry, CHORE_TIDY, &when, &w.e), 0);
	assert_int_equal(when, 0);
	assert_int_equal(chore_put_off(w.registry, CHORE_TIDY, 1000, &w.e), 0);
	assert_int_equal(chore_put_off(w.registry, CHORE_TIDY, 2000, &w.e), 0);
	assert_int_equal(chore_next(w.registry, CHORE_TIDY, &when, &w.e), 0);
	assert_int_equal(when, 2000);
	assert_int_equal(chore_next(w.registry, CHORE_REVIEW, &when, &w.e), 0);
	assert_int_equal(when, 0);
	uint16_t base = 1;
	assert_int_equal(ports_base_get(w.registry, &base, &w.e), 0);
	assert_int_equal(base, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_was_launched),
		TEST(median_and_p99_are_of_launches_that_got_their_ports),
		TEST(the_busiest_instance_comes_first),
		TEST(a_month_has_its_launches_and_its_conflicts),
		TEST(a_chore_knows_when_it_is_due),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
