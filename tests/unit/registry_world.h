/*
 * registry_world.h - a directory with a registry in it, for test_registry*.c.
 */
#ifndef TESTS_REGISTRY_WORLD_H
#define TESTS_REGISTRY_WORLD_H

#include <dirent.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>

#include "alone.h"
#include "base/file.h"
#include "base/own.h"
#include "registry/instances.h"
#include "registry/projects.h"
#include "registry/registry.h"

/* Last: it has a macro called fail. */
#include <cmocka.h>

struct world {
	char dir[64];
	struct arena *arena;
	struct text notices;
	struct error e;
};
static struct world w;

static inline int begin(void **state)
{
	(void)state;
	w = (struct world){.arena = arena_new()};
	return alone_directory(w.dir) && w.arena ? 0 : -1;
}

static inline int end(void **state)
{
	(void)state;
	alone_remove(w.dir);
	arena_free(w.arena);
	text_release(&w.notices);
	return 0;
}

static inline const char *path_of(const char *name)
{
	return arena_format(w.arena, "%s/%s", w.dir, name);
}

static inline struct registry *open_to(enum registry_mode mode)
{
	return registry_open(w.dir, mode, REGISTRY_BOOT_MS, &w.notices, &w.e);
}

static inline struct registry *must_open(enum registry_mode mode)
{
	struct registry *r = open_to(mode);
	if (!r)
		print_error("%s\n", w.e.text);
	assert_non_null(r);
	return r;
}

/* A project with one instance; its id. */
static inline int64_t add_project(struct registry *r, const char *path, const char *name, int block)
{
	struct project project = {.path = path, .stack_name = name, .owner = "", .block = block};
	struct instance instance = {.number = 1, .spans = 1, .block = block, .worktree = path,
		.purpose = "development", .git_dir = "", .git_mark = "", .branch = "main",
		.commit = "", .environment = "development", .run_id = "r", .status = INSTANCE_STOPPED};
	assert_int_equal(registry_begin(r, &w.e), 0);
	assert_int_equal(project_add(r, w.arena, &project, &w.e), 0);
	instance.project_id = project.id;
	assert_int_equal(instance_put(r, &instance, &w.e), 0);
	assert_int_equal(registry_commit(r, &w.e), 0);
	assert_int_equal(record_write(w.dir, 30000, &project, &instance, &w.e), 0);
	return project.id;
}

/* Names in the directory that begin so. */
static inline int files_with(const char *prefix)
{
	int count = 0;
	DIR *directory = opendir(w.dir);
	for (struct dirent *entry; (entry = readdir(directory));)
		count += !strncmp(entry->d_name, prefix, strlen(prefix));
	closedir(directory);
	return count;
}

static inline void damage(const char *bytes, size_t length, off_t at, bool truncated)
{
	int fd = open(path_of("registry.db"), O_WRONLY | O_CLOEXEC | (truncated ? O_TRUNC : 0));
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, length, at), (ssize_t)length);
	close(fd);
}

static inline int64_t one_number(const char *sql)
{
	sqlite3 *db;
	sqlite3_stmt *statement;
	assert_int_equal(sqlite3_open(path_of("registry.db"), &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	int64_t value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_close(db);
	return value;
}

/* Ways of losing a registry, each leaving a bad file in its place. */
static inline void make_garbage(void)
{
	char bytes[9000];
	memset(bytes, 0x5a, sizeof bytes);
	damage(bytes, sizeof bytes, 0, true);
}

static inline struct reservation reserved(uint16_t port, int64_t project_id, const char *service)
{
	return (struct reservation){.port = port, .project_id = project_id, .instance = 1,
		.service = service, .name = "main", .owner = "ann", .note = "fridays"};
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

#endif
