/* rooms: base model registry */
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alone.h"
#include "base/arena.h"
#include "base/own.h"
#include "registry/history.h"
#include "registry/history_list.h"
#include "registry/leases.h"
#include "registry/projects.h"

/* Last: it has a macro called fail. */
#include <cmocka.h>

struct world {
	char dir[64];
	struct arena *arena;
	struct registry *r;
	struct error e;
};
static struct world w;

static int begin(void **state)
{
	(void)state;
	w = (struct world){.arena = arena_new()};
	if (!alone_directory(w.dir) || !w.arena)
		return -1;
	w.r = registry_open(w.dir, REGISTRY_WRITE, REGISTRY_BOOT_MS, NULL, &w.e);
	return w.r ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	registry_close(w.r);
	alone_remove(w.dir);
	arena_free(w.arena);
	return 0;
}

/* As somebody else who has the file open. */
static sqlite3 *open_beside(void)
{
	sqlite3 *db;
	assert_int_equal(sqlite3_open(arena_format(w.arena, "%s/registry.db", w.dir), &db), SQLITE_OK);
	sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	return db;
}

static void change(const char *sql)
{
	sqlite3 *db = open_beside();
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* One column of the answer, a line a row. */
static void ask(const char *sql, int column, struct text *out)
{
	sqlite3_stmt *row;
	sqlite3 *db = open_beside();
	if (sqlite3_prepare_v2(db, sql, -1, &row, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	while (sqlite3_step(row) == SQLITE_ROW)
		text_addf(out, "%s\n", (const char *)sqlite3_column_text(row, column));
	sqlite3_finalize(row);
	sqlite3_close(db);
}

static int64_t number(const char *sql)
{
	OWNED_TEXT out = {0};
	ask(sql, 0, &out);
	return strtoll(text_string(&out), NULL, 10);
}

static int64_t add_project(const char *path, const char *name, int block)
{
	struct project project = {.path = path, .stack_name = name, .owner = "", .block = block};
	assert_int_equal(registry_begin(w.r, &w.e), 0);
	assert_int_equal(project_add(w.r, w.arena, &project, &w.e), 0);
	assert_int_equal(registry_commit(w.r, &w.e), 0);
	return project.id;
}

static void write_events(const struct event_note *notes, size_t count)
{
	assert_int_equal(registry_begin(w.r, &w.e), 0);
	assert_int_equal(history_events(w.r, notes, count, &w.e), 0);
	assert_int_equal(registry_commit(w.r, &w.e), 0);
}

/* ---- plans ---- */

/* SQLite would answer the query without a scan, and each part of its plan is there. */
static void expect_plan(const char *query, bool sorted, const char *const *parts)
{
	OWNED_TEXT plan = {0};
	OWNED_TEXT explain = {0};
	text_addf(&explain, "EXPLAIN QUERY PLAN %s", query);
	ask(text_string(&explain), 3, &plan);
	if (strstr(text_string(&plan), "SCAN") || !strstr(text_string(&plan), "TEMP B-TREE") != !sorted)
		fail_msg("%s\n%s", query, text_string(&plan));
	for (; *parts; parts++)
		if (!strstr(text_string(&plan), *parts))
			fail_msg("no %s: %s\n%s", *parts, query, text_string(&plan));
}

static void fault_F16_every_question_about_events_is_answered_by_an_index(void **state)
{
	static const struct {
		struct history_filter filter;
		const char *plan[2];
	} cases[] = {
		{{.service = ""}, {"events_at (timestamp>?)"}},
		{{.service = "", .project_id = 1}, {"events_of_project (project_id=? AND timestamp>?)"}},
		{{.service = "", .project_id = 1, .instance = 3},
			{"events_of_instance (project_id=? AND instance=? AND timestamp>?)"}},
		{{.service = "api", .project_id = 1},
			{"events_of_service (project_id=? AND service=? AND timestamp>?)"}},
		{{.service = "api", .project_id = 1, .instance = 3},
			{"events_of_service (project_id=? AND service=? AND timestamp>?)"}},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		OWNED_TEXT query = {0};
		history_events_query(&cases[i].filter, REGISTRY_VERSION, &query);
		expect_plan(text_string(&query), false, cases[i].plan);
	}
	OWNED_TEXT plan = {0};
	ask(arena_format(w.arena, "EXPLAIN QUERY PLAN %s", history_services_query), 3, &plan);
	assert_null(strstr(text_string(&plan), "SCAN events"));
}

static void fault_F16_every_question_about_ports_is_answered_by_an_index(void **state)
{
	static const struct {
		struct history_filter filter;
		bool sorted; /* the services of a project have an order each */
		const char *plan[6];
	} cases[] = {
		{{.service = ""}, false,
			{"port_history_at (", "conflicts_at (", "audit_of_ports (", "incidents_at ("}},
		{{.service = "", .project_id = 1}, true,
			{"sqlite_autoindex_services_1 (project_id=?",
				"port_history_of_service (service_id=? AND",
				"conflicts_of_project (project_id=? AND",
				"audit_of_project (project_id=? AND",
				"incidents_of_project (project_id=? AND"}},
		{{.service = "api", .project_id = 1}, true,
			{"sqlite_autoindex_services_1 (project_id=?",
				"port_history_of_service (service_id=? AND",
				"conflicts_of_projects_service (project_id=? AND service=? AND",
				"audit_of_projects_service (project_id=? AND <expr>=? AND"}},
		{{.service = "api"}, true,
			{"services_by_name (service_name=?", "port_history_of_service (service_id=? AND",
				"conflicts_of_service (service=? AND", "audit_of_service (<expr>=? AND"}},
		{{.service = "", .port = 30101}, false,
			{"port_history_from (old_value=? AND", "port_history_to (new_value=? AND",
				"conflicts_of_port (port=? AND", "conflicts_moved_to (moved_to=? AND",
				"audit_of_port (<expr>=? AND"}},
		{{.service = "api", .port = 30101, .project_id = 1}, false,
			{"port_history_from (old_value=? AND", "port_history_to (new_value=? AND",
				"conflicts_of_port (port=? AND", "conflicts_moved_to (moved_to=? AND"}},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		OWNED_TEXT query = {0};
		history_ports_query(&cases[i].filter, &query);
		expect_plan(text_string(&query), cases[i].sorted, cases[i].plan);
	}
}

/* ---- rows ---- */

static void expect_events(struct history_filter filter, const char *wanted)
{
	struct event_row *rows;
	size_t count;
	OWNED_TEXT got = {0};
	assert_int_equal(history_events_of(w.r, &filter, w.arena, &rows, &count, &w.e), 0);
	for (size_t i = 0; i < count; i++)
		text_addf(&got, "%s/%d %s %s %s>%s %s|", rows[i].project, rows[i].instance,
			rows[i].service, rows[i].kind, rows[i].old_value, rows[i].new_value, rows[i].text);
	assert_string_equal(text_string(&got), wanted);
}

static void events_are_found_by_project_instance_service_and_time(void **state)
{
	(void)state;
	int64_t shop = add_project("/p", "shop", 1), blog = add_project("/q", "blog", 2);
	const struct event_note notes[] = {
		{shop, 1, "api", "ready", "starting", "ready", "after 2 s", 1000},
		{shop, 2, "api", "exited", "ready", "cooling", "code 3", 2000},
		{shop, 2, "web", "ready", "starting", "ready", "", 3000},
		{blog, 1, "", "instance", "starting", "ready", "ready", 4000},
	};
	/* So old that age would take them: one transaction a row, and the next one takes the one before. */
	assert_int_equal(registry_begin(w.r, &w.e), 0);
	for (size_t i = 0; i < 4; i++) {
		struct event_note note = notes[i];
		note.wall_ms += 4102444800000; /* 2100 */
		assert_int_equal(history_events(w.r, &note, 1, &w.e), 0);
	}
	assert_int_equal(registry_commit(w.r, &w.e), 0);
	struct history_filter all = {.service = "", .since = "", .most = -1};
	expect_events(all, "shop/1 api ready starting>ready after 2 s|"
		"shop/2 api exited ready>cooling code 3|shop/2 web ready starting>ready |blog/1  instance starting>ready ready|");
	all.most = 1;
	expect_events(all, "blog/1  instance starting>ready ready|");
	struct history_filter one = {
		.project_id = shop, .service = "", .since = "", .most = -1, .instance = 2};
	expect_events(one, "shop/2 api exited ready>cooling code 3|shop/2 web ready starting>ready |");
	const char **names;
	size_t count;
	assert_int_equal(history_services(w.r, shop, w.arena, &names, &count, &w.e), 0);
	assert_int_equal(count, 2);
	assert_string_equal(names[0], "api");
	assert_string_equal(names[1], "web");
	assert_int_equal(history_services(w.r, blog, w.arena, &names, &count, &w.e), 0);
	assert_int_equal(count, 0);
	one.service = "api";
	expect_events(one, "shop/2 api exited ready>cooling code 3|");
	one.instance = 0;
	one.since = "2100-01-01T00:00:02.000Z";
	expect_events(one, "shop/2 api exited ready>cooling code 3|");
}

static void an_event_that_has_no_time_happened_now(void **state)
{
	(void)state;
	const struct event_note note = {.project_id = 1, .instance = 1, .kind = "crashed", .text = "x"};
	write_events(&note, 1);
	expect_events((struct history_filter){.service = "", .since = "2026-01-01", .most = -1},
		"/1  crashed > x|");
}

/* ---- what is kept ---- */

static void old_rows_go_a_few_at_a_time(void **state)
{
	(void)state;
	struct event_note old[10], now = {.project_id = 1, .instance = 1, .kind = "k", .text = ""};
	for (int i = 0; i < 10; i++)
		old[i] = (struct event_note){.project_id = 1, .instance = 1, .kind = "old", .text = "",
			.wall_ms = 1000};
	/* They come together, and may go together. */
	write_events(old, 10);
	assert_int_equal(number("SELECT count(*) FROM events"), 0);
	change("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10) "
		"INSERT INTO events (project_id, instance, kind, text, timestamp) "
		"SELECT 1, 1, 'old', '', '2001-01-01' FROM n");
	write_events(&now, 1);
	assert_int_equal(number("SELECT count(*) FROM events WHERE kind = 'old'"), 6);
	write_events(&now, 1);
	write_events(&now, 1);
	assert_int_equal(number("SELECT count(*) FROM events WHERE kind = 'old'"), 0);
	assert_int_equal(number("SELECT count(*) FROM events"), 3);
}

static void rows_beyond_the_number_kept_go_however_young(void **state)
{
	(void)state;
	struct event_note now = {.project_id = 1, .instance = 1, .kind = "first", .text = ""};
	write_events(&now, 1);
	write_events(&now, 1);
	change("UPDATE sqlite_sequence SET seq = 1000000 WHERE name = 'events'");
	now.kind = "next";
	write_events(&now, 1);
	expect_events((struct history_filter){.service = "", .since = "", .most = -1},
		"/1  first > |/1  next > |");
	write_events(&now, 1);
	expect_events((struct history_filter){.service = "", .since = "", .most = -1},
		"/1  next > |/1  next > |");
}

static void every_table_has_its_rule(void **state)
{
	(void)state;
	assert_int_equal(registry_begin(w.r, &w.e), 0);
#define X(name, table, rows, days) assert_int_equal(history_prune(w.r, name, 1, &w.e), 0);
	HISTORY_RULES(X)
#undef X
	assert_int_equal(registry_commit(w.r, &w.e), 0);
}

/* ---- for those nobody watches ---- */

static void who_appends_neither_makes_nor_mends(void **state)
{
	(void)state;
	const char *none = arena_format(w.arena, "%s/none", w.dir);
	const char *file = arena_format(w.arena, "%s/registry.db", w.dir);
	assert_null(registry_open(none, REGISTRY_APPEND, 0, NULL, &w.e));
	assert_non_null(strstr(w.e.text, "is gone"));
	assert_int_equal(access(none, F_OK), -1);

	struct registry *r = registry_open(w.dir, REGISTRY_APPEND, 0, NULL, &w.e);
	assert_non_null(r);
	assert_int_equal(registry_begin(r, &w.e), 0);
	assert_int_equal(history_event(r, 1, 1, "crashed", "", &w.e), 0);
	assert_int_equal(registry_commit(r, &w.e), 0);
	registry_close(r);
	assert_int_equal(number("SELECT count(*) FROM events"), 1);

	registry_close(w.r);
	w.r = NULL;
	assert_int_equal(truncate(file, 0), 0);
	unlink(arena_format(w.arena, "%s-wal", file));
	unlink(arena_format(w.arena, "%s-shm", file));
	assert_null(registry_open(w.dir, REGISTRY_APPEND, 0, NULL, &w.e));
	struct stat st;
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_size, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(fault_F16_every_question_about_events_is_answered_by_an_index),
		TEST(fault_F16_every_question_about_ports_is_answered_by_an_index),
		TEST(events_are_found_by_project_instance_service_and_time),
		TEST(an_event_that_has_no_time_happened_now),
		TEST(old_rows_go_a_few_at_a_time),
		TEST(rows_beyond_the_number_kept_go_however_young),
		TEST(every_table_has_its_rule),
		TEST(who_appends_neither_makes_nor_mends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
