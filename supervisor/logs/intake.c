#include "logs/intake.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/own.h"
#include "logs/intake_private.h"
#include "logs/parts.h"
#include "logs/pool.h"

enum {
	COPY_SIZE = 16 * 1024,
	/* Room for the records that are not for bytes. */
	INDEX_MARKS = 4,
	/* How far a part may grow over its limit while a line does not end. */
	LINE_SLACK = 64 * 1024,
	/* So long the disk may be full before the oldest rotated log makes room. */
	FULL_PATIENCE_MS = 5000,
};

/* One drain of one pipe. */
struct turn {
	struct intake *in; /* borrows */
	int pipe;
	int64_t time_ms;
	size_t left; /* of the budget */
};

void intake_notice(struct intake *in, const char *format, ...)
{
	if (!in->pool->hooks.on_notice)
		return;
	OWNED_TEXT text = {0};
	va_list args;
	va_start(args, format);
	text_vaddf(&text, format, args);
	va_end(args);
	in->pool->hooks.on_notice(in->pool->hooks.self, in, text_string(&text));
}

static enum log_stream stream_of(const struct intake *in, int pipe)
{
	return !in->split ? LOG_OUTPUT : pipe ? LOG_STDERR : LOG_STDOUT;
}

static int make_pipes(struct intake *in, struct error *e)
{
	for (int i = 0; i < (in->split ? 2 : 1); i++) {
		int ends[2];
		if (pipe2(ends, O_CLOEXEC))
			return fail_errno(e, EXIT_FAILED, "cannot make a pipe for its output");
		in->pipe_read[i] = ends[0];
		in->pipe_write[i] = ends[1];
		/* Ours alone: the write end is another file description and stays blocking. */
		if (fcntl(ends[0], F_SETFL, O_NONBLOCK))
			return fail_errno(e, EXIT_FAILED, "cannot make a pipe for its output");
		/* A larger pipe saves turns of the loop; the default does as well. */
		(void)fcntl(ends[0], F_SETPIPE_SZ, pool_pipe_size(in->pool));
	}
	return 0;
}

/* A fresh checkout has no log/ directory: git does not keep empty ones. */
static int make_directory(const struct intake *in, struct error *e)
{
	const char *slash = in->elsewhere ? strrchr(in->elsewhere, '/') : NULL;
	if (!slash || slash == in->elsewhere)
		return 0;
	OWNED_TEXT directory = {0};
	text_add_bytes(&directory, in->elsewhere, (size_t)(slash - in->elsewhere));
	return file_make_directories(text_string(&directory), e);
}

static int open_files(struct intake *in, struct error *e)
{
	if (make_directory(in, e))
		return -1;
	struct parts parts = {in->pool->directory_fd, in->service, in->elsewhere};
	if (!parts_write_elsewhere(&parts) && !files_open(in))
		return 0;
	return in->elsewhere ? fail_errno(e, EXIT_FAILED, "cannot write its log %s", in->elsewhere)
			     : fail_errno(e, EXIT_FAILED, "cannot write its log %s/%s.log",
				       in->pool->directory, in->service);
}

static int open_all(struct intake *in, bool tty, struct error *e)
{
	if (open_files(in, e) && !in->pool->may_wait)
		return -1;
	if (!tty && make_pipes(in, e))
		return -1;
	if (!list_push(&in->pool->intakes, in))
		return fail(e, EXIT_FAILED, "cannot open its log: out of memory");
	return 0;
}

/* A limit on file sizes that we inherited is a limit on parts. */
static int64_t part_size(const struct intake_pool *pool, int64_t max_size)
{
	struct rlimit limit;
	int64_t size = max_size > 0 ? max_size : INT64_MAX;
	if (!getrlimit(RLIMIT_FSIZE, &limit) && limit.rlim_cur < (rlim_t)size)
		size = (int64_t)limit.rlim_cur;
	return pool_part_size(pool, size > PART_LEAST ? size : PART_LEAST);
}

int intake_open(struct intake *in, struct intake_pool *pool, const char *service,
	const struct log_settings *settings, bool tty, struct error *e)
{
	*in = (struct intake){
		.pool = pool,
		.max_size = part_size(pool, settings->max_size),
		.keep = settings->keep,
		.split = settings->split && !tty,
		.pipe_read = {-1, -1},
		.pipe_write = {-1, -1},
		.terminal = -1,
		.log_fd = -1,
		.index_fd = -1,
	};
	in->service = strdup(service);
	in->elsewhere = settings->file ? strdup(settings->file) : NULL;
	int result = !in->service || (settings->file && !in->elsewhere)
		? fail(e, EXIT_FAILED, "cannot open its log: out of memory") : open_all(in, tty, e);
	if (result)
		intake_close(in);
	return result;
}

static void leave_pool(struct intake *in)
{
	for (size_t i = 0; i < in->pool->intakes.count; i++) {
		if (in->pool->intakes.items[i] == in) {
			list_remove(&in->pool->intakes, i);
			return;
		}
	}
}

void intake_close(struct intake *in)
{
	if (!in->pool)
		return;
	leave_pool(in);
	for (int i = 0; i < 2; i++) {
		own_close(&in->pipe_read[i]);
		own_close(&in->pipe_write[i]);
	}
	own_close(&in->terminal);
	own_close(&in->log_fd);
	own_close(&in->index_fd);
	for (int i = 0; i < LOG_STREAM_COUNT; i++)
		lines_release(&in->watch[i]);
	text_release(&in->held);
	own_free(&in->service);
	own_free(&in->elsewhere);
	in->pool = NULL;
}

int intake_take_pipe(struct intake *in, int pipe, int read_fd, struct error *e)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/self/fd/%d", read_fd);
	/* Of an own description, as the writing end of pipe(2) is: what one end may not wait for, the other may. */
	int write_fd = open(path, O_WRONLY | O_CLOEXEC);
	if (write_fd < 0) {
		fail_errno(e, EXIT_FAILED, "cannot open the pipe for its output again");
		close(read_fd);
		return -1;
	}
	own_close(&in->pipe_read[pipe]);
	own_close(&in->pipe_write[pipe]);
	in->pipe_read[pipe] = read_fd;
	in->pipe_write[pipe] = write_fd;
	return 0;
}

void intake_generation(struct intake *in, uint32_t generation)
{
	in->generation = generation;
}

void intake_terminal(struct intake *in, int master_fd)
{
	own_close(&in->terminal);
	in->terminal = master_fd;
	int flags = fcntl(master_fd, F_GETFL);
	(void)fcntl(master_fd, F_SETFL, flags | O_NONBLOCK);
}

int intake_commit(struct intake *in, int64_t time_ms)
{
	uint64_t bytes = in->end - in->indexed;
	if (!bytes)
		return 0;
	struct index_record record = {
		.end = in->end,
		.time_ms = time_ms,
		.seq = in->pool->seq,
		.generation = in->ending ? in->ended : in->generation,
		.flags = (uint16_t)in->pending,
	};
	if (index_write(in->index_fd, in->index_end, &record))
		return -1;
	in->index_end += INDEX_RECORD_SIZE;
	in->pool->seq += bytes;
	if (in->indexed == in->boundary) {
		in->tail_begin = in->boundary;
		in->tail_rotated = false;
	}
	uint64_t begin = in->indexed;
	in->indexed = in->end;
	watch_feed(in, in->pending, begin, in->end);
	pool_added(in->pool, bytes + INDEX_RECORD_SIZE);
	return 0;
}

/* The index of a service that prints byte by byte outgrows its log; it has the same limit. */
static bool is_full(const struct intake *in)
{
	return in->end && (in->end >= (uint64_t)in->max_size
		|| in->index_end + (off_t)INDEX_MARKS * INDEX_RECORD_SIZE > in->max_size);
}

static int rotate(struct intake *in, int64_t time_ms)
{
	return intake_commit(in, time_ms) || files_rotate(in, time_ms) ? -1 : 0;
}

/* A limit on file sizes (EFBIG) ends the part; for anything else, and in an empty one, -1. */
static int make_room(struct intake *in, int64_t time_ms)
{
	if (errno != EFBIG || !in->end)
		return -1;
	return rotate(in, time_ms);
}

static int write_held(struct intake *in, int64_t time_ms)
{
	if (in->held.length && in->pending != in->held_stream && intake_commit(in, time_ms))
		return -1;
	while (in->held.length) {
		in->pending = in->held_stream;
		ssize_t put = write(in->log_fd, in->held.data, in->held.length);
		if (put < 0 && errno != EINTR && make_room(in, time_ms))
			return -1;
		if (put > 0) {
			in->end += (uint64_t)put;
			text_consume(&in->held, (size_t)put);
		}
	}
	text_clear(&in->held);
	return 0;
}

/* For a terminal, which splice(2) refuses, and for file systems that refuse it. */
static enum intake_result copy_some(struct turn *turn, int from, size_t most)
{
	struct intake *in = turn->in;
	char bytes[COPY_SIZE];
	ssize_t got = read(from, bytes, most < sizeof bytes ? most : sizeof bytes);
	if (got < 0 && errno == EINTR)
		return INTAKE_MOVED;
	if (got < 0 && errno == EAGAIN)
		return INTAKE_EMPTY;
	if (got <= 0)
		return from == in->terminal ? INTAKE_END : INTAKE_EMPTY;
	in->held_stream = stream_of(in, turn->pipe);
	text_add_bytes(&in->held, bytes, (size_t)got);
	turn->left -= (size_t)got;
	return write_held(in, turn->time_ms) ? INTAKE_BLOCKED : INTAKE_MOVED;
}

static enum intake_result splice_some(struct turn *turn, size_t most)
{
	struct intake *in = turn->in;
	ssize_t got = splice(in->pipe_read[turn->pipe], NULL, in->log_fd, NULL, most,
		SPLICE_F_NONBLOCK);
	if (got > 0) {
		in->pending = stream_of(in, turn->pipe);
		in->end += (uint64_t)got;
		turn->left -= (size_t)got;
		return INTAKE_MOVED;
	}
	if (got == 0 || errno == EAGAIN)
		return INTAKE_EMPTY;
	if (errno == EINVAL)
		in->copying = true;
	else if (errno != EINTR && make_room(in, turn->time_ms))
		return INTAKE_BLOCKED;
	return INTAKE_MOVED;
}

/*
 * How many bytes of the pipe there are up to the end of the current line: tee(2) shows them without
 * taking them out. 0 when no end is in sight.
 */
static size_t rest_of_line(int pipe_fd)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK))
		return 0;
	char bytes[LINES_MOST];
	ssize_t got = tee(pipe_fd, ends[1], sizeof bytes, SPLICE_F_NONBLOCK);
	if (got > 0)
		got = read(ends[0], bytes, sizeof bytes);
	const char *newline = got > 0 ? memchr(bytes, '\n', (size_t)got) : NULL;
	close(ends[0]);
	close(ends[1]);
	return newline ? (size_t)(newline - bytes) + 1 : 0;
}

/* Rotates if it can be done between two lines; otherwise says how much belongs to this part. */
static int end_part(struct turn *turn, size_t *most)
{
	struct intake *in = turn->in;
	char last = '\n';
	if (in->end && pread(in->log_fd, &last, 1, (off_t)in->end - 1) != 1)
		last = '\n';
	bool between = last == '\n' || in->end >= (uint64_t)in->max_size + LINE_SLACK;
	*most = turn->left;
	if (between)
		return rotate(in, turn->time_ms);
	size_t rest = in->terminal < 0 ? rest_of_line(in->pipe_read[turn->pipe]) : 0;
	size_t limit = rest ? rest : COPY_SIZE;
	*most = limit < turn->left ? limit : turn->left;
	return 0;
}

static size_t room_in_part(const struct intake *in)
{
	return is_full(in) ? 0 : (size_t)in->max_size - (size_t)in->end;
}

static enum intake_result step(struct turn *turn)
{
	struct intake *in = turn->in;
	size_t most = turn->left;
	if (is_full(in) && end_part(turn, &most))
		return INTAKE_BLOCKED;
	size_t room = room_in_part(in);
	if (room && room < most)
		most = room;
	if (in->terminal >= 0)
		return copy_some(turn, in->terminal, most);
	if (in->pipe_read[turn->pipe] < 0)
		return INTAKE_EMPTY;
	return in->copying ? copy_some(turn, in->pipe_read[turn->pipe], most)
		: splice_some(turn, most);
}

static enum intake_result run(struct turn *turn)
{
	enum intake_result result = INTAKE_MOVED;
	while (turn->left && result == INTAKE_MOVED)
		result = step(turn);
	if (result != INTAKE_BLOCKED && intake_commit(turn->in, turn->time_ms))
		result = INTAKE_BLOCKED;
	return result;
}

static int write_boundary(struct intake *in, int64_t time_ms)
{
	struct index_record record = {
		.end = in->end,
		.time_ms = time_ms,
		.seq = in->pool->seq,
		.generation = in->ended,
		.flags = INDEX_GENERATION_END,
	};
	if (index_write(in->index_fd, in->index_end, &record))
		return -1;
	in->index_end += INDEX_RECORD_SIZE;
	in->pool->seq += INDEX_EMPTY_SEQS;
	in->boundary = in->end;
	in->ending = false;
	watch_boundary(in);
	return 0;
}

/* What the pipes held when the generation ended, then the mark. -1: not yet. */
static int finish_generation(struct intake *in, int64_t time_ms)
{
	for (int i = 0; i < 2; i++) {
		struct turn turn = {in, i, time_ms, in->ending_left[i]};
		enum intake_result result = turn.left ? run(&turn) : INTAKE_EMPTY;
		in->ending_left[i] = result == INTAKE_BLOCKED ? turn.left : 0;
		if (result == INTAKE_BLOCKED)
			return -1;
	}
	return write_boundary(in, time_ms);
}

/* Nothing but the mark of the boundary is to be written, and nothing was wrong so far. */
static bool is_quiet(const struct intake *in)
{
	return in->index_fd >= 0 && !in->blocked && !in->held.length && in->end == in->indexed
		&& !in->ending_left[0] && !in->ending_left[1];
}

/* What earlier turns could not finish comes first. -1 with errno. */
static int settle(struct intake *in, int64_t time_ms)
{
	if (files_check(in, time_ms) || intake_commit(in, time_ms) || write_held(in, time_ms)
		|| intake_commit(in, time_ms))
		return -1;
	return in->ending ? finish_generation(in, time_ms) : 0;
}

void intake_add_trouble(const struct intake *in, struct text *out)
{
	if (in->blocked)
		text_addf(out, "its log cannot be written: %s; its output waits",
			strerror(in->blocked));
}

static enum intake_result blocked(struct intake *in, int number)
{
	int64_t now_ms = clock_now_ms();
	bool first = !in->blocked;
	in->blocked = number ? number : EIO;
	if (first) {
		OWNED_TEXT trouble = {0};
		in->blocked_since_ms = now_ms;
		intake_add_trouble(in, &trouble);
		intake_notice(in, "%s", text_string(&trouble));
	}
	bool full = number == ENOSPC || number == EDQUOT;
	if (full && now_ms - in->blocked_since_ms >= FULL_PATIENCE_MS) {
		int64_t freed = pool_drop_oldest(in->pool);
		if (freed)
			intake_notice(in, "the disk is full: the oldest rotated log was removed (%lld bytes)",
				(long long)freed);
	}
	return INTAKE_BLOCKED;
}

static void unblocked(struct intake *in)
{
	if (in->blocked)
		intake_notice(in, "its log can be written again");
	in->blocked = 0;
}

enum intake_result intake_drain(struct intake *in, int pipe, size_t budget, int64_t wall_ms)
{
	struct turn turn = {in, pipe, pool_time(in->pool, wall_ms), budget};
	errno = 0;
	enum intake_result result = settle(in, turn.time_ms) ? INTAKE_BLOCKED : run(&turn);
	if (result == INTAKE_BLOCKED)
		return blocked(in, errno);
	unblocked(in);
	return result;
}

enum intake_result intake_end_generation(struct intake *in, int64_t wall_ms)
{
	in->ending = true;
	in->ended = in->generation;
	for (int i = 0; i < 2; i++) {
		int waiting = 0;
		if (in->pipe_read[i] >= 0 && !ioctl(in->pipe_read[i], FIONREAD, &waiting))
			in->ending_left[i] = (size_t)waiting;
	}
	if (in->terminal >= 0)
		in->ending_left[0] = INTAKE_BUDGET;
	if (is_quiet(in) && !write_boundary(in, pool_time(in->pool, wall_ms)))
		return INTAKE_EMPTY;
	errno = 0;
	if (settle(in, pool_time(in->pool, wall_ms)))
		return blocked(in, errno);
	unblocked(in);
	return INTAKE_EMPTY;
}
