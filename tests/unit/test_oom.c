/* rooms: base spawn */
/* Where the count of the OOM killer is, and what a rise of it means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spawn/oom.h"

#include <cmocka.h>

static void the_file_is_that_of_our_control_group(void **state)
{
	(void)state;
	static const struct {
		const char *membership;
		const char *path; /* NULL: none */
	} cases[] = {
		{"0::/user.slice/app.scope\n", "/sys/fs/cgroup/user.slice/app.scope/memory.events"},
		{"9:memory:/a\n0::/b\n", "/sys/fs/cgroup/b/memory.events"},
		{"0::/\n", "/sys/fs/cgroup//memory.events"},
		{"4:memory:/a\n1:name=systemd:/\n", NULL},
		{"10::/a\n", NULL},
		{"", NULL},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		OWNED_TEXT path = {0};
		assert_int_equal(oom_path_of(cases[i].membership, &path), cases[i].path != NULL);
		if (cases[i].path)
			assert_string_equal(text_string(&path), cases[i].path);
	}
}

static void write_file(const char *path, const char *content)
{
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	assert_true(fputs(content, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void fault_C19_a_rise_is_told_once(void **state)
{
	(void)state;
	char path[] = "/tmp/stackup-oom-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	struct oom oom = {.count = 2};
	text_add(&oom.path, path);
	write_file(path, "low 0\noom 9\noom_kill 2\noom_group_kill 0\n");
	assert_false(oom_struck(&oom));
	write_file(path, "low 0\noom 9\noom_kill 4\noom_group_kill 0\n");
	assert_true(oom_struck(&oom));
	assert_false(oom_struck(&oom));
	unlink(path);
	assert_false(oom_struck(&oom));
	oom_close(&oom);
}

static void this_machine_has_a_count(void **state)
{
	(void)state;
	struct oom oom;
	oom_open(&oom);
	assert_true(oom.path.length > 0);
	oom_close(&oom);
	assert_false(oom_struck(&oom));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_file_is_that_of_our_control_group),
		cmocka_unit_test(fault_C19_a_rise_is_told_once),
		cmocka_unit_test(this_machine_has_a_count),
	};
	return cmocka_run_group_tests_name("oom", tests, NULL, NULL);
}
