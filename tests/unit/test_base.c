/* rooms: base model */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/json_text.h"
#include "base/list.h"
#include "base/nearest.h"
#include "base/number.h"
#include "base/terminal.h"
#include "base/text.h"
#include "model/names.h"

#include <cmocka.h>
#undef fail

/* A huge request must come back as NULL under the sanitizer, too. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

static void durations(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t ms;
	} good[] = {{"500ms", 500}, {"30s", 30000}, {"1.5s", 1500}, {"2m", 120000}, {"1h", 3600000},
		{"0", 0}, {"0s", 0}, {"0.25s", 250}};
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		int64_t ms = -1;
		assert_true(number_duration(good[i].text, &ms));
		assert_int_equal(ms, good[i].ms);
	}
	static const char *const bad[] = {"", "5", "s", "-1s", "1 s", "1d", "1.s", ".5s", "5sx",
		"99999999999999999999s", "1s1s"};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		int64_t ms = 77;
		assert_false(number_duration(bad[i], &ms));
		assert_int_equal(ms, 77);
	}
}

static void sizes_booleans_ranges(void **state)
{
	(void)state;
	int64_t bytes;
	assert_true(number_size("64M", &bytes));
	assert_int_equal(bytes, 64 << 20);
	assert_true(number_size("2GiB", &bytes));
	assert_int_equal(bytes, 2LL << 30);
	assert_false(number_size("2X", &bytes));
	assert_false(number_size("9999999999999999999G", &bytes));
	bool yes;
	assert_true(number_boolean("On", &yes) && yes);
	assert_true(number_boolean("FALSE", &yes) && !yes);
	assert_false(number_boolean("maybe", &yes));
	uint16_t low;
	uint16_t high;
	assert_true(number_port_range("8000-8009", &low, &high) && low == 8000 && high == 8009);
	assert_true(number_port_range("80", &low, &high) && low == 80 && high == 80);
	assert_false(number_port_range("0-80", &low, &high));
	assert_false(number_port_range("80-70", &low, &high));
	assert_false(number_port_range("65536", &low, &high));
}

static void durations_are_shown_as_people_say_them(void **state)
{
	(void)state;
	char b[NUMBER_DURATION_SIZE];
	assert_string_equal(number_show_duration(500, b), "500 ms");
	assert_string_equal(number_show_duration(2100, b), "2.1 s");
	assert_string_equal(number_show_duration(42000, b), "42 s");
	assert_string_equal(number_show_duration(125000, b), "2 min 5 s");
	assert_string_equal(number_show_duration(3900000, b), "1 h 5 min");
	assert_string_equal(number_show_duration(60000, b), "1 min");
	assert_string_equal(number_show_duration(7200000, b), "2 h");
}

static const char *near(const char *wanted)
{
	static const char *const words[] = {"command", "depends_on", "slot", "health", "api"};
	struct nearest n = {.wanted = wanted};
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		nearest_offer(&n, words[i]);
	return n.best;
}

static void did_you_mean(void **state)
{
	(void)state;
	assert_string_equal(near("comand"), "command");
	assert_string_equal(near("depend_on"), "depends_on");
	assert_string_equal(near("solt"), "slot");
	assert_string_equal(near("aip"), "api");
	assert_null(near("kubernetes"));
	assert_null(near("x"));
}

static const char *fix_of(const char *wanted, const char *const *words, size_t count, struct error *e)
{
	struct nearest n = {.wanted = wanted};
	for (size_t i = 0; i < count; i++)
		nearest_offer(&n, words[i]);
	fail(e, EXIT_NOT_FOUND, "there is no '%s'", wanted);
	nearest_hint(&n, e);
	return e->hint;
}

static void what_there_is_where_nothing_is_near(void **state)
{
	(void)state;
	struct error e;
	static const char *const words[] = {"api", "web"};
	const char *many[60];
	for (size_t i = 0; i < 60; i++)
		many[i] = "service-1";
	assert_string_equal(fix_of("wbe", words, 2, &e), "did you mean 'web'?");
	assert_string_equal(fix_of("redis", words, 2, &e), "there are api, web");
	assert_string_equal(fix_of("redis", words, 1, &e), "there is only api");
	assert_string_equal(fix_of("redis", words, 0, &e), "");
	assert_string_equal(fix_of("redis", many, 60, &e),
		"there are service-1, service-1, service-1, service-1, service-1, service-1, "
		"service-1, service-1, service-1, service-1, ...");
}

static char *strict(const char *bytes, size_t length)
{
	struct text t = {0};
	terminal_add_strict(&t, bytes, length);
	return text_take(&t);
}

static void promise_P14_strict_text_has_no_control_bytes(void **state)
{
	(void)state;
	char all[256];
	for (int i = 0; i < 256; i++)
		all[i] = (char)i;
	char *shown = strict(all, sizeof all);
	for (const char *c = shown; *c; c++)
		assert_true((unsigned char)*c >= 0x20 && (unsigned char)*c != 0x7f);
	free(shown);
	static const char *const deceiving[] = {("\xc2\x9b" "31m"), "\xe2\x80\xae", "\xe2\x80\x8b",
		"\xef\xbb\xbf", "\xe2\x81\xa6", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80"};
	for (size_t i = 0; i < sizeof deceiving / sizeof deceiving[0]; i++) {
		shown = strict(deceiving[i], strlen(deceiving[i]));
		assert_non_null(strchr(shown, '\\'));
		free(shown);
	}
	shown = strict("h\xc3\xa9llo \xf0\x9f\x98\x80", 11);
	assert_string_equal(shown, "h\xc3\xa9llo \xf0\x9f\x98\x80");
	free(shown);
}

static void a_log_line_keeps_colours_only(void **state)
{
	(void)state;
	static const char line[] = "\x1b[31mred\x1b[0m\x1b]0;title\x07\tend\x1b[2J";
	struct text t = {0};
	terminal_add_line(&t, line, sizeof line - 1, true);
	assert_string_equal(t.data, "\x1b[31mred\x1b[0m\xe2\x90\x9b]0;title\\x07\tend\xe2\x90\x9b[2J\x1b[0m");
	text_clear(&t);
	terminal_add_line(&t, line, sizeof line - 1, false);
	assert_null(strchr(t.data, 0x1b));
	text_release(&t);
}

static void errors_gather_what_was_being_done(void **state)
{
	(void)state;
	struct error e = {0};
	assert_int_equal(fail(&e, EXIT_CONFLICT, "port %d: in use", 5432), -1);
	error_hint(&e, "stop it");
	fail_while(&e, "starting service '%s'", "db");
	assert_string_equal(e.text, "starting service 'db': port 5432: in use");
	assert_string_equal(e.hint, "stop it");
	assert_int_equal(e.code, EXIT_CONFLICT);
	assert_string_equal(exit_code_word(EXIT_CONFLICT), "port_conflict");
}

static void an_arena_array_grows(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	int *items = NULL;
	size_t count = 0;
	for (int i = 0; i < 1000; i++)
		*arena_append(arena, items, count) = i;
	for (int i = 0; i < 1000; i++)
		assert_int_equal(items[i], i);
	assert_string_equal(arena_format(arena, "%s-%d", "a", 7), "a-7");
	arena_free(arena);
}

static void an_arena_that_runs_out_jumps_to_its_handler(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	if (!setjmp(*arena_on_failure(arena))) {
		arena_take(arena, SIZE_MAX - 4096);
		assert_true(false);
	}
	arena_free(arena);
}

static void lists_keep_their_order(void **state)
{
	(void)state;
	LIST(int) list = {0};
	for (int i = 0; i < 20; i++)
		assert_true(list_push(&list, i));
	list_remove(&list, 3);
	assert_int_equal(list.count, 19);
	assert_int_equal(list.items[3], 4);
	assert_int_equal(list.items[18], 19);
	list_release(&list);
}

static void since_takes_times_and_durations(void **state)
{
	(void)state;
	int64_t at;
	assert_true(clock_parse_since("10m", 1000000, &at));
	assert_int_equal(at, 1000000 - 600000);
	assert_true(clock_parse_since("2026-01-02T03:04:05.678Z", 0, &at));
	char iso[CLOCK_ISO_SIZE];
	assert_string_equal(clock_iso(at, iso), "2026-01-02T03:04:05.678Z");
	assert_false(clock_parse_since("yesterday", 0, &at));
	assert_false(clock_parse_since("2026-01-02T03:04:05 and more", 0, &at));
}

static void row_P1_slots_by_name_then_alias(void **state)
{
	(void)state;
	assert_int_equal(slot_by_name("frontend"), 0);
	assert_int_equal(slot_by_name("web"), 0);
	assert_int_equal(slot_by_name("redis"), 7);
	assert_int_equal(slot_by_name("aux"), 9);
	assert_int_equal(slot_by_name("connection-pooler"), 8);
	assert_int_equal(slot_by_name("pool"), NO_SLOT);
	assert_int_equal(slot_by_name(""), NO_SLOT);
	assert_int_equal(slot_by_exact_name("web"), NO_SLOT);
	assert_string_equal(instance_default_purpose(3), "feature-1");
	assert_string_equal(instance_default_purpose(11), "");
}

static void names_and_slugs(void **state)
{
	(void)state;
	assert_true(name_is_service("my-api_2"));
	assert_false(name_is_service("Api"));
	assert_false(name_is_service("2api"));
	assert_false(name_is_service("a23456789012345678901234567890123"));
	assert_true(name_is_procfile_entry("-Foo_bar"));
	char variable[16];
	name_to_variable("my-api", variable);
	assert_string_equal(variable, "MY_API");
	char slug[64];
	name_to_slug("Shop-feature/AUTH__x!", slug);
	assert_string_equal(slug, "shop-feature-auth-x");
	name_to_slug("---", slug);
	assert_string_equal(slug, "x");
}

static void json_text_is_what_a_parser_reads(void **state)
{
	(void)state;
	static const struct {
		const char *from;
		const char *to;
	} rows[] = {
		{NULL, "null"},
		{"", "\"\""},
		{"node server.js", "\"node server.js\""},
		{"\"a\\b\"", "\"\\\"a\\\\b\\\"\""},
		{"a\nb\tc\r\b\f", "\"a\\nb\\tc\\r\\b\\f\""},
		{"\x01\x1f\x7f", "\"\\u0001\\u001f\\u007f\""},
		{"gr\xc3\xbc\xc3\x9f", "\"gr\\u00fc\\u00df\""},
		{"\xc2\x9b" "31m", "\"\\u009b31m\""},
		{"\xf0\x9f\x98\x80", "\"\\ud83d\\ude00\""},
		{"\xff\xc3", "\"??\""},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		OWNED_TEXT out = {0};
		json_text_add(&out, rows[i].from);
		assert_string_equal(text_string(&out), rows[i].to);
	}
}

static void numbers_and_long_formats_in_a_text(void **state)
{
	(void)state;
	OWNED_TEXT t = {0};
	text_add_number(&t, 0);
	text_add_char(&t, ' ');
	text_add_number(&t, UINT64_MAX);
	assert_string_equal(text_string(&t), "0 18446744073709551615");
	text_clear(&t);
	/* Exactly as long as there is room, one more, and much more. */
	for (int length = 28; length < 300; length++) {
		text_release(&t);
		text_addf(&t, "%*d", length, 7);
		assert_int_equal(t.length, length);
		assert_int_equal(strlen(text_string(&t)), length);
		assert_int_equal(t.data[length - 1], '7');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations),
		cmocka_unit_test(sizes_booleans_ranges),
		cmocka_unit_test(durations_are_shown_as_people_say_them),
		cmocka_unit_test(did_you_mean),
		cmocka_unit_test(what_there_is_where_nothing_is_near),
		cmocka_unit_test(promise_P14_strict_text_has_no_control_bytes),
		cmocka_unit_test(a_log_line_keeps_colours_only),
		cmocka_unit_test(errors_gather_what_was_being_done),
		cmocka_unit_test(an_arena_array_grows),
		cmocka_unit_test(an_arena_that_runs_out_jumps_to_its_handler),
		cmocka_unit_test(lists_keep_their_order),
		cmocka_unit_test(since_takes_times_and_durations),
		cmocka_unit_test(row_P1_slots_by_name_then_alias),
		cmocka_unit_test(names_and_slugs),
		cmocka_unit_test(json_text_is_what_a_parser_reads),
		cmocka_unit_test(numbers_and_long_formats_in_a_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
