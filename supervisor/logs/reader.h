/*
 * reader.h - reads the logs of an instance, for clients; needs no running supervisor.
 *
 * Reads the files of one log directory (index.h), rotated ones first, merges the services in order
 * of arrival, and follows by inotify on the directory: one watch for any number of services. Lines
 * are never torn, doubled or lost by rotation, deletion or the death of the supervisor. A reader
 * that falls behind so far that a part was removed before it came to it gets one line with .dropped
 * set. Memory does not depend on the length of the logs (a line is at most 16 KiB, see lines.h).
 *
 *	struct log_reader *r = log_reader_open(&options, &e);
 *	for (;;) {
 *		struct log_line line;
 *		while (log_reader_next(r, &line)) show(&line);
 *		if (!options.follow) break;
 *		poll({log_reader_fd(r), POLLIN}, log_reader_wait_ms(r));
 *	}
 *
 * Whoever leaves the inner loop early must come back without waiting: the descriptor tells of new
 * output only. For `up`: make the log directory, open the reader with tail = 0 and follow, then
 * start the supervisor; its first line is the first line read.
 */
#ifndef LOGS_READER_H
#define LOGS_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "logs/index.h"

struct log_line {
	const char *service; /* borrows from the reader */
	int service_index; /* steady number of the service in this reader, from 0 */
	enum log_stream stream;
	uint32_t generation;
	uint64_t seq;
	int64_t time_ms; /* wall clock when its end arrived */
	const char *bytes; /* raw, without newline; borrows until the next call */
	size_t length;
	bool partial; /* the process ended without a newline */
	bool continued; /* goes on where the line before (same service and stream) was cut */
	bool more; /* cut at 16 KiB, the next one goes on */
	uint64_t dropped; /* not a line: so many bytes were rotated away unread */
};

struct log_reader_options {
	const char *directory;
	const char *const *services; /* NULL: all that are there or appear */
	size_t service_count;
	int64_t tail; /* the last so many lines of all together; -1: everything */
	int64_t since_ms; /* only lines that arrived then or later; 0: all */
	bool follow;
	/* Which lines count for tail and are delivered; NULL: all. Not asked about .dropped. */
	bool (*wanted)(void *self, const struct log_line *line);
	void *wanted_self;
};

struct log_reader;

/* A missing directory is no error: there are no lines (yet). */
struct log_reader *log_reader_open(const struct log_reader_options *options, struct error *e);
void log_reader_free(struct log_reader *reader);

/* True: *line is the next one. False: none now (follow), or no more. */
bool log_reader_next(struct log_reader *reader, struct log_line *line);

/* Readable when there may be more; -1 when only the clock can tell (no inotify to be had). */
int log_reader_fd(const struct log_reader *reader);
/* How long to wait at most; -1: as long as it takes. */
int log_reader_wait_ms(const struct log_reader *reader);

/*
 * While following: the supervisor (and its guardian) is gone, so bytes that it did not index are
 * final. The next calls deliver them, and unfinished lines. Without follow this happens by itself.
 */
void log_reader_finish(struct log_reader *reader);

#endif
