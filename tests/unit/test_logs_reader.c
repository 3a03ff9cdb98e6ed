/* rooms: logs base model */
#include "logs_world.h"

#include <sched.h>
#include <sys/resource.h>

static struct log_reader *follow(const struct world *world, int64_t tail)
{
	struct log_reader_options options = {
		.directory = world->directory, .tail = tail, .follow = true};
	return read_with(options);
}

/* The reader's descriptor says that there is something. */
static void expect_news(const struct log_reader *reader)
{
	struct pollfd waiting = {log_reader_fd(reader), POLLIN, 0};
	assert_int_equal(poll(&waiting, 1, 10000), 1);
}

static void merges_services_in_order_of_arrival(void **state)
{
	(void)state;
	struct world world;
	struct intake api;
	struct intake web;
	world_begin(&world);
	world_open(&world, &api, "api");
	world_open(&world, &web, "web");
	say(&world, &api, "1\n2\n");
	say(&world, &web, "3\n");
	say(&world, &api, "4\n");
	say(&world, &web, "5\n6\n");
	expect_history(&world, -1, "api|1\napi|2\nweb|3\napi|4\nweb|5\nweb|6\n");
	for (int64_t tail = 0; tail <= 6; tail++)
		expect_history(&world, tail,
			&"api|1\napi|2\nweb|3\napi|4\nweb|5\nweb|6\n"[(6 - tail) * 6]);
	expect_history(&world, 100, "api|1\napi|2\nweb|3\napi|4\nweb|5\nweb|6\n");
	const char *const names[] = {"web", "nobody"};
	struct log_reader_options only = {
		.directory = world.directory, .services = names, .service_count = 2, .tail = -1};
	struct log_reader *reader = read_with(only);
	expect_reader(reader, "web|3\nweb|5\nweb|6\n");
	log_reader_free(reader);
	intake_close(&api);
	intake_close(&web);
	world_end(&world);
}

static void since_takes_the_lines_of_its_time(void **state)
{
	(void)state;
	struct world world;
	struct intake in;
	world_begin(&world);
	world_open(&world, &in, "api");
	for (int i = 0; i < 50; i++) {
		char line[32];
		snprintf(line, sizeof line, "%d\nhalf of ", i);
		say(&world, &in, line);
	}
	struct log_reader_options options = {
		.directory = world.directory, .tail = -1, .since_ms = world.wall_ms - 1000};
	struct log_reader *reader = read_with(options);
	expect_reader(reader, "api|half of 48\napi|half of 49\n");
	log_reader_free(reader);
	options.tail = 1;
	reader = read_with(options);
	expect_reader(reader, "api|half of 49\n");
	log_reader_free(reader);
	intake_close(&in);
	world_end(&world);
}

static bool ends_with_7(void *self, const struct log_line *line)
{
	(void)self;
	return line->length && line->bytes[line->length - 1] == '7';
}

static void tail_counts_the_wanted_lines_only(void **state)
{
	(void)state;
	struct world world;
	struct intake in;
	world_begin(&world);
	world_open(&world, &in, "api");
	for (int i = 0; i < 100; i++) {
		char line[16];
		snprintf(line, sizeof line, "%d\n", i);
		say(&world, &in, line);
	}
	struct log_reader_options options = {
		.directory = world.directory, .tail = 3, .wanted = ends_with_7, .follow = true};
	struct log_reader *reader = read_with(options);
	expect_reader(reader, "api|77\napi|87\napi|97\n");
	say(&world, &in, "106\n107\n");
	expect_reader(reader, "api|107\n");
	log_reader_free(reader);
	intake_close(&in);
	world_end(&world);
}

static void follows_from_now_with_whole_lines(void **state)
{
	(void)state;
	struct world world;
	struct intake in;
	world_begin(&world);
	world_open(&world, &in, "api");
	say(&world, &in, "old\nbegun bef");
	struct log_reader *reader = follow(&world, 0);
	expect_reader(reader, "");
	assert_int_equal(log_reader_wait_ms(reader), -1);
	say(&world, &in, "ore\nnew\n");
	expect_news(reader);
	expect_reader(reader, "api|begun before\napi|new\n");
	expect_reader(reader, "");
	log_reader_free(reader);
	intake_close(&in);
	world_end(&world);
}

static void from_now_means_from_opening(void **state)
{
	(void)state;
	struct world world;
	struct intake in;
	world_begin(&world);
	world_open(&world, &in, "api");
	say(&world, &in, "old\n");
	intake_close(&in);
	struct log_reader *reader = follow(&world, 0);
	world_open(&world, &in, "api");
	say(&world, &in, "first\n");
	intake_close(&in);
	expect_reader(reader, "api|first\n");
	log_reader_free(reader);
	world_end(&world);
}

static void follows_services_that_appear_later(void **state)
{
	(void)state;
	struct world world;
	struct intake api;
	struct intake web;
	world_begin(&world);
	world_open(&world, &api, "api");
	struct log_reader *reader = follow(&world, 0);
	expect_reader(reader, "");
	world_open(&world, &web, "web");
	say(&world, &web, "first\n");
	say(&world, &api, "second\n");
	expect_news(reader);
	expect_reader(reader, "web|first\napi|second\n");
	log_reader_free(reader);
	intake_close(&api);
	intake_close(&web);
	world_end(&world);
}

static void waits_for_a_directory_that_is_not_there_yet(void **state)
{
	(void)state;
	struct world world;
	struct intake in;
	world_begin(&world);
	intake_pool_close(&world.pool);
	assert_int_equal(rmdir(world.directory), 0);
	struct log_reader *reader = follow(&world, 0);
	expect_reader(reader, "");
	assert_int_equal(log_reader_fd(reader), -1);
	assert_true(log_reader_wait_ms(reader) > 0);
	world_pool(&world, 0, 1);
	world_open(&world, &in, "api");
	say(&world, &in, "hello\n");
	expect_reader(reader, "api|hello\n");
	assert_int_equal(log_reader_wait_ms(reader), -1);
	log_reader_free(reader);
	intake_close(&in);
	world_end(&world);
}

static void shows_what_a_killed_supervisor_did_not_index(void **state)
{
	(void)state;
	struct world world;
	struct intake in;
	world_begin(&world);
	world.keep_duplicate = true;
	world_open(&world, &in, "api");
	say(&world, &in, "indexed\nhalf ");
	struct log_reader *reader = follow(&world, -1);
	expect_reader(reader, "api|indexed\n");
	/* The supervisor is gone, its guardian drains into the shared description. */
	put_bytes(&in, 0, "line\nlast words\nand som", 23);
	while (splice(in.pipe_read[0], NULL, world.guardian_fd, NULL, 1 << 16, SPLICE_F_NONBLOCK) > 0)
		continue;
	intake_close(&in);
	expect_reader(reader, "");
	log_reader_finish(reader);
	expect_reader(reader, "api|half line\napi|last words\napi|and som!\n");
	expect_history(&world, -1, "api|indexed\napi|half line\napi|last words\napi|and som!\n");
	expect_history(&world, 2, "api|last words\napi|and som!\n");
	/* The next supervisor indexes it; the follower does not see it twice. */
	intake_pool_close(&world.pool);
	world_pool(&world, 0, 1);
	world_open(&world, &in, "api");
	say(&world, &in, "new run\n");
	expect_reader(reader, "api|new run\n");
	expect_history(&world, -1,
		"api|indexed\napi|half line\napi|last words\napi|and som!\napi|new run\n");
	log_reader_free(reader);
	intake_close(&in);
	world_end(&world);
}

/* Killed after PART_END, before the guardian had the new file: its bytes are behind the mark. */
static void shows_what_came_after_the_end_of_a_part(void **state)
{
	(void)state;
	struct world world;
	struct intake in;
	world_begin(&world);
	struct log_settings settings = {.max_size = 4096, .keep = 3};
	world_open_with(&world, &in, "api", settings, false);
	int old_log = dup(in.log_fd);
	char line[4096];
	memset(line, '\n', sizeof line);
	put_bytes(&in, 0, line, sizeof line);
	assert_int_equal(intake_drain(&in, 0, INTAKE_BUDGET, world.wall_ms), INTAKE_EMPTY);
	assert_true(exists(&world, "api.log.1"));
	intake_close(&in);
	assert_int_equal(write(old_log, "by the guardian\n", 16), 16);
	close(old_log);
	expect_history(&world, 2, "api|\napi|by the guardian\n");
	intake_pool_close(&world.pool);
	world_pool(&world, 0, 1);
	world_open_with(&world, &in, "api", settings, false);
	say(&world, &in, "next\n");
	expect_history(&world, 2, "api|by the guardian\napi|next\n");
	intake_close(&in);
	world_end(&world);
}

static void an_unfinished_line_of_a_living_one_is_not_shown(void **state)
{
	(void)state;
	struct world world;
	struct intake in;
	world_begin(&world);
	world_open(&world, &in, "api");
	say(&world, &in, "whole\nbegun");
	expect_history(&world, -1, "api|whole\n");
	intake_close(&in);
	expect_history(&world, -1, "api|whole\napi|begun!\n");
	world_end(&world);
}

static void put_numbered(struct world *world, struct intake *in, int from, int to)
{
	for (int i = from; i < to; i++) {
		char line[64];
		snprintf(line, sizeof line, "line number %d of many\n", i);
		say(world, in, line);
	}
}

static void expect_numbered(struct log_reader *reader, int from, int to)
{
	struct log_line line;
	for (int i = from; i < to; i++) {
		char expected[64];
		snprintf(expected, sizeof expected, "line number %d of many", i);
		assert_true(log_reader_next(reader, &line));
		assert_int_equal(line.dropped, 0);
		assert_int_equal(line.length, strlen(expected));
		assert_memory_equal(line.bytes, expected, line.length);
	}
	assert_false(log_reader_next(reader, &line));
}

static void fault_E14_history_goes_over_rotated_parts(void **state)
{
	(void)state;
	struct world world;
	struct intake in;
	world_begin(&world);
	struct log_settings settings = {.max_size = 4096, .keep = 5};
	world_open_with(&world, &in, "api", settings, false);
	put_numbered(&world, &in, 0, 500);
	assert_true(exists(&world, "api.log.4"));
	struct log_reader *reader = follow(&world, 400);
	expect_numbered(reader, 100, 500);
	put_numbered(&world, &in, 500, 800);
	expect_numbered(reader, 500, 800);
	log_reader_free(reader);
	intake_close(&in);
	world_end(&world);
}

static void fault_E8_a_reader_left_behind_is_told_how_much_it_missed(void **state)
{
	(void)state;
	struct world world;
	struct intake in;
	world_begin(&world);
	struct log_settings settings = {.max_size = 4096, .keep = 1};
	world_open_with(&world, &in, "api", settings, false);
	struct log_reader *reader = follow(&world, -1);
	put_numbered(&world, &in, 0, 10);
	expect_numbered(reader, 0, 10);
	uint64_t read = in.base + in.end;
	put_numbered(&world, &in, 10, 1000);
	uint64_t written = in.base + in.end;
	struct log_line line;
	uint64_t dropped = 0;
	int told = 0;
	int last = 0;
	while (log_reader_next(reader, &line)) {
		told += line.dropped > 0;
		dropped += line.dropped;
		read += line.dropped ? 0 : line.length + 1;
		if (!line.dropped) {
			int number = (int)strtol(line.bytes + strlen("line number "), NULL, 10);
			assert_true(number == last + 1 || (told && number > last) || number == 10);
			last = number;
		}
	}
	assert_int_equal(last, 999);
	assert_int_equal(told, 1);
	assert_int_equal(read + dropped, written);
	log_reader_free(reader);
	intake_close(&in);
	world_end(&world);
}

static void fault_E25_a_cut_log_gives_what_is_left(void **state)
{
	(void)state;
	struct world world;
	struct intake in;
	world_begin(&world);
	world_open(&world, &in, "api");
	struct log_reader *reader = follow(&world, -1);
	say(&world, &in, "one\n");
	expect_reader(reader, "api|one\n");
	say(&world, &in, "two, never read\n");
	char *path = path_in(&world, "api.log");
	assert_int_equal(truncate(path, 0), 0);
	say(&world, &in, "three\n");
	assert_int_equal(size_of(&world, "api.log"), 6);
	expect_notice(&world, "its log file was cut");
	struct text out = {0};
	take_lines(reader, &out);
	assert_non_null(strstr(text_string(&out), "api|#16\n"));
	assert_non_null(strstr(text_string(&out), "api|three\n"));
	assert_null(strstr(text_string(&out), "two"));
	text_release(&out);
	expect_history(&world, -1, "api|three\n");
	free(path);
	log_reader_free(reader);
	intake_close(&in);
	world_end(&world);
}

static void hundreds_of_services_with_one_watch(void **state)
{
	(void)state;
	enum { SERVICES = 300 };
	struct world world;
	world_begin(&world);
	struct rlimit limit;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_max < SERVICES * 6 + 64)
		skip();
	struct intake *services = calloc(SERVICES, sizeof *services);
	for (int i = 0; i < SERVICES; i++) {
		char name[16];
		snprintf(name, sizeof name, "s%03d", i);
		world_open(&world, &services[i], name);
	}
	struct log_reader *reader = follow(&world, 0);
	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < SERVICES; i++)
			say(&world, &services[(i * 7 + round) % SERVICES], "tick\n");
		struct log_line line;
		for (int i = 0; i < SERVICES; i++) {
			assert_true(log_reader_next(reader, &line));
			assert_int_equal(strtol(line.service + 1, NULL, 10), (i * 7 + round) % SERVICES);
		}
		assert_false(log_reader_next(reader, &line));
	}
	log_reader_free(reader);
	for (int i = 0; i < SERVICES; i++)
		intake_close(&services[i]);
	free(services);
	world_end(&world);
}

/* In a user namespace of its own, so that no other test runs out of inotify. */
static bool forbid_inotify(void)
{
	if (unshare(CLONE_NEWUSER))
		return false;
	OWNED_FD fd = open("/proc/sys/user/max_inotify_instances", O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write(fd, "0", 1) == 1;
}

static void fault_S31_without_inotify_it_looks_by_the_clock(void **state)
{
	(void)state;
	enum { NOT_PERMITTED = 77 };
	struct world world;
	struct intake in;
	world_begin(&world);
	world_open(&world, &in, "api");
	pid_t child = fork();
	if (!child) {
		if (!forbid_inotify())
			_exit(NOT_PERMITTED);
		struct log_reader *reader = follow(&world, 0);
		assert_int_equal(log_reader_fd(reader), -1);
		assert_true(log_reader_wait_ms(reader) > 0);
		expect_reader(reader, "");
		say(&world, &in, "still\n");
		expect_reader(reader, "api|still\n");
		log_reader_free(reader);
		_exit(0);
	}
	int status;
	waitpid(child, &status, 0);
	intake_close(&in);
	world_end(&world);
	if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_PERMITTED)
		skip();
	assert_int_equal(status, 0);
}

static void fault_E17_progress_bars_stay_small(void **state)
{
	(void)state;
	struct world world;
	struct intake in;
	world_begin(&world);
	world_open(&world, &in, "npm");
	char bar[64];
	for (int i = 0; i < 20000; i++) {
		snprintf(bar, sizeof bar, "\rprogress %d%%", i / 200);
		put_bytes(&in, 0, bar, strlen(bar));
		if (i % 1000 == 999)
			assert_int_equal(intake_drain(&in, 0, INTAKE_BUDGET, world.wall_ms), INTAKE_EMPTY);
	}
	say(&world, &in, "\rdone\n");
	struct log_reader_options options = {.directory = world.directory, .tail = -1};
	struct log_reader *reader = read_with(options);
	struct log_line line;
	assert_true(log_reader_next(reader, &line));
	assert_true(line.length <= LINES_MOST);
	assert_false(line.more);
	assert_memory_equal(line.bytes + line.length - 5, "\rdone", 5);
	assert_false(log_reader_next(reader, &line));
	log_reader_free(reader);
	intake_close(&in);
	world_end(&world);
}

static void long_lines_come_in_pieces_of_whole_characters(void **state)
{
	(void)state;
	struct lines lines = {0};
	struct text all = {0};
	/* 1 + 3 n bytes: a cut at 16384 would be inside a character. */
	text_add(&all, "xx");
	for (int i = 0; i < 12000; i++)
		text_add(&all, "\xe2\x82\xac");
	text_add(&all, "\nnext\n");
	const char *at = all.data;
	size_t left = all.length;
	struct piece piece;
	struct text joined = {0};
	int pieces = 0;
	do {
		assert_true(lines_feed(&lines, &at, &left, &piece));
		assert_int_equal(piece.continued, pieces > 0);
		assert_true(piece.length <= LINES_MOST);
		assert_int_equal((piece.length - (pieces == 0 ? 2 : 0)) % 3, 0);
		text_add_bytes(&joined, piece.bytes, piece.length);
		pieces++;
	} while (piece.more);
	assert_int_equal(pieces, 3);
	assert_int_equal(joined.length, 2 + 36000);
	assert_memory_equal(joined.data, all.data, joined.length);
	assert_true(lines_feed(&lines, &at, &left, &piece));
	assert_int_equal(piece.length, 4);
	assert_false(piece.continued);
	assert_false(lines_feed(&lines, &at, &left, &piece));
	lines_release(&lines);
	text_release(&all);
	text_release(&joined);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(merges_services_in_order_of_arrival),
		cmocka_unit_test(since_takes_the_lines_of_its_time),
		cmocka_unit_test(tail_counts_the_wanted_lines_only),
		cmocka_unit_test(follows_from_now_with_whole_lines),
		cmocka_unit_test(from_now_means_from_opening),
		cmocka_unit_test(follows_services_that_appear_later),
		cmocka_unit_test(waits_for_a_directory_that_is_not_there_yet),
		cmocka_unit_test(shows_what_a_killed_supervisor_did_not_index),
		cmocka_unit_test(shows_what_came_after_the_end_of_a_part),
		cmocka_unit_test(an_unfinished_line_of_a_living_one_is_not_shown),
		cmocka_unit_test(fault_E14_history_goes_over_rotated_parts),
		cmocka_unit_test(fault_E8_a_reader_left_behind_is_told_how_much_it_missed),
		cmocka_unit_test(fault_E25_a_cut_log_gives_what_is_left),
		cmocka_unit_test(hundreds_of_services_with_one_watch),
		cmocka_unit_test(fault_S31_without_inotify_it_looks_by_the_clock),
		cmocka_unit_test(fault_E17_progress_bars_stay_small),
		cmocka_unit_test(long_lines_come_in_pieces_of_whole_characters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
