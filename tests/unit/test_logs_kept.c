/* rooms: logs base model */
/* What of a log is kept, and for how long: totals, times, tails, rotation, damage. */
#include "logs_world.h"

#include <sys/resource.h>

static void fault_E22_all_logs_stay_within_the_total(void **state)
{
	(void)state;
	enum { SERVICES = 500, TOTAL = 10 << 20 };
	struct world world;
	world_begin(&world);
	intake_pool_close(&world.pool);
	struct rlimit limit;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_max < SERVICES * 4 + 64)
		skip();
	world_pool(&world, TOTAL, SERVICES);
	struct intake *services = calloc(SERVICES, sizeof *services);
	struct log_settings settings = {.max_size = 10 << 20, .keep = 5};
	char block[4000];
	memset(block, 'a', sizeof block);
	block[sizeof block - 1] = '\n';
	for (int i = 0; i < SERVICES; i++) {
		char name[16];
		snprintf(name, sizeof name, "s%d", i);
		world_open_with(&world, &services[i], name, settings, false);
	}
	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < SERVICES; i++) {
			put_bytes(&services[i], 0, block, sizeof block);
			assert_int_equal(intake_drain(&services[i], 0, INTAKE_BUDGET, world.wall_ms),
				INTAKE_EMPTY);
		}
	}
	int64_t all = 0;
	for (int i = 0; i < SERVICES; i++) {
		for (int number = 0; number < 8; number++) {
			char name[32];
			for (int kind = 0; kind < 2; kind++) {
				int used = snprintf(name, sizeof name, "s%d.%s", i, kind ? "idx" : "log");
				if (number)
					snprintf(name + used, sizeof name - (size_t)used, ".%d", number);
				int64_t size = size_of(&world, name);
				all += size > 0 ? size : 0;
			}
		}
	}
	assert_true(all <= TOTAL);
	/* Not all was thrown away: what fits is kept. */
	assert_true(all > TOTAL / 2);
	for (int i = 0; i < SERVICES; i++)
		intake_close(&services[i]);
	free(services);
	world_end(&world);
}

static void fault_E23_time_does_not_go_back(void **state)
{
	(void)state;
	struct world world;
	struct intake in;
	world_begin(&world);
	world_open(&world, &in, "api");
	say(&world, &in, "at noon\n");
	world.wall_ms -= 3600 * 1000;
	say(&world, &in, "an hour earlier\n");
	struct log_reader_options options = {.directory = world.directory, .tail = -1};
	struct log_reader *reader = read_with(options);
	struct log_line line;
	assert_true(log_reader_next(reader, &line));
	int64_t first_ms = line.time_ms;
	assert_true(log_reader_next(reader, &line));
	assert_true(line.time_ms >= first_ms);
	log_reader_free(reader);
	intake_close(&in);
	world_end(&world);
}

static void log_file_may_lie_elsewhere(void **state)
{
	(void)state;
	struct world world;
	struct intake in;
	world_begin(&world);
	struct text path = {0};
	text_addf(&path, "%s/my service.txt", world.root);
	struct log_settings settings = {
		.file = text_string(&path), .max_size = 4096, .keep = 2};
	world_open_with(&world, &in, "api", settings, false);
	char line[2048];
	memset(line, 'x', sizeof line);
	line[sizeof line - 1] = '\n';
	for (int i = 0; i < 4; i++) {
		line[0] = (char)('a' + i);
		put_bytes(&in, 0, line, sizeof line);
		assert_int_equal(intake_drain(&in, 0, INTAKE_BUDGET, world.wall_ms), INTAKE_EMPTY);
	}
	say(&world, &in, "end\n");
	assert_false(exists(&world, "api.log"));
	text_add(&path, ".1");
	assert_int_equal(access(text_string(&path), F_OK), 0);
	struct log_reader_options options = {.directory = world.directory, .tail = -1};
	struct log_reader *reader = read_with(options);
	struct log_line got;
	for (int i = 0; i < 4; i++) {
		assert_true(log_reader_next(reader, &got));
		assert_int_equal(got.bytes[0], 'a' + i);
	}
	expect_reader(reader, "api|end\n");
	log_reader_free(reader);
	text_release(&path);
	intake_close(&in);
	world_end(&world);
}

struct seen {
	struct text lines;
	int most;
};

static bool on_line(void *self, const char *bytes, size_t length)
{
	struct seen *seen = self;
	text_add_bytes(&seen->lines, bytes, length);
	text_add_char(&seen->lines, '\n');
	return --seen->most > 0;
}

static void a_watch_sees_whole_lines_from_its_beginning_on(void **state)
{
	(void)state;
	struct world world;
	struct intake in;
	struct seen seen = {.most = 3};
	world_begin(&world);
	world_open(&world, &in, "api");
	say(&world, &in, "before\n");
	intake_watch(&in, on_line, &seen);
	say(&world, &in, "lis");
	say(&world, &in, "tening\nand");
	assert_string_equal(text_string(&seen.lines), "listening\n");
	say(&world, &in, " more\nthird\nfourth\n");
	assert_string_equal(text_string(&seen.lines), "listening\nand more\nthird\n");
	intake_watch(&in, NULL, NULL);
	say(&world, &in, "fifth\n");
	assert_string_equal(text_string(&seen.lines), "listening\nand more\nthird\n");
	text_release(&seen.lines);
	intake_close(&in);
	world_end(&world);
}

static void expect_tail(const struct intake *in, int lines, const char *expected)
{
	struct text out = {0};
	intake_tail(in, lines, &out);
	assert_string_equal(text_string(&out), expected);
	text_release(&out);
}

static void tail_is_of_the_latest_generation_that_spoke(void **state)
{
	(void)state;
	struct world world;
	struct intake in;
	world_begin(&world);
	struct log_settings settings = {.max_size = 4096, .keep = 2};
	world_open_with(&world, &in, "api", settings, false);
	expect_tail(&in, 3, "");
	intake_generation(&in, 1);
	say(&world, &in, "old\n");
	intake_end_generation(&in, world.wall_ms);
	intake_generation(&in, 2);
	say(&world, &in, "a\nb\nc\nd");
	expect_tail(&in, 3, "b\nc\nd\n");
	expect_tail(&in, 9, "a\nb\nc\nd\n");
	intake_end_generation(&in, world.wall_ms);
	intake_generation(&in, 3);
	intake_end_generation(&in, world.wall_ms);
	expect_tail(&in, 2, "c\nd\n");

	/* The part is rotated in the middle of it. */
	intake_generation(&in, 4);
	char line[4096];
	memset(line, 'x', sizeof line);
	line[sizeof line - 1] = '\n';
	say(&world, &in, "first\n");
	put_bytes(&in, 0, line, sizeof line);
	assert_int_equal(intake_drain(&in, 0, INTAKE_BUDGET, world.wall_ms), INTAKE_EMPTY);
	say(&world, &in, "last\n");
	assert_true(exists(&world, "api.log.1"));
	struct text out = {0};
	intake_tail(&in, 3, &out);
	assert_int_equal(strncmp(text_string(&out), "first\nxxx", 9), 0);
	assert_non_null(strstr(text_string(&out), "x\nlast\n"));
	text_release(&out);
	intake_close(&in);
	world_end(&world);
}

static void rotation_keeps_lines_whole_and_old_files_few(void **state)
{
	(void)state;
	struct world world;
	struct intake in;
	world_begin(&world);
	struct log_settings settings = {.max_size = 4096, .keep = 2};
	world_open_with(&world, &in, "api", settings, false);
	char line[300];
	for (int i = 0; i < 200; i++) {
		/* Batches end in the middle of lines. */
		snprintf(line, sizeof line, "%0*d rest of\nline %d ", 200, i, i);
		put_bytes(&in, 0, line, strlen(line));
		assert_int_equal(intake_drain(&in, 0, INTAKE_BUDGET, world.wall_ms), INTAKE_EMPTY);
	}
	assert_true(exists(&world, "api.log.2"));
	assert_true(exists(&world, "api.idx.2"));
	assert_false(exists(&world, "api.log.3"));
	assert_false(exists(&world, "api.idx.3"));
	static const char *const names[] = {"api.log.1", "api.log.2"};
	for (int i = 0; i < 2; i++) {
		char *path = path_in(&world, names[i]);
		struct text content = {0};
		assert_int_equal(file_read(path, 1 << 20, &content, NULL), 0);
		assert_int_equal(content.data[content.length - 1], '\n');
		assert_true(content.length >= 4096 && content.length < 4096 + 600);
		text_release(&content);
		free(path);
	}
	intake_close(&in);
	world_end(&world);
}

/* Each state in which a supervisor that was killed while it rotated can leave the directory. */
static void a_rotation_that_was_cut_short_is_finished(void **state)
{
	(void)state;
	for (int step = 0; step < 6; step++) {
		struct world world;
		struct intake in;
		world_begin(&world);
		struct log_settings settings = {.max_size = 4096, .keep = 5};
		world_open_with(&world, &in, "api", settings, false);
		char line[4096];
		memset(line, 'x', sizeof line);
		line[sizeof line - 1] = '\n';
		/* One rotated part, and a current one that ends with PART_END. */
		for (int i = 0; i < 2; i++) {
			line[0] = (char)('a' + i);
			put_bytes(&in, 0, line, sizeof line);
			intake_drain(&in, 0, sizeof line, world.wall_ms);
		}
		struct index_record end = {.end = in.end, .seq = world.pool.seq,
			.flags = INDEX_PART_END};
		assert_int_equal(in.end, sizeof line);
		assert_int_equal(index_write(in.index_fd, in.index_end, &end), 0);
		intake_close(&in);
		static const char *const moves[][2] = {{"api.idx.1", "api.idx.2"},
			{"api.log.1", "api.log.2"}, {"api.idx", "api.idx.1"}, {"api.log", "api.log.1"}};
		for (int move = 0; move < step && move < 4; move++) {
			char *from = path_in(&world, moves[move][0]);
			char *to = path_in(&world, moves[move][1]);
			assert_int_equal(rename(from, to), 0);
			free(from);
			free(to);
		}
		if (step == 5) {
			/* The new index was made, its header was not. */
			char *path = path_in(&world, "api.idx");
			close(open(path, O_CREAT | O_WRONLY, 0600));
			free(path);
		}
		intake_pool_close(&world.pool);
		world_pool(&world, 0, 1);
		world_open_with(&world, &in, "api", settings, false);
		say(&world, &in, "after\n");
		struct log_reader_options options = {.directory = world.directory, .tail = -1};
		struct log_reader *reader = read_with(options);
		struct log_line got;
		for (int i = 0; i < 2; i++) {
			assert_true(log_reader_next(reader, &got));
			assert_int_equal(got.length, sizeof line - 1);
			assert_int_equal(got.bytes[0], 'a' + i);
		}
		expect_reader(reader, "api|after\n");
		log_reader_free(reader);
		intake_close(&in);
		world_end(&world);
	}
}

static void a_damaged_index_ends_at_its_last_good_record(void **state)
{
	(void)state;
	struct world world;
	struct intake in;
	world_begin(&world);
	world_open(&world, &in, "api");
	say(&world, &in, "one\n");
	say(&world, &in, "two\n");
	intake_close(&in);
	char *path = path_in(&world, "api.idx");
	int fd = open(path, O_RDWR);
	/* A power cut: the second record and half a third are zeros. */
	char zeros[INDEX_RECORD_SIZE + 11] = {0};
	assert_int_equal(pwrite(fd, zeros, sizeof zeros, INDEX_HEADER_SIZE + INDEX_RECORD_SIZE),
		sizeof zeros);
	close(fd);
	free(path);
	intake_pool_close(&world.pool);
	world_pool(&world, 0, 1);
	expect_history(&world, -1, "api|one\napi|two\n");
	world_open(&world, &in, "api");
	say(&world, &in, "three\n");
	expect_history(&world, -1, "api|one\napi|two\napi|three\n");
	assert_int_equal(size_of(&world, "api.idx"), INDEX_HEADER_SIZE + 4 * INDEX_RECORD_SIZE);
	intake_close(&in);
	world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fault_E22_all_logs_stay_within_the_total),
		cmocka_unit_test(fault_E23_time_does_not_go_back),
		cmocka_unit_test(log_file_may_lie_elsewhere),
		cmocka_unit_test(a_watch_sees_whole_lines_from_its_beginning_on),
		cmocka_unit_test(tail_is_of_the_latest_generation_that_spoke),
		cmocka_unit_test(rotation_keeps_lines_whole_and_old_files_few),
		cmocka_unit_test(a_rotation_that_was_cut_short_is_finished),
		cmocka_unit_test(a_damaged_index_ends_at_its_last_good_record),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
