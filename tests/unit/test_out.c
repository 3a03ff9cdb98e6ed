/* rooms: base model cli */
/* What reaches a terminal: tables, and sentences. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/out.h"

#include <cmocka.h>

static void expect_table(struct table *table, bool colour, const char *expected)
{
	OWNED_TEXT out = {0};
	table_print(table, colour, &out);
	assert_string_equal(text_string(&out), expected);
	table_free(table);
}

static struct table *table_of(size_t columns, const char *const *cells, size_t count)
{
	struct table *table = table_new(columns);
	for (size_t i = 0; i < count; i++)
		table_cell(table, COLOUR_NONE, cells[i]);
	return table;
}

#define TABLE(columns, ...)                                                                        \
	table_of(columns, (const char *const[]){__VA_ARGS__},                                      \
		sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void promise_P14_a_cell_shows_no_control_bytes(void **state)
{
	(void)state;
	expect_table(TABLE(2, "NAME", "REASON", "api",
			     "\x1b]0;title\a\xc2\x9b" "31m\ttab\r\n\x80"), false,
		"NAME  REASON\n"
		"api   \xe2\x90\x9b]0;title\\x07\\u{9b}31m\\x09tab\\x0d\\x0a\\x80\n");
}

static void columns_are_as_wide_as_what_is_in_them(void **state)
{
	(void)state;
	expect_table(TABLE(3, "A", "B", "C", "one", "", "x", "four", "", "yy"), false,
		"A     C\n"
		"one   x\n"
		"four  yy\n");
	/* Characters, not bytes; and no blanks at the end of a line. */
	expect_table(TABLE(2, "A", "B", "\xc3\xa9\xc3\xa9", "x", "abc", ""), false,
		"A    B\n"
		"\xc3\xa9\xc3\xa9   x\n"
		"abc\n");
	expect_table(TABLE(2, "A", "B"), false, "A\n");
	expect_table(NULL, false, "");
}

static void colours_are_for_terminals(void **state)
{
	(void)state;
	for (int colour = 0; colour < 2; colour++) {
		struct table *table = TABLE(1, "A");
		table_cell(table, COLOUR_RED, "failed");
		expect_table(table, colour, colour ? "A\n\x1b[31mfailed\x1b[0m\n" : "A\nfailed\n");
	}
}

/* What say_lines() writes to standard error. */
static void expect_said(const char *lines, const char *expected)
{
	int ends[2];
	char bytes[512];
	int before = dup(STDERR_FILENO);
	assert_int_equal(pipe(ends), 0);
	assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
	say_lines(lines);
	assert_true(dup2(before, STDERR_FILENO) >= 0);
	close(before);
	close(ends[1]);
	ssize_t length = read(ends[0], bytes, sizeof bytes - 1);
	close(ends[0]);
	bytes[length > 0 ? length : 0] = '\0';
	assert_string_equal(bytes, expected);
}

static void promise_P14_a_sentence_shows_no_control_bytes(void **state)
{
	(void)state;
	expect_said("one\x1b[31m\n\ntwo", "stackup: one\xe2\x90\x9b[31m\nstackup: two\n");
	expect_said("", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(promise_P14_a_cell_shows_no_control_bytes),
		cmocka_unit_test(columns_are_as_wide_as_what_is_in_them),
		cmocka_unit_test(colours_are_for_terminals),
		cmocka_unit_test(promise_P14_a_sentence_shows_no_control_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
