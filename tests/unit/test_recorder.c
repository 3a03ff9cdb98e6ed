/* rooms: base model registry loop daemon */
#include <ev.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "alone.h"
#include "base/arena.h"
#include "base/text.h"
#include "daemon/recorder.h"
#include "registry/history_list.h"
#include "registry/leases.h"
#include "registry/instances.h"
#include "registry/projects.h"
#include "registry/registry.h"

/* Last: it has a macro called fail. */
#include <cmocka.h>

struct world {
	char dir[64];
	struct arena *arena;
	struct ev_loop *loop;
	struct recorder *recorder;
	struct text news;
	struct error e;
};
static struct world w;

static void on_news(void *self, const char *text)
{
	text_addf(self, "%s\n", text);
}

static int begin(void **state)
{
	(void)state;
	w = (struct world){.arena = arena_new(), .loop = ev_loop_new(EVFLAG_AUTO)};
	if (!alone_directory(w.dir) || !w.arena || !w.loop)
		return -1;
	const struct recorder_place place = {.state = w.dir, .project_id = 1, .instance = 3, .run_id = "this-run"};
	w.recorder = recorder_new(w.loop, &place, on_news, &w.news);
	return w.recorder ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	recorder_free(w.recorder, false);
	ev_loop_destroy(w.loop);
	alone_remove(w.dir);
	arena_free(w.arena);
	text_release(&w.news);
	return 0;
}

static void make_registry(void)
{
	registry_close(registry_open(w.dir, REGISTRY_WRITE, REGISTRY_BOOT_MS, NULL, &w.e));
}

static void finish(bool write)
{
	recorder_free(w.recorder, write);
	w.recorder = NULL;
}

static size_t rows(struct event_row **out)
{
	size_t count = 0;
	const struct history_filter filter = {.service = "", .since = "", .most = -1};
	struct registry *r = registry_open(w.dir, REGISTRY_READ, REGISTRY_BOOT_MS, NULL, &w.e);
	assert_non_null(r);
	assert_int_equal(history_events_of(r, &filter, w.arena, out, &count, &w.e), 0);
	registry_close(r);
	return count;
}

static void all_is_written_at_the_end(void **state)
{
	(void)state;
	struct event_row *row;
	make_registry();
	recorder_event(w.recorder, "api", EVENT_READY, "starting", "ready", "after 2 s");
	recorder_pass(w.recorder);
	recorder_event(w.recorder, NULL, EVENT_WARNING, NULL, NULL, "it's late");
	finish(true);
	assert_int_equal(rows(&row), 2);
	assert_int_equal(row[0].instance, 3);
	assert_string_equal(row[0].service, "api");
	assert_string_equal(row[0].kind, "ready");
	assert_string_equal(row[0].old_value, "starting");
	assert_string_equal(row[0].new_value, "ready");
	assert_string_equal(row[0].text, "after 2 s");
	assert_string_equal(row[1].service, "");
	assert_string_equal(row[1].old_value, "");
	assert_string_equal(row[1].text, "it's late");
	assert_int_equal(w.news.length, 0);
}

static void an_incident_is_written_with_when_it_happened(void **state)
{
	(void)state;
	struct incident_row *row;
	size_t count = 0;
	make_registry();
	recorder_incident(w.recorder, INCIDENT_FAILED, "service 'api': failed: code 3");
	recorder_pass(w.recorder);
	recorder_event(w.recorder, "api", EVENT_FAILED, "ready", "failed", "");
	finish(true);
	struct registry *r = registry_open(w.dir, REGISTRY_READ, REGISTRY_BOOT_MS, NULL, &w.e);
	assert_non_null(r);
	assert_int_equal(history_incidents(r, "2026", 5, w.arena, &row, &count, &w.e), 0);
	registry_close(r);
	assert_int_equal(count, 1);
	assert_int_equal(row->instance, 3);
	assert_string_equal(row->kind, "service_failed");
	assert_string_equal(row->text, "service 'api': failed: code 3");
}

static void without_a_thread_nothing_is_lost_either(void **state)
{
	(void)state;
	struct event_row *row;
	make_registry();
	recorder_event(w.recorder, "api", EVENT_READY, NULL, NULL, "");
	finish(true); /* before the first turn ended */
	assert_int_equal(rows(&row), 1);
}

static void what_is_dropped_is_not_written(void **state)
{
	(void)state;
	struct event_row *row;
	make_registry();
	recorder_event(w.recorder, "api", EVENT_READY, NULL, NULL, "");
	finish(false);
	assert_int_equal(rows(&row), 0);
}

static void a_flood_does_not_push_the_history_out(void **state)
{
	(void)state;
	struct event_row *row;
	enum { FLOOD = 30000, AT_ONCE = 10000 };
	make_registry();
	for (int i = 0; i < FLOOD; i++) {
		recorder_event(w.recorder, "api", EVENT_EXITED, "ready", "cooling", "");
		if (i % 1000 == 0)
			recorder_pass(w.recorder);
	}
	finish(true);
	size_t count = rows(&row), warnings = 0;
	for (size_t i = 0; i < count; i++) {
		bool about = strstr(row[i].text, "only in events.jsonl") != NULL;
		assert_int_equal(about, !strcmp(row[i].kind, "warning"));
		warnings += about;
	}
	assert_true(count >= AT_ONCE && count < FLOOD && warnings);
}

static void a_registry_that_is_gone_is_said_and_not_made(void **state)
{
	(void)state;
	recorder_event(w.recorder, "api", EVENT_READY, NULL, NULL, "");
	recorder_pass(w.recorder);
	while (!w.news.length)
		ev_run(w.loop, EVRUN_ONCE);
	assert_non_null(strstr(text_string(&w.news), "is gone; what happens is kept in memory"));
	finish(true);
	assert_int_equal(access(arena_format(w.arena, "%s/registry.db", w.dir), F_OK), -1);
}

static void what_waited_is_written_when_the_registry_is_back(void **state)
{
	(void)state;
	struct event_row *row;
	recorder_event(w.recorder, "api", EVENT_READY, NULL, NULL, "first");
	recorder_pass(w.recorder);
	while (!w.news.length)
		ev_run(w.loop, EVRUN_ONCE);
	make_registry();
	recorder_event(w.recorder, "api", EVENT_READY, NULL, NULL, "second");
	recorder_pass(w.recorder);
	finish(true);
	assert_int_equal(rows(&row), 2);
	assert_string_equal(row[0].text, "first");
	assert_string_equal(row[1].text, "second");
}

static void a_hold_that_works_is_remembered(void **state)
{
	(void)state;
	struct project shop = {.path = "/p", .stack_name = "shop", .owner = "", .block = 1};
	struct hold_mode_row *modes;
	size_t count;
	struct registry *r = registry_open(w.dir, REGISTRY_WRITE, REGISTRY_BOOT_MS, NULL, &w.e);
	assert_int_equal(registry_begin(r, &w.e), 0);
	assert_int_equal(project_add(r, w.arena, &shop, &w.e), 0);
	assert_int_equal(registry_commit(r, &w.e), 0);
	recorder_hold(w.recorder, "api", HOLD_MARKER);
	recorder_pass(w.recorder);
	finish(true);
	assert_int_equal(hold_mode_list(r, 1, w.arena, &modes, &count, &w.e), 0);
	assert_int_equal(count, 1);
	assert_string_equal(modes[0].mode, hold_mode_word(HOLD_MARKER));
	registry_close(r);
}

/* Of the row when a supervisor that replaces another one says who it is, and that is written late. */
static struct instance owned_row(enum instance_status status, const char *run_id)
{
	struct project shop = {.path = "/p", .stack_name = "shop", .owner = "", .block = 1};
	struct instance row = {.project_id = 1, .number = 3, .spans = 1, .block = 1, .worktree = "/p",
		.purpose = "", .git_dir = "", .git_mark = "", .branch = "", .commit = "",
		.environment = "", .run_id = run_id, .status = status, .owner = {.pid = 7}};
	struct registry *r = registry_open(w.dir, REGISTRY_WRITE, REGISTRY_BOOT_MS, NULL, &w.e);
	assert_int_equal(registry_begin(r, &w.e), 0);
	assert_int_equal(project_add(r, w.arena, &shop, &w.e), 0);
	assert_int_equal(instance_put(r, &row, &w.e), 0);
	assert_int_equal(registry_commit(r, &w.e), 0);
	recorder_owner(w.recorder);
	recorder_pass(w.recorder);
	finish(true);
	assert_int_equal(instance_find(r, 1, 3, w.arena, &row, &w.e), 1);
	registry_close(r);
	return row;
}

static void the_owner_of_a_run_is_written(void **state)
{
	(void)state;
	struct instance row = owned_row(INSTANCE_RUNNING, "this-run");
	assert_int_equal(row.owner.pid, getpid());
	assert_int_equal(row.owner.guardian_pid, getppid());
	assert_int_equal(row.status, INSTANCE_RUNNING);
}

static void a_run_that_has_ended_has_no_owner(void **state)
{
	(void)state;
	assert_int_equal(owned_row(INSTANCE_STOPPED, "this-run").status, INSTANCE_STOPPED);
}

static void another_run_has_its_own(void **state)
{
	(void)state;
	assert_int_equal(owned_row(INSTANCE_RUNNING, "next-run").owner.pid, 7);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_is_written_at_the_end),
		TEST(an_incident_is_written_with_when_it_happened),
		TEST(without_a_thread_nothing_is_lost_either),
		TEST(what_is_dropped_is_not_written),
		TEST(a_flood_does_not_push_the_history_out),
		TEST(a_registry_that_is_gone_is_said_and_not_made),
		TEST(what_waited_is_written_when_the_registry_is_back),
		TEST(a_hold_that_works_is_remembered),
		TEST(the_owner_of_a_run_is_written),
		TEST(a_run_that_has_ended_has_no_owner),
		TEST(another_run_has_its_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
