/* rooms: base model registry */
/* A registry on a file system of another host: no write-ahead log, and a commit is on the disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "alone.h"
#include "base/arena.h"
#include "registry/projects.h"
#include "registry/registry.h"

#include <cmocka.h>

enum { NFS = 0x6969 };

static char dir[64];
static int syncs;

/* In place of the C library's, for SQLite as well. */
int statfs(const char *path, struct statfs *out)
{
	int result = (int)syscall(SYS_statfs, path, out);
	out->f_type = NFS;
	return result;
}

int fsync(int fd)
{
	syncs++;
	return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	syncs++;
	return (int)syscall(SYS_fdatasync, fd);
}

static int begin(void **state)
{
	(void)state;
	return alone_directory(dir) ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	alone_remove(dir);
	return 0;
}

static void fault_F22_what_is_committed_is_on_the_disk(void **state)
{
	(void)state;
	struct error e = {0};
	OWNED_TEXT notices = {0};
	struct arena *arena = arena_new();
	struct registry *r = registry_open(dir, REGISTRY_WRITE, 1000, &notices, &e);
	assert_non_null(r);
	assert_false(registry_is_wal(r));
	for (int i = 1; i <= 3; i++) {
		struct project project = {.path = arena_format(arena, "/p%d", i),
			.stack_name = arena_format(arena, "p%d", i), .owner = "", .block = i};
		syncs = 0;
		assert_int_equal(registry_begin(r, &e), 0);
		assert_int_equal(project_add(r, arena, &project, &e), 0);
		assert_int_equal(registry_commit(r, &e), 0);
		/* The journal before the database is touched, then the database. */
		assert_true(syncs >= 2);
	}
	registry_close(r);
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			fault_F22_what_is_committed_is_on_the_disk, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
