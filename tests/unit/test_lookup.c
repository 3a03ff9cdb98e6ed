/* rooms: base */
#include "base/error.h"
#include "base/text.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/arena.h"
#include "base/lookup.h"
#include "base/utf8.h"

static void names_find_their_places(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	struct lookup l = {.arena = arena};
	assert_null(lookup_find(&l, "n0"));
	for (size_t i = 0; i < 5000; i++)
		lookup_add(&l, arena_format(arena, "n%zu", i), i);
	assert_int_equal(l.count, 5000);
	for (size_t i = 0; i < 5000; i++) {
		const char *name = arena_format(arena, "n%zu", i);
		assert_int_equal(*lookup_find(&l, name), i);
	}
	assert_null(lookup_find(&l, "n5000"));
	assert_null(lookup_find(&l, ""));
	lookup_add(&l, "", 7);
	assert_int_equal(*lookup_find(&l, ""), 7);
	*lookup_find(&l, "n3") = 33;
	assert_int_equal(*lookup_find(&l, "n3"), 33);
	arena_free(arena);
}

static void characters_are_decoded_strictly(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t length;
		uint32_t point;
	} rows[] = {{"a", 1, 'a'}, {"\xc3\xa9", 2, 0xe9}, {"\xe2\x98\x83", 3, 0x2603},
		{"\xf0\x9f\x98\x80", 4, 0x1f600}, {"\xf4\x8f\xbf\xbf", 4, 0x10ffff},
		{"\xc0\x80", 0, 0}, {"\xc1\xbf", 0, 0}, {"\xe0\x80\x80", 0, 0},
		{"\xed\xa0\x80", 0, 0}, {"\xf4\x90\x80\x80", 0, 0}, {"\xf8\x88\x80\x80\x80", 0, 0},
		{"\x80", 0, 0}, {"\xc3(", 0, 0}, {"\xe2\x98", 0, 0}, {"", 0, 0}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint32_t point = 0;
		assert_int_equal(
			utf8_decode(rows[i].bytes, strlen(rows[i].bytes), &point), rows[i].length);
		assert_int_equal(point, rows[i].point);
	}
}

static void a_text_ends_at_what_is_none(void **state)
{
	(void)state;
	assert_int_equal(utf8_text_span("caf\xc3\xa9", 5), 5);
	assert_int_equal(utf8_text_span("a\0b", 3), 1);
	assert_int_equal(utf8_text_span("ab\xff", 3), 2);
	assert_int_equal(utf8_text_span("ab\xc3\xa9", 3), 2);
	assert_int_equal(utf8_text_span("", 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_find_their_places),
		cmocka_unit_test(characters_are_decoded_strictly),
		cmocka_unit_test(a_text_ends_at_what_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
