/* rooms: logs base model */
#include "logs_world.h"

#include <pty.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

static void bytes_reach_file_and_index(void **state)
{
	(void)state;
	struct world world;
	struct intake in;
	world_begin(&world);
	world_open(&world, &in, "api");
	say(&world, &in, "one\ntwo\n");
	say(&world, &in, "three\n");
	expect_file(&world, "api.log", "one\ntwo\nthree\n");
	assert_int_equal(size_of(&world, "api.idx"), INDEX_HEADER_SIZE + 2 * INDEX_RECORD_SIZE);
	expect_history(&world, -1, "api|one\napi|two\napi|three\n");
	struct stat st;
	char *path = path_in(&world, "api.log");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(world.directory, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	free(path);
	intake_close(&in);
	world_end(&world);
}

static void goes_on_at_the_end_of_existing_files(void **state)
{
	(void)state;
	struct world world;
	struct intake in;
	world_begin(&world);
	world_open(&world, &in, "api");
	say(&world, &in, "first run\nlast wo");
	uint64_t seq = world.pool.seq;
	intake_close(&in);
	intake_pool_close(&world.pool);
	world_pool(&world, 0, 1);
	assert_true(world.pool.seq >= seq);
	world_open(&world, &in, "api");
	say(&world, &in, "second run\n");
	expect_file(&world, "api.log", "first run\nlast wosecond run\n");
	expect_history(&world, -1, "api|first run\napi|last wo!\napi|second run\n");
	intake_close(&in);
	world_end(&world);
}

static void fault_E2_a_drain_stops_at_its_budget(void **state)
{
	(void)state;
	struct world world;
	struct intake in;
	world_begin(&world);
	world_open(&world, &in, "flood");
	char block[32 * 1024];
	memset(block, '\n', sizeof block);
	put_bytes(&in, 0, block, sizeof block);
	assert_int_equal(intake_drain(&in, 0, 10000, world.wall_ms), INTAKE_MOVED);
	assert_int_equal(size_of(&world, "flood.log"), 10000);
	assert_int_equal(intake_drain(&in, 0, INTAKE_BUDGET, world.wall_ms), INTAKE_EMPTY);
	assert_int_equal(size_of(&world, "flood.log"), sizeof block);
	intake_close(&in);
	world_end(&world);
}

static void fault_E5_a_closed_stdout_is_no_end(void **state)
{
	(void)state;
	struct world world;
	struct intake in;
	world_begin(&world);
	world_open(&world, &in, "api");
	pid_t child = fork();
	if (!child) {
		dup2(in.pipe_write[0], 1);
		(void)!write(1, "bye\n", 4);
		_exit(0);
	}
	waitpid(child, NULL, 0);
	assert_int_equal(intake_drain(&in, 0, INTAKE_BUDGET, world.wall_ms), INTAKE_EMPTY);
	struct pollfd waiting = {in.pipe_read[0], POLLIN, 0};
	assert_int_equal(poll(&waiting, 1, 0), 0);
	expect_history(&world, -1, "api|bye\n");
	intake_close(&in);
	world_end(&world);
}

static void fault_E6_last_words_without_newline_are_a_partial_line(void **state)
{
	(void)state;
	struct world world;
	struct intake in;
	world_begin(&world);
	world_open(&world, &in, "api");
	intake_generation(&in, 1);
	put_bytes(&in, 0, "start\nPANIC at", 14);
	assert_int_equal(intake_end_generation(&in, world.wall_ms), INTAKE_EMPTY);
	intake_generation(&in, 2);
	say(&world, &in, "start again\n");
	expect_history(&world, -1, "api|start\napi|PANIC at!\napi|start again\n");
	expect_file(&world, "api.log", "start\nPANIC atstart again\n");

	struct log_reader_options options = {.directory = world.directory, .tail = -1};
	struct log_reader *reader = read_with(options);
	struct log_line line;
	uint32_t generations[3];
	for (int i = 0; i < 3; i++) {
		assert_true(log_reader_next(reader, &line));
		generations[i] = line.generation;
	}
	assert_int_equal(generations[1], 1);
	assert_int_equal(generations[2], 2);
	log_reader_free(reader);
	intake_close(&in);
	world_end(&world);
}

static void the_end_of_a_generation_takes_only_what_was_there(void **state)
{
	(void)state;
	struct world world;
	struct intake in;
	world_begin(&world);
	struct log_settings settings = {.max_size = 10 << 20, .keep = 2, .split = true};
	world_open_with(&world, &in, "api", settings, false);
	intake_generation(&in, 7);
	put_bytes(&in, 0, "out\nhalf", 8);
	put_bytes(&in, 1, "err\nhalf too", 12);
	assert_int_equal(intake_end_generation(&in, world.wall_ms), INTAKE_EMPTY);
	expect_history(&world, -1, "api|out\napi(err)|err\napi|half!\napi(err)|half too!\n");
	intake_close(&in);
	world_end(&world);
}

static void fault_E7_streams_keep_their_order(void **state)
{
	(void)state;
	struct world world;
	struct intake in;
	world_begin(&world);
	struct log_settings settings = {.max_size = 10 << 20, .keep = 2, .split = true};
	world_open_with(&world, &in, "api", settings, false);
	say_on(&world, &in, 0, "out 1\nout");
	say_on(&world, &in, 1, "err 1\n");
	say_on(&world, &in, 0, " 2\n");
	say_on(&world, &in, 1, "err 2\n");
	expect_history(&world, -1, "api|out 1\napi(err)|err 1\napi|out 2\napi(err)|err 2\n");
	intake_close(&in);
	world_end(&world);
}

static void write_many(struct world *world, struct intake *in)
{
	char line[128];
	for (int i = 0; i < 3000; i++) {
		snprintf(line, sizeof line, "line %d of a service that knows no limits\n", i);
		put_bytes(in, 0, line, strlen(line));
		if (intake_drain(in, 0, INTAKE_BUDGET, world->wall_ms) != INTAKE_EMPTY)
			_exit(1);
	}
	_exit(0);
}

static void write_under_a_limit(void)
{
	struct world world;
	struct intake in;
	world_begin(&world);
	world.pool.hooks = (struct intake_hooks){0};
	struct log_settings settings = {.max_size = 1 << 20, .keep = 1000};
	pid_t child = fork();
	if (!child) {
		struct rlimit limit = {32 * 1024, 32 * 1024};
		setrlimit(RLIMIT_FSIZE, &limit);
		world_open_with(&world, &in, "api", settings, false);
		write_many(&world, &in);
	}
	int status;
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
	struct log_reader_options options = {.directory = world.directory, .tail = -1};
	struct log_reader *reader = read_with(options);
	struct log_line line;
	for (int i = 0; i < 3000; i++) {
		char expected[128];
		snprintf(expected, sizeof expected, "line %d of a service that knows no limits", i);
		assert_true(log_reader_next(reader, &line));
		assert_int_equal(line.length, strlen(expected));
		assert_memory_equal(line.bytes, expected, line.length);
	}
	assert_false(log_reader_next(reader, &line));
	assert_true(exists(&world, "api.log.1"));
	log_reader_free(reader);
	world_end(&world);
}

static void fault_E11_a_file_size_limit_rotates(void **state)
{
	(void)state;
	write_under_a_limit();
}

static void fault_E11_a_limit_that_comes_later_rotates_too(void **state)
{
	(void)state;
	struct world world;
	struct intake in;
	world_begin(&world);
	world_open(&world, &in, "api");
	pid_t child = fork();
	if (!child) {
		world.pool.hooks = (struct intake_hooks){0};
		struct rlimit limit = {32 * 1024, 32 * 1024};
		setrlimit(RLIMIT_FSIZE, &limit);
		char line[1024];
		memset(line, 'x', sizeof line);
		line[sizeof line - 1] = '\n';
		for (int i = 0; i < 100; i++) {
			put_bytes(&in, 0, line, sizeof line);
			if (intake_drain(&in, 0, INTAKE_BUDGET, world.wall_ms) != INTAKE_EMPTY)
				_exit(1);
		}
		_exit(0);
	}
	int status;
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
	assert_int_equal(size_of(&world, "api.log.1"), 32 * 1024);
	assert_int_equal(size_of(&world, "api.log.2"), 32 * 1024);
	intake_close(&in);
	world_end(&world);
}

static void fault_E12_a_removed_log_is_made_again(void **state)
{
	(void)state;
	struct world world;
	struct intake in;
	world_begin(&world);
	world_open(&world, &in, "api");
	struct log_reader_options options = {
		.directory = world.directory, .tail = -1, .follow = true};
	struct log_reader *reader = read_with(options);
	say(&world, &in, "one\n");
	expect_reader(reader, "api|one\n");
	char *log = path_in(&world, "api.log");
	char *index = path_in(&world, "api.idx");
	assert_int_equal(unlink(log), 0);
	say(&world, &in, "two\n");
	expect_file(&world, "api.log", "two\n");
	expect_notice(&world, "api: its log file was removed");
	assert_int_equal(world.notice_count, 1);
	assert_int_equal(world.file_count, 2);
	expect_reader(reader, "api|two\n");
	assert_int_equal(unlink(index), 0);
	say(&world, &in, "three\n");
	expect_file(&world, "api.log", "three\n");
	expect_reader(reader, "api|three\n");
	assert_int_equal(unlink(index), 0);
	assert_int_equal(unlink(log), 0);
	say(&world, &in, "four\n");
	expect_file(&world, "api.log", "four\n");
	expect_reader(reader, "api|four\n");
	log_reader_free(reader);
	free(log);
	free(index);
	intake_close(&in);
	world_end(&world);
}

static void fault_E12_a_removed_directory_is_made_again(void **state)
{
	(void)state;
	struct world world;
	struct intake in;
	world_begin(&world);
	world_open(&world, &in, "api");
	struct log_reader_options options = {
		.directory = world.directory, .tail = -1, .follow = true};
	struct log_reader *reader = read_with(options);
	say(&world, &in, "one\n");
	expect_reader(reader, "api|one\n");
	assert_int_equal(file_remove_tree(world.directory, NULL), 0);
	expect_reader(reader, "");
	assert_int_not_equal(log_reader_wait_ms(reader), -1);
	say(&world, &in, "two\n");
	expect_file(&world, "api.log", "two\n");
	expect_reader(reader, "api|two\n");
	assert_int_equal(log_reader_wait_ms(reader), -1);
	say(&world, &in, "three\n");
	expect_reader(reader, "api|three\n");
	log_reader_free(reader);
	intake_close(&in);
	world_end(&world);
}

static void fault_E13_a_link_is_not_followed(void **state)
{
	(void)state;
	struct world world;
	struct intake in;
	world_begin(&world);
	struct text target = {0};
	text_addf(&target, "%s/precious", world.root);
	int fd = open(text_string(&target), O_CREAT | O_WRONLY, 0600);
	assert_int_equal(write(fd, "keep me", 7), 7);
	close(fd);
	char *log = path_in(&world, "api.log");
	char *index = path_in(&world, "api.idx");
	assert_int_equal(symlink(text_string(&target), log), 0);
	assert_int_equal(symlink(text_string(&target), index), 0);
	world_open(&world, &in, "api");
	say(&world, &in, "mine\n");
	struct text content = {0};
	assert_int_equal(file_read(text_string(&target), 100, &content, NULL), 0);
	assert_string_equal(text_string(&content), "keep me");
	expect_file(&world, "api.log", "mine\n");
	expect_notice(&world, "symbolic link");
	intake_close(&in);

	/* What the stack file names is the user's: it is refused, not removed. */
	struct error e = {0};
	text_add(&target, ".link");
	assert_int_equal(symlink("precious", text_string(&target)), 0);
	struct log_settings settings = {
		.file = text_string(&target), .max_size = 1 << 20, .keep = 1};
	assert_int_equal(intake_open(&in, &world.pool, "web", &settings, false, &e), -1);
	assert_non_null(strstr(e.text, "symbolic links"));
	text_release(&target);
	text_release(&content);
	free(log);
	free(index);
	world_end(&world);
}

static void fault_E19_a_closed_terminal_is_the_end(void **state)
{
	(void)state;
	struct world world;
	struct intake in;
	world_begin(&world);
	struct log_settings settings = {.max_size = 1 << 20, .keep = 1};
	world_open_with(&world, &in, "tty", settings, true);
	assert_int_equal(in.pipe_read[0], -1);
	int master;
	int slave;
	assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
	intake_terminal(&in, master);
	intake_generation(&in, 1);
	assert_int_equal(intake_drain(&in, 0, INTAKE_BUDGET, world.wall_ms), INTAKE_EMPTY);
	assert_int_equal(write(slave, "hello\nlast", 10), 10);
	assert_int_equal(intake_drain(&in, 0, INTAKE_BUDGET, world.wall_ms), INTAKE_EMPTY);
	close(slave);
	assert_int_equal(intake_drain(&in, 0, INTAKE_BUDGET, world.wall_ms), INTAKE_END);
	assert_int_equal(intake_end_generation(&in, world.wall_ms), INTAKE_EMPTY);
	expect_history(&world, -1, "tty|hello\r\ntty|last!\n");

	assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
	intake_terminal(&in, master);
	assert_int_equal(write(slave, "again\n", 6), 6);
	assert_int_equal(intake_drain(&in, 0, INTAKE_BUDGET, world.wall_ms), INTAKE_EMPTY);
	expect_history(&world, 1, "tty|again\r\n");
	close(slave);
	intake_close(&in);
	world_end(&world);
}

static void fault_E20_the_childs_terminal_settings_do_no_harm(void **state)
{
	(void)state;
	struct world world;
	struct intake in;
	world_begin(&world);
	struct log_settings settings = {.max_size = 1 << 20, .keep = 1};
	world_open_with(&world, &in, "tty", settings, true);
	int master;
	int slave;
	assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
	intake_terminal(&in, master);
	struct termios raw;
	struct winsize size = {.ws_row = 1, .ws_col = 1};
	assert_int_equal(tcgetattr(slave, &raw), 0);
	cfmakeraw(&raw);
	assert_int_equal(tcsetattr(slave, TCSANOW, &raw), 0);
	assert_int_equal(ioctl(slave, TIOCSWINSZ, &size), 0);
	assert_int_equal(write(slave, "raw\n", 4), 4);
	assert_int_equal(intake_drain(&in, 0, INTAKE_BUDGET, world.wall_ms), INTAKE_EMPTY);
	expect_history(&world, -1, "tty|raw\n");
	close(slave);
	intake_close(&in);
	world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_reach_file_and_index),
		cmocka_unit_test(goes_on_at_the_end_of_existing_files),
		cmocka_unit_test(fault_E2_a_drain_stops_at_its_budget),
		cmocka_unit_test(fault_E5_a_closed_stdout_is_no_end),
		cmocka_unit_test(fault_E6_last_words_without_newline_are_a_partial_line),
		cmocka_unit_test(the_end_of_a_generation_takes_only_what_was_there),
		cmocka_unit_test(fault_E7_streams_keep_their_order),
		cmocka_unit_test(fault_E11_a_file_size_limit_rotates),
		cmocka_unit_test(fault_E11_a_limit_that_comes_later_rotates_too),
		cmocka_unit_test(fault_E12_a_removed_log_is_made_again),
		cmocka_unit_test(fault_E12_a_removed_directory_is_made_again),
		cmocka_unit_test(fault_E13_a_link_is_not_followed),
		cmocka_unit_test(fault_E19_a_closed_terminal_is_the_end),
		cmocka_unit_test(fault_E20_the_childs_terminal_settings_do_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
