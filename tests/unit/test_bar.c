/* rooms: base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bar.h"
#include "base/json_text.h"

#include <cmocka.h>

static void bars(void **state)
{
	(void)state;
	static const struct {
		int64_t value, most;
		int width;
		const char *ascii, *utf8;
	} rows[] = {
		{0, 10, 10, "", ""},
		{10, 10, 5, "#####", "\u2588\u2588\u2588\u2588\u2588"},
		{20, 10, 2, "##", "\u2588\u2588"},
		{5, 10, 4, "##", "\u2588\u2588"},
		{3, 16, 2, "#", "\u258d"},
		{9, 16, 2, "#", "\u2588\u258f"},
		{1, 1000000, 10, "#", "\u258f"},
		{5, 0, 10, "", ""},
		{5, 10, 0, "", ""},
		{-5, 10, 10, "", ""},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		OWNED_TEXT ascii = {0}, utf8 = {0};
		bar_add(&ascii, rows[i].value, rows[i].most, rows[i].width, false);
		bar_add(&utf8, rows[i].value, rows[i].most, rows[i].width, true);
		assert_string_equal(text_string(&ascii), rows[i].ascii);
		assert_string_equal(text_string(&utf8), rows[i].utf8);
	}
}

static void json_has_its_commas(void **state)
{
	(void)state;
	OWNED_TEXT out = {0};
	json_text_open(&out, NULL, '{');
	json_text_number(&out, "a", -1);
	json_text_open(&out, "b", '[');
	json_text_open(&out, NULL, '{');
	json_text_close(&out, '}');
	json_text_string(&out, NULL, "x\"[{");
	json_text_boolean(&out, NULL, true);
	json_text_open(&out, NULL, '[');
	json_text_close(&out, ']');
	json_text_close(&out, ']');
	json_text_decimal(&out, "c", 2.5, 1);
	json_text_string(&out, "d", NULL);
	json_text_close(&out, '}');
	assert_string_equal(text_string(&out),
		"{\"a\":-1,\"b\":[{},\"x\\\"[{\",true,[]],\"c\":2.5,\"d\":null}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bars),
		cmocka_unit_test(json_has_its_commas),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
