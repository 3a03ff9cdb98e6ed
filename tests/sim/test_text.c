/* A walk that was written down is the same one when it is read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "walk.h"

#include <cmocka.h>

enum { TEXT_MOST = 1 << 18 };

static struct walk drawn;
static struct walk again;
static char text[TEXT_MOST];

static bool read_text(void)
{
	FILE *in = fmemopen(text, strlen(text), "r");
	bool well = walk_read(&again, in);
	fclose(in);
	return well;
}

static void what_is_written_is_read_again(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 300; seed++) {
		memset(&drawn, 0, sizeof drawn);
		walk_draw(&drawn, seed);
		FILE *out = fmemopen(text, sizeof text, "w");
		walk_write(&drawn, out);
		fclose(out);
		assert_true(read_text());
		assert_memory_equal(&again, &drawn, sizeof drawn);
	}
}

static void what_is_no_walk_is_refused(void **state)
{
	static const char *const bad[] = {"walk 1\n", "walk 1 luck 2\n", "walk 1 luck 2\nmove\n",
		"walk 1 luck 2\nservice colour=3\n", "walk 1 luck 2\nservice\n  start 9 ready_after=1\n",
		"walk 1 luck 2\nservice\nfly\n"};
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		snprintf(text, sizeof text, "%s", bad[i]);
		assert_false(read_text());
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_again),
		cmocka_unit_test(what_is_no_walk_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
