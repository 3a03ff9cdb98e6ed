/*
 * logs_world.h - a log directory, intakes in it, and a reader's view as text, for test_logs_*.c.
 */
#ifndef TESTS_LOGS_WORLD_H
#define TESTS_LOGS_WORLD_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/own.h"
#include "descriptors.h"
#include "logs/intake.h"
#include "logs/reader.h"

/* Last: it makes fail() a macro. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

struct world {
	char *root; /* owns; removed at the end */
	char *directory; /* owns */
	struct intake_pool pool;
	struct text notices; /* one a line */
	int notice_count;
	int file_count; /* calls of on_file */
	int64_t wall_ms;
	int guardian_fd; /* a duplicate of the log, as the guardian has it; -1: not wanted */
	bool keep_duplicate;
	int descriptors; /* open at the beginning, and again at the end */
};

static inline void world_on_file(void *self, struct intake *in)
{
	struct world *world = self;
	world->file_count++;
	if (world->keep_duplicate) {
		if (world->guardian_fd >= 0)
			close(world->guardian_fd);
		world->guardian_fd = dup(in->log_fd);
	}
}

static inline void world_on_notice(void *self, struct intake *in, const char *text)
{
	struct world *world = self;
	world->notice_count++;
	text_addf(&world->notices, "%s: %s\n", in->service, text);
}

static inline void world_pool(struct world *world, int64_t total, int services)
{
	struct error e = {0};
	struct intake_hooks hooks = {world, world_on_file, world_on_notice};
	if (intake_pool_open(&world->pool, world->directory, total, services, hooks, &e))
		fail_msg("%s", e.text);
}

static inline void world_begin(struct world *world)
{
	*world = (struct world){.wall_ms = 1700000000000, .guardian_fd = -1,
		.descriptors = descriptors_open()};
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	const char *base = getenv("TMPDIR");
	struct text path = {0};
	text_addf(&path, "%s/stackup-logs-XXXXXX", base ? base : "/tmp");
	world->root = text_take(&path);
	assert_non_null(mkdtemp(world->root));
	text_addf(&path, "%s/logs", world->root);
	world->directory = text_take(&path);
	world_pool(world, 0, 1);
}

static inline void world_end(struct world *world)
{
	intake_pool_close(&world->pool);
	if (world->guardian_fd >= 0)
		close(world->guardian_fd);
	text_release(&world->notices);
	assert_int_equal(file_remove_tree(world->root, NULL), 0);
	free(world->directory);
	free(world->root);
	descriptors_expect(world->descriptors);
}

static inline void world_open_with(struct world *world, struct intake *in, const char *service,
	struct log_settings settings, bool tty)
{
	struct error e = {0};
	if (intake_open(in, &world->pool, service, &settings, tty, &e))
		fail_msg("%s", e.text);
}

static inline void world_open(struct world *world, struct intake *in, const char *service)
{
	struct log_settings settings = {.max_size = 10 << 20, .keep = 5};
	world_open_with(world, in, service, settings, false);
}

static inline void put_bytes(struct intake *in, int pipe, const void *bytes, size_t length)
{
	assert_int_equal(file_write_all(in->pipe_write[pipe], bytes, length), 0);
}

/* One write of the child, one turn of the loop. */
static inline void say_on(struct world *world, struct intake *in, int pipe, const char *text)
{
	put_bytes(in, pipe, text, strlen(text));
	world->wall_ms += 1000;
	assert_int_equal(intake_drain(in, pipe, INTAKE_BUDGET, world->wall_ms), INTAKE_EMPTY);
}

static inline void say(struct world *world, struct intake *in, const char *text)
{
	say_on(world, in, 0, text);
}

/* "api|text" a line; "!" partial, ">" more follows, "+" continued, "#N" N bytes dropped. */
static inline void add_shown(struct text *out, const struct log_line *line)
{
	text_addf(out, "%s%s%s|", line->service, line->continued ? "+" : "",
		line->stream == LOG_STDERR ? "(err)" : "");
	if (line->dropped)
		text_addf(out, "#%llu", (unsigned long long)line->dropped);
	text_add_bytes(out, line->bytes, line->length);
	text_addf(out, "%s%s\n", line->partial ? "!" : "", line->more ? ">" : "");
}

static inline struct log_reader *read_with(struct log_reader_options options)
{
	struct error e = {0};
	struct log_reader *reader = log_reader_open(&options, &e);
	if (!reader)
		fail_msg("%s", e.text);
	return reader;
}

/* All that the reader has now. The sequence numbers must rise. */
static inline void take_lines(struct log_reader *reader, struct text *out)
{
	struct log_line line;
	uint64_t seq = 0;
	while (log_reader_next(reader, &line)) {
		if (!line.dropped) {
			assert_true(line.seq > seq);
			seq = line.seq;
		}
		add_shown(out, &line);
	}
}

static inline void expect_reader(struct log_reader *reader, const char *expected)
{
	struct text out = {0};
	take_lines(reader, &out);
	assert_string_equal(text_string(&out), expected);
	text_release(&out);
}

static inline void expect_history(const struct world *world, int64_t tail, const char *expected)
{
	struct log_reader_options options = {.directory = world->directory, .tail = tail};
	struct log_reader *reader = read_with(options);
	expect_reader(reader, expected);
	log_reader_free(reader);
}

/* "DIRECTORY/NAME", to be freed. */
static inline char *path_in(const struct world *world, const char *name)
{
	struct text path = {0};
	text_addf(&path, "%s/%s", world->directory, name);
	return text_take(&path);
}

static inline bool exists(const struct world *world, const char *name)
{
	char *path = path_in(world, name);
	bool there = !access(path, F_OK);
	free(path);
	return there;
}

static inline int64_t size_of(const struct world *world, const char *name)
{
	char *path = path_in(world, name);
	struct stat st;
	int64_t size = stat(path, &st) ? -1 : st.st_size;
	free(path);
	return size;
}

static inline void expect_file(const struct world *world, const char *name, const char *content)
{
	char *path = path_in(world, name);
	struct text text = {0};
	assert_int_equal(file_read(path, 1 << 20, &text, NULL), 0);
	assert_string_equal(text_string(&text), content);
	text_release(&text);
	free(path);
}

static inline void expect_notice(const struct world *world, const char *part)
{
	if (!strstr(text_string(&world->notices), part))
		fail_msg("no notice with '%s' in: %s", part, text_string(&world->notices));
}

#endif
