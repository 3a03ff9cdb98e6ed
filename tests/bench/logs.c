/* rooms: base model logs */
/*
 * Log intake against a bare splice loop, in the same run: a child writes as fast as it can into a
 * pipe, this process moves it into a file. Both with pipes of the same size, in alternating turns,
 * each into fresh files of one directory; both wait with poll(2).
 *
 *	bench_logs [MEGABYTES [TURNS [DIRECTORY]]]
 *
 * Prints one line a kind of load: the median throughputs and their ratio. Then how many of 20,000
 * last words before an exit are in the file.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/number.h"
#include "base/own.h"
#include "logs/intake.h"
#include "logs/reader.h"

enum { BLOCK = 64 * 1024, TURNS_MOST = 99, LAST_WORDS = 20000 };

struct load {
	const char *name;
	size_t write_size;
	size_t line_length; /* 0: no newline at all */
};

static const struct load loads[] = {
	{"64 KiB writes, lines of 100", BLOCK, 100},
	{"64 KiB writes, no newline", BLOCK, 0},
	{"4 KiB writes, lines of 100", 4096, 100},
	{"100 byte writes, a line each", 100, 100},
};

_Noreturn static void die(const char *what)
{
	perror(what);
	exit(1);
}

_Noreturn static void flood(int fd, const struct load *load, int64_t bytes)
{
	static char block[BLOCK];
	memset(block, 'x', sizeof block);
	for (size_t i = load->line_length; load->line_length && i <= sizeof block; i += load->line_length)
		block[i - 1] = '\n';
	for (; bytes > 0; bytes -= (int64_t)load->write_size) {
		if (file_write_all(fd, block, load->write_size))
			_exit(1);
	}
	_exit(0);
}

static pid_t start_flood(int fd, const struct load *load, int64_t bytes)
{
	pid_t child = fork();
	if (child < 0)
		die("fork");
	if (!child)
		flood(fd, load, bytes);
	return child;
}

static void wait_readable(int fd)
{
	struct pollfd waiting = {fd, POLLIN, 0};
	while (poll(&waiting, 1, -1) < 0 && errno == EINTR)
		continue;
}

/* Seconds that it takes to move all of it. */
static double bare(const char *directory, int pipe_size, const struct load *load, int64_t bytes)
{
	struct text path = {0};
	text_addf(&path, "%s/bare", directory);
	int ends[2];
	int file = open(text_string(&path), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
	if (file < 0 || pipe2(ends, O_CLOEXEC))
		die(text_string(&path));
	fcntl(ends[0], F_SETPIPE_SZ, pipe_size);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	int64_t begin_us = clock_now_us();
	pid_t child = start_flood(ends[1], load, bytes);
	for (int64_t moved = 0; moved < bytes;) {
		ssize_t got = splice(ends[0], NULL, file, NULL, 1 << 20, SPLICE_F_NONBLOCK);
		if (got > 0)
			moved += got;
		else if (got < 0 && errno == EAGAIN)
			wait_readable(ends[0]);
		else
			die("splice");
	}
	double seconds = (double)(clock_now_us() - begin_us) / 1e6;
	waitpid(child, NULL, 0);
	close(ends[0]);
	close(ends[1]);
	close(file);
	unlink(text_string(&path));
	text_release(&path);
	return seconds;
}

struct bench_intake {
	struct text directory;
	struct intake_pool pool;
	struct intake in;
};

static void open_intake(struct bench_intake *bench, const char *directory, int64_t max_size)
{
	struct error e = {0};
	struct log_settings settings = {.max_size = max_size, .keep = 1};
	text_addf(&bench->directory, "%s/logs", directory);
	if (intake_pool_open(&bench->pool, text_string(&bench->directory), 0, 20,
			(struct intake_hooks){0}, &e)
		|| intake_open(&bench->in, &bench->pool, "flood", &settings, false, &e)) {
		fprintf(stderr, "%s\n", e.text);
		exit(1);
	}
}

static void close_intake(struct bench_intake *bench)
{
	intake_close(&bench->in);
	intake_pool_close(&bench->pool);
	file_remove_tree(text_string(&bench->directory), NULL);
	text_release(&bench->directory);
}

static double through_intake(const char *directory, const struct load *load, int64_t bytes,
	int64_t max_size)
{
	struct bench_intake bench = {0};
	open_intake(&bench, directory, max_size);
	struct intake *in = &bench.in;
	int64_t begin_us = clock_now_us();
	pid_t child = start_flood(in->pipe_write[0], load, bytes);
	enum intake_result result = INTAKE_EMPTY;
	while ((int64_t)(in->base + in->end) < bytes) {
		if (result == INTAKE_EMPTY)
			wait_readable(in->pipe_read[0]);
		result = intake_drain(in, 0, INTAKE_BUDGET, clock_wall_ms());
		if (result == INTAKE_BLOCKED)
			die("intake");
	}
	double seconds = (double)(clock_now_us() - begin_us) / 1e6;
	waitpid(child, NULL, 0);
	close_intake(&bench);
	return seconds;
}

static int by_size(const void *left, const void *right)
{
	const double *a = left;
	const double *b = right;
	return (*a > *b) - (*a < *b);
}

static double median(double *values, int count)
{
	qsort(values, (size_t)count, sizeof *values, by_size);
	return values[count / 2];
}

static void compare(const char *directory, int pipe_size, const struct load *load, int64_t bytes,
	int turns)
{
	double bare_s[TURNS_MOST];
	double intake_s[TURNS_MOST];
	double rotating_s[TURNS_MOST];
	for (int i = 0; i < turns; i++) {
		bare_s[i] = bare(directory, pipe_size, load, bytes);
		intake_s[i] = through_intake(directory, load, bytes, INT64_MAX);
		rotating_s[i] = through_intake(directory, load, bytes, 10 << 20);
	}
	double megabytes = (double)bytes / 1e6;
	double bare_median = median(bare_s, turns);
	double intake_median = median(intake_s, turns);
	double rotating_median = median(rotating_s, turns);
	printf("%-29s bare splice %6.0f MB/s  intake %6.0f MB/s  ratio %.2f  rotating every 10M %.2f\n",
		load->name, megabytes / bare_median, megabytes / intake_median,
		bare_median / intake_median, bare_median / rotating_median);
}

/* Children that print a last line and exit at once; the intake looks only when all are gone. */
static void last_words(const char *directory)
{
	struct bench_intake bench = {0};
	open_intake(&bench, directory, INT64_MAX);
	struct intake *in = &bench.in;
	for (int i = 0; i < LAST_WORDS; i++) {
		pid_t child = fork();
		if (!child) {
			char words[32];
			int length = snprintf(words, sizeof words, "last words %d\n", i);
			_exit(write(in->pipe_write[0], words, (size_t)length) != length);
		}
		if (child < 0 || waitpid(child, NULL, 0) != child)
			die("fork");
		intake_generation(in, (uint32_t)i);
		intake_end_generation(in, clock_wall_ms());
	}
	struct error e = {0};
	struct log_reader_options options = {.directory = text_string(&bench.directory), .tail = -1};
	struct log_reader *reader = log_reader_open(&options, &e);
	struct log_line line;
	int found = 0;
	while (reader && log_reader_next(reader, &line))
		found += line.length > 11 && strtol(line.bytes + 11, NULL, 10) == found;
	printf("last words before an exit: %d of %d\n", found, LAST_WORDS);
	log_reader_free(reader);
	close_intake(&bench);
}

int main(int argc, char **argv)
{
	int64_t megabytes = 256;
	int64_t turns = 5;
	if ((argc > 1 && !number_parse(argv[1], 1, 100000, &megabytes))
		|| (argc > 2 && !number_parse(argv[2], 1, TURNS_MOST, &turns))) {
		fprintf(stderr, "usage: bench_logs [MEGABYTES [TURNS [DIRECTORY]]]\n");
		return 2;
	}
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	struct text directory = {0};
	text_addf(&directory, "%s/stackup-bench-XXXXXX", argc > 3 ? argv[3] : "/tmp");
	if (!text_ok(&directory) || !mkdtemp(directory.data))
		die("mkdtemp");
	struct bench_intake probe = {0};
	open_intake(&probe, directory.data, INT64_MAX);
	int pipe_size = fcntl(probe.in.pipe_read[0], F_GETPIPE_SZ);
	close_intake(&probe);
	for (size_t i = 0; i < sizeof loads / sizeof loads[0]; i++) {
		/* Small writes are slow in the child: less of it takes as long. */
		int64_t bytes = megabytes * 1000000 / (loads[i].write_size < 4096 ? 8 : 1);
		bytes -= bytes % (int64_t)loads[i].write_size;
		compare(directory.data, pipe_size, &loads[i], bytes, (int)turns);
	}
	last_words(directory.data);
	rmdir(directory.data);
	text_release(&directory);
	return 0;
}
