/* rooms: base model registry listeners ports claim */
#include "claim/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/names.h"
#include "ports/policy.h"

/* A claim of project 1, instance 3, in block 5, with what the machine has. */
static struct claim claim_of(struct pool_row *pool, size_t pool_count, struct block_row *blocks,
	size_t block_count)
{
	return (struct claim){.project_id = 1, .project = "shop", .ports_base = PORTS_BASE, .block = 5,
		.instance = 3, .spans = 1, .base_port = 30520, .lock_fd = -1, .pool = pool, .pool_count = pool_count,
		.blocks = blocks, .block_count = block_count};
}

static struct port pool_port(const char *service)
{
	return (struct port){.service = service, .name = "main", .source = PORT_POOL, .slot = NO_SLOT,
		.protocol = PROTOCOL_TCP};
}

static uint16_t number_of(const struct claim *claim, const char *service)
{
	struct port row = pool_port(service);
	pool_preview(claim, &row, 1);
	return row.number;
}

static void block_0_is_the_pool(void **state)
{
	(void)state;
	struct claim claim = claim_of(NULL, 0, NULL, 0);
	struct port rows[] = {pool_port("a"), pool_port("b")};
	assert_int_equal(claim_preview(&claim, rows, 2, NULL), 0);
	assert_int_equal(rows[0].range_low, 30000);
	assert_int_equal(rows[0].range_high, 30099);
	assert_int_equal(rows[0].number, 30000);
	assert_int_equal(rows[1].number, 30001);
}

static void the_highest_free_block_when_a_project_has_block_0(void **state)
{
	(void)state;
	struct block_row blocks[] = {{0, 7}, {1, 8}};
	struct claim claim = claim_of(NULL, 0, blocks, 2);
	assert_int_equal(number_of(&claim, "a"), block_port(PORTS_BASE, BLOCK_MOST));
	struct block_row more[] = {{0, 7}, {353, 8}, {354, 1}};
	claim = claim_of(NULL, 0, more, 3);
	assert_int_equal(number_of(&claim, "a"), block_port(PORTS_BASE, 352));
}

static void what_a_service_had_it_has_again(void **state)
{
	(void)state;
	struct pool_row pool[] = {{30007, 1, 3, "a", "main"}, {30008, 1, 4, "a", "main"},
		{30009, 2, 3, "a", "main"}, {30010, 1, 3, "a", "admin"}};
	struct claim claim = claim_of(pool, 4, NULL, 0);
	assert_int_equal(number_of(&claim, "a"), 30007);
	assert_int_equal(number_of(&claim, "b"), 30000);
	/* Not when the file names another range since. */
	struct port row = pool_port("a");
	row.range_low = 5000;
	row.range_high = 5199;
	pool_preview(&claim, &row, 1);
	assert_int_equal(row.number, 5000);
}

static void the_range_of_the_file_is_the_pool(void **state)
{
	(void)state;
	struct claim claim = claim_of(NULL, 0, NULL, 0);
	struct port rows[] = {pool_port("a"), pool_port("b"), pool_port("c")};
	for (int i = 0; i < 3; i++) {
		rows[i].range_low = 6000;
		rows[i].range_high = 6001;
	}
	rows[0].protocol = PROTOCOL_HTTP; /* browsers refuse 6000 */
	pool_preview(&claim, rows, 3);
	assert_int_equal(rows[0].number, 6001);
	assert_int_equal(rows[1].number, 6000);
	/* The third has none: its number says where it would have to be. */
	assert_int_equal(rows[2].number, 6001);
}

static void numbers_of_other_rows_are_left_out(void **state)
{
	(void)state;
	struct claim claim = claim_of(NULL, 0, NULL, 0);
	struct port rows[] = {pool_port("a"),
		{.service = "b", .name = "main", .source = PORT_FIXED, .fixed = 30000}};
	assert_int_equal(claim_preview(&claim, rows, 2, NULL), 0);
	assert_int_equal(rows[0].number, 30001);
}

static void reserved_protected_and_foreign_ports_are_left_out(void **state)
{
	(void)state;
	static const uint16_t avoided[] = {30000, 30001};
	struct reservation reservations[] = {{.port = 30002, .service = "", .name = ""},
		{.port = 30050, .project_id = 1, .instance = 3, .service = "b", .name = "main"}};
	struct claim claim = claim_of(NULL, 0, NULL, 0);
	claim.avoided = avoided;
	claim.avoided_count = 2;
	claim.reservations = reservations;
	claim.reservation_count = 2;
	assert_int_equal(number_of(&claim, "a"), 30003);
	/* What is reserved for it, it gets. */
	assert_int_equal(number_of(&claim, "b"), 30050);
	struct block_row blocks[] = {{5, 1}, {6, 2}};
	claim.blocks = blocks;
	claim.block_count = 2;
	struct port row = pool_port("a");
	row.range_low = 30590;
	row.range_high = 30710;
	struct pool_walk walk = {.claim = &claim, .row = &row};
	for (int port = 30590; port < 30600; port++)
		assert_int_equal(pool_next(&walk), port);
	assert_int_equal(pool_next(&walk), 30700);
}

static void kept_ports_of_others_come_last_the_oldest_first(void **state)
{
	(void)state;
	struct pool_row pool[] = {{30001, 2, 1, "x", "main"}, {30000, 2, 2, "x", "main"},
		{30099, 2, 3, "x", "main"}};
	struct claim claim = claim_of(pool, 3, NULL, 0);
	struct port row = pool_port("a");
	row.range_low = 30000;
	row.range_high = 30002;
	struct pool_walk walk = {.claim = &claim, .row = &row};
	assert_int_equal(pool_next(&walk), 30002);
	assert_int_equal(pool_next(&walk), 30001);
	assert_int_equal(pool_next(&walk), 30000);
	assert_int_equal(pool_next(&walk), 0);
}

static void a_slot_that_is_reserved_for_it_is_its_auto_slot(void **state)
{
	(void)state;
	struct reservation reservations[] = {
		{.port = 30520, .service = "", .name = ""},
		{.port = 30525, .project_id = 1, .instance = 3, .service = "b", .name = "main"},
		{.port = 30521, .project_id = 2, .instance = 3, .service = "a", .name = "main"}};
	struct claim claim = claim_of(NULL, 0, NULL, 0);
	claim.reservations = reservations;
	claim.reservation_count = 3;
	struct port rows[] = {{.service = "a", .name = "main", .source = PORT_AUTO},
		{.service = "b", .name = "main", .source = PORT_AUTO}};
	assert_int_equal(claim_preview(&claim, rows, 2, NULL), 0);
	assert_int_equal(rows[0].number, 30522);
	assert_int_equal(rows[1].number, 30525);
	assert_non_null(claim_reserved(&claim, &rows[0], 30525));
	assert_null(claim_reserved(&claim, &rows[1], 30525));
	assert_non_null(claim_reserved(&claim, NULL, 30525));
	assert_null(claim_reserved(&claim, &rows[1], 30526));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(block_0_is_the_pool),
		cmocka_unit_test(the_highest_free_block_when_a_project_has_block_0),
		cmocka_unit_test(what_a_service_had_it_has_again),
		cmocka_unit_test(the_range_of_the_file_is_the_pool),
		cmocka_unit_test(numbers_of_other_rows_are_left_out),
		cmocka_unit_test(reserved_protected_and_foreign_ports_are_left_out),
		cmocka_unit_test(kept_ports_of_others_come_last_the_oldest_first),
		cmocka_unit_test(a_slot_that_is_reserved_for_it_is_its_auto_slot),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
