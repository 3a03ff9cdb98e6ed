/* rooms: model base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/complaint.h"

static char *printed(const struct complaints *c)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	complaints_print(c, SEVERITY_NOTICE, out);
	fclose(out);
	return text;
}

static void expect_printed(struct complaints *c, const char *expected)
{
	char *text = printed(c);
	assert_string_equal(text, expected);
	free(text);
}

static void a_complaint_has_place_sentence_and_fix(void **state)
{
	(void)state;
	struct complaints c = {0};
	complaint_error(&c, "stack.ini", 12, "comand", "unknown key '%s'", "comand");
	complaint_hint(&c, "did you mean '%s'?", "command");
	complaint_warning(&c, ".env", 0, NULL, "glued");
	complaint_notice(&c, NULL, 0, NULL, "just so");
	expect_printed(&c, "stack.ini:12: unknown key 'comand'; did you mean 'command'?\n"
		".env: warning: glued\nnotice: just so\n");
	assert_int_equal(c.errors, 1);
	assert_int_equal(c.warnings, 1);
	complaints_release(&c);
	assert_int_equal(c.list.count, 0);
}

static void complaints_are_sorted_by_file_and_line(void **state)
{
	(void)state;
	struct complaints c = {0};
	complaint_error(&c, "b", 9, NULL, "1");
	complaint_error(&c, "a", 2, NULL, "2");
	complaint_error(&c, "b", 3, NULL, "3");
	complaint_error(&c, "a", 1, NULL, "4");
	complaint_error(&c, "b", 3, NULL, "5");
	complaints_sort(&c);
	expect_printed(&c, "b:3: 3\nb:3: 5\nb:9: 1\na:1: 4\na:2: 2\n");
	complaints_release(&c);
}

static void the_same_is_said_once(void **state)
{
	(void)state;
	struct complaints c = {0};
	for (int i = 0; i < 3; i++) {
		complaint_error(&c, "a", 1, "k", "x");
		complaint_hint(&c, "fix %d", i);
	}
	expect_printed(&c, "a:1: x; fix 0\n");
	assert_int_equal(c.errors, 1);
	complaint_error(&c, "a", 2, "k", "x");
	complaint_warning(&c, "a", 1, "k", "x");
	assert_int_equal(c.list.count, 3);
	complaints_release(&c);
}

static void the_list_is_bounded_and_the_count_is_right(void **state)
{
	(void)state;
	struct complaints c = {0};
	for (int i = 1; i <= COMPLAINTS_MOST + 50; i++) {
		complaint_error(&c, "a", i, NULL, "x");
		complaint_hint(&c, "fix %d", i);
	}
	assert_int_equal(c.errors, COMPLAINTS_MOST + 50);
	assert_int_equal(c.list.count, COMPLAINTS_MOST);
	char *text = printed(&c);
	assert_non_null(strstr(text, "a:200: x; fix 200\nand 50 more\n"));
	free(text);
	struct complaints other = {0};
	complaint_warning(&other, "b", 1, NULL, "y");
	complaints_move(&other, &c);
	assert_int_equal(other.errors, COMPLAINTS_MOST + 50);
	assert_int_equal(other.list.count, COMPLAINTS_MOST);
	assert_int_equal(other.dropped, 51);
	assert_int_equal(c.errors + c.list.count, 0);
	complaints_release(&other);
}

static void nothing_drives_the_terminal(void **state)
{
	(void)state;
	struct complaints c = {0};
	complaint_error(&c, "a\033]0;x\a", 1, NULL, "b\r\n\x9b");
	complaint_hint(&c, "%s", "\xe2\x80\xae");
	expect_printed(&c, "a\xe2\x90\x9b]0;x\\x07:1: b\\x0d\\x0a\\x9b; \\u{202e}\n");
	complaints_release(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_complaint_has_place_sentence_and_fix),
		cmocka_unit_test(complaints_are_sorted_by_file_and_line),
		cmocka_unit_test(the_same_is_said_once),
		cmocka_unit_test(the_list_is_bounded_and_the_count_is_right),
		cmocka_unit_test(nothing_drives_the_terminal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
