/* rooms: base model registry */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include "alone.h"
#include "faulty_vfs.h"
#include "registry/backup.h"
#include "registry/history.h"
#include "registry/projects.h"
#include "registry/registry.h"
#include "registry/restore.h"
#include "registry/schema.h"

/* Last: it has a macro called fail. */
#include <cmocka.h>

static char dir[64];
static struct arena *arena;
static struct error e;

static int begin(void **state)
{
	(void)state;
	arena = arena_new();
	e = (struct error){0};
	/* Where a sync costs nothing, if there is such a place: there are thousands. */
	snprintf(dir, sizeof dir, "/dev/shm/stackup-test-XXXXXX");
	return arena && (mkdtemp(dir) || alone_directory(dir)) ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	faulty_set(FAULT_NONE, 0);
	alone_remove(dir);
	arena_free(arena);
	return 0;
}

static const char *in(const char *directory, const char *name)
{
	return arena_format(arena, "%s/%s", directory, name);
}

static struct registry *open_in(const char *directory)
{
	return registry_open(directory, REGISTRY_WRITE, 1000, NULL, &e);
}

static int add(struct registry *r, const char *name, int block)
{
	struct project project = {
		.path = in("/p", name), .stack_name = name, .owner = "", .block = block};
	if (registry_begin(r, &e))
		return -1;
	if (!project_add(r, arena, &project, &e))
		return registry_commit(r, &e);
	registry_rollback(r);
	return -1;
}

static int64_t number_in(const char *directory, const char *query)
{
	sqlite3 *db;
	sqlite3_stmt *row;
	int64_t value = -1;
	assert_int_equal(sqlite3_open(in(directory, "registry.db"), &db), SQLITE_OK);
	if (sqlite3_prepare_v2(db, query, -1, &row, NULL) == SQLITE_OK &&
		sqlite3_step(row) == SQLITE_ROW)
		value = sqlite3_column_int64(row, 0);
	sqlite3_finalize(row);
	sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_close(db);
	return value;
}

static int files_with(const char *directory, const char *prefix)
{
	int count = 0;
	DIR *entries = opendir(directory);
	for (struct dirent *entry; (entry = readdir(entries));)
		count += !strncmp(entry->d_name, prefix, strlen(prefix));
	closedir(entries);
	return count;
}

static void must_be_sound(const char *directory, const char *when, int at)
{
	bool ok = number_in(directory,
			  "SELECT integrity_check = 'ok' FROM pragma_integrity_check") == 1 &&
		!files_with(directory, "registry.db.corrupt-");
	if (!ok)
		print_error("after %s at call %d: %d set aside; last: %s\n", when, at,
			files_with(directory, "registry.db.corrupt-"), e.text);
	assert_true(ok);
}

/* ---- F8: the n-th call fails, for every n ---- */

/* How many of the commits were acknowledged: open, a project, another one, the log moved, closed. */
static int work(int round)
{
	struct registry *r = open_in(dir);
	int done = 0;
	for (int i = 0; r && i < 2; i++)
		done += !add(r, arena_format(arena, "p%d-%d", round, i), -1 - 2 * round - i);
	if (r)
		(void)registry_checkpoint(r, NULL);
	registry_close(r);
	return done;
}

static void every_call_fails(enum fault fault, const char *what)
{
	registry_close(open_in(dir));
	int acknowledged = 0, round = 1;
	for (bool met = true; met; round++) {
		faulty_set(fault, round);
		acknowledged += work(round);
		met = faulty.calls >= round;
		faulty_set(FAULT_NONE, 0);
		must_be_sound(dir, what, round);
		assert_true(number_in(dir, "SELECT count(*) FROM projects") >= acknowledged);
	}
	assert_true(round > 30);
	struct registry *r = open_in(dir);
	assert_non_null(r);
	registry_close(r);
	must_be_sound(dir, what, round);
}

static void fault_F8_one_call_fails(void **state)
{
	(void)state;
	every_call_fails(FAULT_ERROR, "one error");
}

static void fault_F8_every_call_from_one_on_fails(void **state)
{
	(void)state;
	every_call_fails(FAULT_ERRORS, "errors");
}

/* ---- F10: kill -9 at every call of a migration ---- */

static void make_version_1(const char *directory)
{
	sqlite3 *db;
	assert_int_equal(sqlite3_open(in(directory, "registry.db"), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, schema_step(0), NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(
		sqlite3_exec(db,
			"PRAGMA user_version = 1;"
			"INSERT INTO projects (block, name, path, stack_name, created_at, "
			"last_used_at) "
			"VALUES (4, 'shop', '/p/shop', 'shop', '2026-01-02', '2026-01-02');"
			"INSERT INTO blocks VALUES (4, 1, 0)",
			NULL, NULL, NULL),
		SQLITE_OK);
	sqlite3_close(db);
	assert_int_equal(chmod(in(directory, "registry.db"), 0600), 0);
}

static int run_child(void (*run)(const char *directory), const char *directory)
{
	int status;
	pid_t child = fork();
	if (!child) {
		if (faulty.fault == FAULT_CUT)
			disk_has(directory);
		run(directory);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void migrate(const char *directory)
{
	struct registry *r = open_in(directory);
	registry_close(r);
	if (!r)
		_exit(1);
}

/*
 * Old or new, and nothing in between: the tables are those of the version that the file says, and
 * what was in them is there. 100 times the version, and how many of two later tables there are.
 */
static void must_be_one_version(const char *directory, int at)
{
	int64_t found = number_in(directory,
		"SELECT user_version * 100 + (SELECT count(*) FROM "
		"sqlite_master WHERE name IN ('reservations', 'exports')) FROM pragma_user_version "
		"WHERE (SELECT block FROM projects WHERE name = 'shop') = 4 AND "
		"(SELECT integrity_check FROM pragma_integrity_check) = 'ok'");
	if (found != 100 && found != REGISTRY_VERSION * 100 + 2)
		print_error("version and tables %d after a kill at call %d\n", (int)found, at);
	assert_true(found == 100 || found == REGISTRY_VERSION * 100 + 2);
}

static void goes_on(const char *directory, int at)
{
	struct registry *r = open_in(directory);
	if (!r)
		print_error("%s after a kill at call %d\n", e.text, at);
	assert_non_null(r);
	registry_close(r);
	must_be_sound(directory, "a kill", at);
	assert_int_equal(number_in(directory, "PRAGMA user_version"), REGISTRY_VERSION);
}

static void fault_F10_killed_in_a_migration(void **state)
{
	(void)state;
	int status, at = 1;
	do {
		const char *directory = in(dir, arena_format(arena, "%d", at));
		assert_int_equal(mkdir(directory, 0700), 0);
		make_version_1(directory);
		faulty_set(FAULT_KILL, at);
		status = run_child(migrate, directory);
		faulty_set(FAULT_NONE, 0);
		must_be_one_version(directory, at);
		if (at % 5 == 0)
			goes_on(directory, at);
		file_remove_tree(directory, NULL);
		at++;
	} while (WIFSIGNALED(status));
	assert_int_equal(status, 0);
	assert_true(at > 50);
}

static void every_migration_leaves_a_copy_and_the_last_ones_stay(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		file_remove_tree(in(dir, "registry.db"), NULL);
		make_version_1(dir);
		registry_close(open_in(dir));
	}
	assert_int_equal(files_with(dir, "registry.db.before-version-"), 3);
	assert_int_equal(files_with(dir, "registry.db.new"), 0);
}

/* ---- the same for a restore, which replaces the file ---- */

static void make_two(const char *directory)
{
	struct backup copy;
	struct registry *r = open_in(directory);
	assert_non_null(r);
	assert_int_equal(add(r, "shop", 4), 0);
	assert_int_equal(registry_backup(directory, in(directory, "copy.db"), false, &copy, &e), 0);
	backup_release(&copy);
	assert_int_equal(add(r, "late", 5), 0);
	registry_close(r);
}

static void bring_back(const char *directory)
{
	struct restore restore;
	int result =
		registry_restore(directory, in(directory, "copy.db"), false, arena, &restore, &e);
	restore_release(&restore);
	if (result)
		_exit(1);
}

static void killed_in_a_restore(void **state)
{
	(void)state;
	int status, at = 1;
	bool old = false, new = false;
	do {
		const char *directory = in(dir, arena_format(arena, "%d", at));
		assert_int_equal(mkdir(directory, 0700), 0);
		make_two(directory);
		faulty_set(FAULT_KILL, at);
		status = run_child(bring_back, directory);
		faulty_set(FAULT_NONE, 0);
		registry_close(open_in(directory));
		must_be_sound(directory, "a kill", at);
		int64_t projects = number_in(directory, "SELECT count(*) FROM projects");
		assert_in_range(projects, 1, 2);
		*(projects == 2 ? &old : &new) = true;
		file_remove_tree(directory, NULL);
		at += 9;
	} while (WIFSIGNALED(status));
	assert_int_equal(status, 0);
	assert_true(old && new &&at > 50);
}

/* ---- F13: the power goes ---- */

/* Enough for the log to be moved into the database on the way, twice. */
static void write_much(const char *directory)
{
	char *text = arena_take(arena, 20001);
	memset(text, 'x', 20000);
	struct registry *r = open_in(directory);
	for (int i = 0; r && i < 60; i++)
		if (registry_begin(r, NULL) || history_event(r, 1, 1, "test", text, NULL) ||
			registry_commit(r, NULL))
			_exit(1);
	registry_close(r);
}

static void power_cuts(
	void (*make)(const char *directory), void (*run)(const char *directory), int step)
{
	bool cut;
	int at = 1;
	do {
		const char *directory = in(dir, arena_format(arena, "%d", at));
		const char *after = in(dir, arena_format(arena, "%d-after", at));
		assert_int_equal(mkdir(directory, 0700) | mkdir(after, 0700), 0);
		make(directory);
		faulty.cut_into = after;
		faulty.seed = (unsigned)at;
		faulty_set(FAULT_CUT, at);
		assert_int_equal(run_child(run, directory), 0);
		faulty_set(FAULT_NONE, 0);
		cut = !access(in(after, "registry.db"), F_OK);
		if (cut) {
			must_be_sound(after, "a power cut", at);
			assert_int_equal(
				number_in(after, "SELECT block FROM projects WHERE name = 'shop'"),
				4);
			struct registry *r = open_in(after);
			assert_non_null(r);
			registry_close(r);
			must_be_sound(after, "a power cut", at);
		}
		file_remove_tree(directory, NULL);
		file_remove_tree(after, NULL);
		at += step;
	} while (cut);
	assert_true(at > 8 * step);
}

static void make_filled(const char *directory)
{
	struct registry *r = open_in(directory);
	assert_non_null(r);
	assert_int_equal(add(r, "shop", 4), 0);
	assert_int_equal(registry_checkpoint(r, &e), 0);
	registry_close(r);
}

static void fault_F13_power_cut_between_commits(void **state)
{
	(void)state;
	power_cuts(make_filled, write_much, 61);
}

static void fault_F13_power_cut_in_a_migration(void **state)
{
	(void)state;
	power_cuts(make_version_1, migrate, 11);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(fault_F8_one_call_fails),
		TEST(fault_F8_every_call_from_one_on_fails),
		TEST(fault_F10_killed_in_a_migration),
		TEST(every_migration_leaves_a_copy_and_the_last_ones_stay),
		TEST(killed_in_a_restore),
		TEST(fault_F13_power_cut_between_commits),
		TEST(fault_F13_power_cut_in_a_migration),
	};
	faulty_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
