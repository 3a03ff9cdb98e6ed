/* rooms: base model ports */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ports/policy.h"

static void row_P1_blocks_and_instances(void **state)
{
	(void)state;
	assert_int_equal(block_port(PORTS_BASE, 0), 30000);
	assert_int_equal(block_port(PORTS_BASE, 5), 30500);
	assert_int_equal(instance_port(PORTS_BASE, 5, 1), 30500);
	assert_int_equal(instance_port(PORTS_BASE, 5, 3), 30520);
	assert_int_equal(instance_port(PORTS_BASE, 5, 10), 30590);
	assert_int_equal(instance_port(PORTS_BASE, 7, 11), 30700);
	assert_int_equal(instance_block_ordinal(10), 0);
	assert_int_equal(instance_block_ordinal(11), 1);
	assert_int_equal(block_of_port(PORTS_BASE, 30529), 5);
	assert_int_equal(block_of_port(PORTS_BASE, 29999), -1);
	assert_int_equal(block_of_port(PORTS_BASE, 65500), -1);
}

static void every_block_ends_inside_the_port_numbers(void **state)
{
	(void)state;
	assert_true(PORTS_BASE + BLOCK_PORTS * BLOCK_MOST + BLOCK_PORTS - 1 <= UINT16_MAX);
}

static void blocks_that_can_be_asked_for(void **state)
{
	(void)state;
	assert_true(block_is_valid(PORTS_BASE, 0));
	assert_false(block_is_automatic(PORTS_BASE, 0));
	assert_true(block_is_valid(PORTS_BASE, 99));
	assert_false(block_is_valid(PORTS_BASE, 100));
	assert_false(block_is_valid(PORTS_BASE, 109));
	assert_true(block_is_valid(PORTS_BASE, 110));
	assert_true(block_is_valid(PORTS_BASE, 354));
	assert_false(block_is_valid(PORTS_BASE, 355));
	assert_false(block_is_valid(PORTS_BASE, -1));
}

static void another_base(void **state)
{
	(void)state;
	assert_int_equal(block_port(20000, 1), 20100);
	assert_int_equal(instance_port(20000, 5, 3), 20520);
	assert_int_equal(block_of_port(20000, 20529), 5);
	assert_int_equal(block_of_port(20000, 19999), -1);
	assert_true(block_is_valid(20000, 100));
	assert_true(block_is_valid(20000, 199));
	assert_false(block_is_valid(20000, 200));
	assert_false(block_is_valid(20000, 209));
	assert_true(block_is_valid(20000, 210));
	assert_true(block_is_valid(PORTS_BASE_MOST, 99));
	assert_false(block_is_valid(PORTS_BASE_MOST, 101));
	/* A block that only touches the emergency ports is none. */
	assert_false(block_is_valid(20050, 199));
	assert_true(block_is_valid(20050, 198));
}

static void lowest_free_block(void **state)
{
	(void)state;
	bool taken[BLOCKS] = {false};
	assert_int_equal(block_choose(PORTS_BASE, taken), 1);
	taken[1] = taken[3] = true;
	assert_int_equal(block_choose(PORTS_BASE, taken), 2);
	for (int i = 0; i < 100; i++)
		taken[i] = true;
	assert_int_equal(block_choose(PORTS_BASE, taken), 110);
	memset(taken, 1, sizeof taken);
	assert_int_equal(block_choose(PORTS_BASE, taken), -1);
}

static void spans_stay_in_their_block(void **state)
{
	(void)state;
	assert_true(instance_is_valid(1, 1));
	assert_true(instance_is_valid(9, 2));
	assert_false(instance_is_valid(10, 2));
	assert_true(instance_is_valid(1, 10));
	assert_true(instance_is_valid(11, 10));
	assert_false(instance_is_valid(0, 1));
	assert_false(instance_is_valid(INSTANCE_MOST + 1, 1));
	assert_false(instance_is_valid(1, 0));
	assert_true(instance_overlaps(3, 2, 4, 1));
	assert_true(instance_overlaps(4, 1, 3, 2));
	assert_false(instance_overlaps(3, 1, 4, 1));
	assert_int_equal(instance_slots(3), 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(row_P1_blocks_and_instances),
		cmocka_unit_test(every_block_ends_inside_the_port_numbers),
		cmocka_unit_test(blocks_that_can_be_asked_for),
		cmocka_unit_test(another_base),
		cmocka_unit_test(lowest_free_block),
		cmocka_unit_test(spans_stay_in_their_block),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
