/* rooms: base */
#include "base/reserve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

static int setup(void **state)
{
	(void)state;
	reserve_fail(0);
	return 0;
}

static void test_gives_memory_of_malloc(void **state)
{
	(void)state;
	unsigned long before = reserve_taken();
	char *memory = reserve_malloc(10);
	free(memory);
	memory = malloc(10);
	assert_non_null(memory);
	memory = reserve_realloc(memory, 100000);
	memset(memory, 'x', 100000);
	reserve_free(memory);
	reserve_free(NULL);
	assert_int_equal(reserve_taken(), before);
}

static void test_sizes_of_the_reserve(void **state)
{
	(void)state;
	static const size_t sizes[] = {0, 1, 512, 513, 20 * 1024, 20 * 1024 + 1, 256 * 1024};
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		unsigned long before = reserve_taken();
		reserve_fail(1);
		char *memory = reserve_malloc(sizes[i]);
		assert_non_null(memory);
		assert_int_equal((uintptr_t)memory % _Alignof(max_align_t), 0);
		memset(memory, 'x', sizes[i]);
		assert_int_equal(reserve_taken(), before + 1);
		reserve_fail(1);
		char *again = reserve_calloc(1, sizes[i]);
		assert_ptr_not_equal(memory, again);
		reserve_free(memory);
		reserve_free(again);
	}
	reserve_fail(1);
	assert_null(reserve_malloc(256 * 1024 + 1));
}

static void test_calloc_is_zero_again(void **state)
{
	(void)state;
	reserve_fail(1);
	char *memory = reserve_malloc(300);
	memset(memory, 'x', 300);
	reserve_free(memory);
	reserve_fail(1);
	memory = reserve_calloc(3, 100);
	for (size_t i = 0; i < 300; i++)
		assert_int_equal(memory[i], 0);
	reserve_free(memory);
	reserve_fail(1);
	assert_null(reserve_calloc(SIZE_MAX / 2, 3));
}

/* Out of malloc's into the reserve, from shelf to shelf, and back. */
static void test_realloc_keeps_the_content(void **state)
{
	(void)state;
	char *memory = reserve_malloc(100);
	memset(memory, 'x', 100);
	reserve_fail(1);
	memory = reserve_realloc(memory, 500);
	assert_non_null(memory);
	reserve_fail(1);
	memory = reserve_realloc(memory, 10000);
	assert_non_null(memory);
	memory = reserve_realloc(memory, 30000);
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(memory[i], 'x');
	reserve_free(memory);
	reserve_fail(1);
	memory = reserve_realloc(NULL, 10);
	assert_non_null(memory);
	reserve_free(memory);
}

static void test_strdup(void **state)
{
	(void)state;
	reserve_fail(1);
	char *copy = reserve_strdup("text");
	assert_string_equal(copy, "text");
	reserve_free(copy);
}

static void test_for_ev(void **state)
{
	(void)state;
	void *memory = reserve_for_ev(NULL, 64);
	reserve_fail(1);
	memory = reserve_for_ev(memory, 128);
	assert_non_null(memory);
	assert_null(reserve_for_ev(memory, 0));
}

static void test_the_end_of_the_reserve(void **state)
{
	(void)state;
	void *pieces[5];
	for (size_t i = 0; i < 5; i++) {
		reserve_fail(1);
		pieces[i] = reserve_malloc(200 * 1024);
	}
	assert_non_null(pieces[3]);
	assert_null(pieces[4]);
	for (size_t i = 0; i < 5; i++)
		reserve_free(pieces[i]);
	reserve_fail(1);
	void *memory = reserve_malloc(200 * 1024);
	assert_non_null(memory);
	reserve_free(memory);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_gives_memory_of_malloc),
		TEST(test_sizes_of_the_reserve),
		TEST(test_calloc_is_zero_again),
		TEST(test_realloc_keeps_the_content),
		TEST(test_strdup),
		TEST(test_for_ev),
		TEST(test_the_end_of_the_reserve),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
