/*
 * intake.h - from a service's pipe into its log file, in the supervisor.
 *
 * A service has one pipe for both its streams (two with log.split) for as long as the instance
 * runs. The write ends are given to every generation of the service and stay open here, so there is
 * no end of file; the read ends are non-blocking and watched by the loop. splice(2) moves the bytes
 * into the file without looking at them (four times the speed of read and write), then one record
 * goes to the index (index.h). The file is not opened with O_APPEND (splice refuses that); bytes go
 * to the position of its descriptor, which the guardian shares through a duplicate. So after this
 * process was killed the guardian goes on exactly where it stopped: nothing lost, nothing doubled.
 *
 *  1. intake_pool_open() once per instance, with hooks.
 *  2. intake_open() per service; give duplicates of .pipe_read[] and .log_fd to the guardian, and
 *     again whenever on_file is called (before it returns).
 *  3. intake_generation() before a start; .pipe_write[] become the child's 1 and 2 (the same one
 *     twice unless split). With tty: intake_terminal() with the master of each new pty.
 *  4. When .pipe_read[i] (or .terminal) is readable: intake_drain(). On INTAKE_BLOCKED stop
 *     watching it and try again after INTAKE_RETRY_MS.
 *  5. When the tree of a generation is gone: intake_end_generation().
 *  6. intake_close(), intake_pool_close().
 *
 * The process must ignore SIGXFSZ and SIGPIPE. Nothing here sleeps, and memory does not depend on
 * what services print. Not from several threads.
 */
#ifndef LOGS_INTAKE_H
#define LOGS_INTAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/list.h"
#include "base/text.h"
#include "logs/index.h"
#include "logs/lines.h"
#include "model/stack.h"

enum {
	INTAKE_RETRY_MS = 1000,
	INTAKE_BUDGET = 1024 * 1024, /* a good budget for one drain: at most about 1 ms */
};

enum intake_result {
	INTAKE_MOVED, /* the budget is used up, more may be waiting */
	INTAKE_EMPTY, /* all that was there is in the file */
	INTAKE_BLOCKED, /* the file cannot take it now; the bytes stay where they are */
	INTAKE_END, /* terminal only: nobody has the other side open any more */
};

#define INTAKE_NOWHERE UINT64_MAX

struct intake;

struct intake_hooks {
	void *self;
	/* in->log_fd is a new file. Called before anything is written to it. May be NULL. */
	void (*on_file)(void *self, struct intake *in);
	/* Something a person should know, one sentence, once per incident. May be NULL. */
	void (*on_notice)(void *self, struct intake *in, const char *text);
};

/* What the services of one instance share. */
struct intake_pool {
	char *directory; /* owns */
	int directory_fd; /* owns */
	int64_t total; /* log.total: bytes of all log files together, 0: no bound */
	int64_t used; /* at most what is there while below total, exact after every clean-up */
	bool all_current; /* nothing is left that could be removed before the next rotation */
	bool may_wait; /* an intake opens also where its files cannot be: they are tried again with its output */
	int services; /* how many share total and the user's pipe memory */
	uint64_t seq; /* of the next byte of the instance */
	int64_t time_ms; /* of the latest record: time never goes back */
	struct intake_hooks hooks;
	LIST(struct intake *) intakes; /* borrows */
};

struct intake {
	struct intake_pool *pool; /* borrows */
	char *service; /* owns */
	char *elsewhere; /* owns; log.file, or NULL */
	int64_t max_size;
	int keep;
	bool split;
	int pipe_read[2]; /* owns; -1 where there is none */
	int pipe_write[2];
	int terminal; /* owns; master of a pseudo-terminal, or -1 */
	int log_fd; /* owns; -1 while it cannot be created */
	int index_fd; /* owns */
	uint64_t part;
	uint64_t base;
	uint64_t end; /* of the log file */
	uint64_t indexed; /* what the index covers */
	off_t index_end;
	uint32_t generation;
	bool ending; /* a boundary is to be marked ... */
	uint32_t ended; /* ... of this generation ... */
	size_t ending_left[2]; /* ... after so many bytes that are still in the pipes */
	uint64_t tail_begin; /* where the latest generation that printed anything began */
	bool tail_rotated; /* it began in the part before this one, there at tail_before */
	uint64_t tail_before;
	uint64_t boundary; /* where the latest boundary is, INTAKE_NOWHERE if in an earlier part */
	enum log_stream pending; /* stream of [indexed, end) */
	struct text held; /* bytes that came by read() and wait for the file */
	enum log_stream held_stream;
	bool copying; /* the file system does not take splice */
	int blocked; /* errno that was told, 0 while all is well */
	int64_t blocked_since_ms; /* monotonic */
	struct lines watch[LOG_STREAM_COUNT];
	bool (*on_line)(void *self, const char *bytes, size_t length);
	void *on_line_self;
};

/*
 * Makes the directory (0700), opens it, and continues the numbering found there. `services` is how
 * many will be opened.
 */
int intake_pool_open(struct intake_pool *pool, const char *directory, int64_t total, int services,
	struct intake_hooks hooks, struct error *e);
void intake_pool_close(struct intake_pool *pool);

/*
 * Opens or creates the files, completes what a killed supervisor left half done, and makes the
 * pipes (none with tty). The path is not followed if it is a link. Failing leaves nothing open.
 */
int intake_open(struct intake *in, struct intake_pool *pool, const char *service,
	const struct log_settings *settings, bool tty, struct error *e);
void intake_close(struct intake *in);

/*
 * Its pipe is this one from now on, of which a supervisor before this one had the reading end; what is in it
 * goes into the log. Takes the descriptor, also on failure, and then has the pipe that it had.
 */
int intake_take_pipe(struct intake *in, int pipe, int read_fd, struct error *e);

/* Bytes from now on belong to this generation. */
void intake_generation(struct intake *in, uint32_t generation);
/* Takes the master side of the generation's terminal, made non-blocking; closes the last one. */
void intake_terminal(struct intake *in, int master_fd);

/*
 * Moves at most about `budget` bytes of pipe 0 or 1 (with tty: 0) to the file and indexes them.
 * May rotate, which calls on_file.
 */
enum intake_result intake_drain(struct intake *in, int pipe, size_t budget, int64_t wall_ms);

/*
 * The tree is gone: drains what is in the pipes (or the terminal) at this moment, no more, and marks
 * the boundary, so that a last line without newline ends here and is not glued to the next start's
 * first. INTAKE_BLOCKED: the file cannot take it now; a later intake_drain() marks it.
 */
enum intake_result intake_end_generation(struct intake *in, int64_t wall_ms);

/*
 * Calls on_line for each complete line from here on, without its newline, cut at LINES_MOST bytes;
 * as long as it returns true. One watch at a time; NULL ends it. on_line is called from inside
 * intake_drain(); of this header it may call intake_watch() only.
 */
void intake_watch(struct intake *in, bool (*on_line)(void *self, const char *bytes, size_t length),
	void *self);

/*
 * The same, and first of all the lines that came since the log was at in->part and in->indexed of then:
 * a process before this one may have read them and done nothing about them yet.
 */
void intake_watch_since(struct intake *in, uint64_t part, uint64_t indexed,
	bool (*on_line)(void *self, const char *bytes, size_t length), void *self);

/* Appends what keeps the log from being written now, as on_notice() said it; nothing while all is well. */
void intake_add_trouble(const struct intake *in, struct text *out);

/*
 * Appends the last `lines` lines of the latest generation that printed anything, each with a
 * newline, raw; at most 16 KiB.
 */
void intake_tail(const struct intake *in, int lines, struct text *out);

#endif
