/* rooms: base */
/* Files that are written whole or not at all; of a user's file all but its content stays. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "alone.h"
#include "base/file.h"

/* Last: it has a macro called fail. */
#include <cmocka.h>

static char dir[64];

/* ---- the calls below, which can be made to fail; what was called is in `calls` ---- */

static struct {
	char calls[64];
	int interruptions; /* of the next writes */
	bool a_byte_at_a_time;
	bool nothing_is_synced;
} kernel;

static void note(const char *call)
{
	size_t used = strlen(kernel.calls);
	snprintf(kernel.calls + used, sizeof kernel.calls - used, "%s", call);
}

ssize_t write(int fd, const void *bytes, size_t length)
{
	if (kernel.interruptions > 0) {
		kernel.interruptions--;
		errno = EINTR;
		return -1;
	}
	if (kernel.a_byte_at_a_time && length > 1)
		length = 1;
	return syscall(SYS_write, fd, bytes, length);
}

int fsync(int fd)
{
	note("sync ");
	if (!kernel.nothing_is_synced)
		return (int)syscall(SYS_fsync, fd);
	errno = EIO;
	return -1;
}

int rename(const char *from, const char *to)
{
	note("rename ");
	return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

static int begin(void **state)
{
	(void)state;
	memset(&kernel, 0, sizeof kernel);
	return alone_directory(dir) ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	alone_remove(dir);
	return 0;
}

static const char *path_of(const char *name)
{
	static char paths[4][256];
	static int next;
	char *path = paths[next++ % 4];
	snprintf(path, sizeof paths[0], "%s/%s", dir, name);
	return path;
}

static int rewrite(const char *name, const char *content)
{
	struct error e = {0};
	int got = file_rewrite(path_of(name), content, strlen(content), &e);
	assert_true(got >= 0 || strstr(e.text, "cannot write"));
	return got;
}

static void assert_content(const char *name, const char *content)
{
	OWNED_TEXT there = {0};
	assert_int_equal(file_read(path_of(name), 1000, &there, NULL), 0);
	assert_string_equal(text_string(&there), content);
}

static struct stat stat_of(const char *name)
{
	struct stat st;
	assert_int_equal(lstat(path_of(name), &st), 0);
	return st;
}

static void a_new_one_is_as_the_umask_says(void **state)
{
	(void)state;
	mode_t before = umask(027);
	assert_int_equal(rewrite("new", "a"), 1);
	umask(before);
	assert_int_equal(stat_of("new").st_mode & 07777, 0640);
	assert_content("new", "a");
}

static void the_same_content_is_not_written(void **state)
{
	(void)state;
	assert_int_equal(rewrite("same", "a\nb"), 1);
	ino_t inode = stat_of("same").st_ino;
	assert_int_equal(rewrite("same", "a\nb"), 0);
	assert_int_equal(stat_of("same").st_ino, inode);
	static const char *const others[] = {"a\nc", "a\n", "a\nbc", ""};
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		assert_int_equal(rewrite("same", others[i]), 1);
		assert_content("same", others[i]);
	}
	assert_int_equal(rewrite("same", ""), 0);
}

static void mode_and_link_stay(void **state)
{
	(void)state;
	assert_int_equal(rewrite("real", "old"), 1);
	assert_int_equal(chmod(path_of("real"), 0604), 0);
	assert_int_equal(symlink("real", path_of("link")), 0);
	assert_int_equal(symlink("link", path_of("second")), 0);
	assert_int_equal(rewrite("second", "new"), 1);
	assert_true(S_ISLNK(stat_of("second").st_mode) && S_ISLNK(stat_of("link").st_mode));
	assert_int_equal(stat_of("real").st_mode & 07777, 0604);
	assert_content("real", "new");
}

static void what_is_no_file_stays(void **state)
{
	(void)state;
	assert_int_equal(mkdir(path_of("directory"), 0700), 0);
	assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
	assert_int_equal(symlink("nowhere", path_of("dangling")), 0);
	static const char *const names[] = {"directory", "fifo", "dangling", "missing/file", "fifo/file"};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		assert_int_equal(rewrite(names[i], "x"), -1);
	assert_true(S_ISFIFO(stat_of("fifo").st_mode) && S_ISLNK(stat_of("dangling").st_mode));
}

static size_t files_in_directory(void)
{
	size_t count = 0;
	DIR *all = opendir(dir);
	for (struct dirent *entry; (entry = readdir(all));)
		count += entry->d_name[0] != '.';
	closedir(all);
	return count;
}

static int replace(const char *name, const char *content)
{
	return file_replace(path_of(name), content, strlen(content), NULL);
}

static void what_is_renamed_is_on_the_disk(void **state)
{
	(void)state;
	assert_int_equal(replace("file", "a"), 0);
	assert_string_equal(kernel.calls, "sync rename sync ");
	kernel.calls[0] = '\0';
	assert_int_equal(rewrite("file", "b"), 1);
	assert_string_equal(kernel.calls, "sync rename ");
}

static void fault_J2_what_cannot_be_synced_changes_nothing(void **state)
{
	(void)state;
	assert_int_equal(replace("file", "old"), 0);
	kernel.nothing_is_synced = true;
	assert_int_equal(replace("file", "new"), -1);
	assert_int_equal(rewrite("file", "new"), -1);
	assert_content("file", "old");
	assert_int_equal(files_in_directory(), 1);
}

static void fault_S27_short_and_interrupted_writes_go_on(void **state)
{
	(void)state;
	kernel.a_byte_at_a_time = true;
	kernel.interruptions = 3;
	assert_int_equal(replace("file", "whole"), 0);
	assert_content("file", "whole");
	kernel.interruptions = 3;
	assert_int_equal(rewrite("file", "another"), 1);
	assert_content("file", "another");
}

static void what_is_no_file_is_not_waited_for(void **state)
{
	(void)state;
	OWNED_TEXT out = {0};
	struct error e = {0};
	assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
	alarm(20);
	assert_int_equal(file_read(path_of("fifo"), 100, &out, &e), -1);
	alarm(0);
	assert_non_null(strstr(e.text, "it is something special, not a file"));
	assert_int_equal(file_read(dir, 100, &out, &e), -1);
	assert_non_null(strstr(e.text, "it is a directory, not a file"));
	assert_int_equal(file_read(path_of("missing"), 100, &out, &e), -1);
	assert_int_equal(e.number, ENOENT);
}

static void what_is_too_large_is_not_read(void **state)
{
	(void)state;
	OWNED_TEXT out = {0};
	assert_int_equal(replace("file", "12345"), 0);
	assert_int_equal(file_read(path_of("file"), 4, &out, NULL), -1);
	assert_int_equal(out.length, 0);
	assert_int_equal(file_read(path_of("file"), 5, &out, NULL), 0);
	assert_string_equal(text_string(&out), "12345");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_new_one_is_as_the_umask_says, begin, end),
		cmocka_unit_test_setup_teardown(the_same_content_is_not_written, begin, end),
		cmocka_unit_test_setup_teardown(mode_and_link_stay, begin, end),
		cmocka_unit_test_setup_teardown(what_is_no_file_stays, begin, end),
		cmocka_unit_test_setup_teardown(what_is_renamed_is_on_the_disk, begin, end),
		cmocka_unit_test_setup_teardown(
			fault_J2_what_cannot_be_synced_changes_nothing, begin, end),
		cmocka_unit_test_setup_teardown(
			fault_S27_short_and_interrupted_writes_go_on, begin, end),
		cmocka_unit_test_setup_teardown(what_is_no_file_is_not_waited_for, begin, end),
		cmocka_unit_test_setup_teardown(what_is_too_large_is_not_read, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
