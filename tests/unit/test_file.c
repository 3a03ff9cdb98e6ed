/* rooms: base */
/* A file of the user's that is rewritten: what it is besides its content stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alone.h"
#include "base/file.h"

/* Last: it has a macro called fail. */
#include <cmocka.h>

static char dir[64];

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_new_one_is_as_the_umask_says, begin, end),
		cmocka_unit_test_setup_teardown(the_same_content_is_not_written, begin, end),
		cmocka_unit_test_setup_teardown(mode_and_link_stay, begin, end),
		cmocka_unit_test_setup_teardown(what_is_no_file_stays, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
