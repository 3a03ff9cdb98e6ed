/*
 * source.h - inside logs/: one service's log as a reader walks through it, part after part.
 *
 * A source stands before a record of an index. source_peek() loads it, source_read() delivers its
 * lines until it says false, and so on. When the index ends with PART_END the next part is opened,
 * wherever rotation has put it. All open files stay readable when they are renamed or removed, so
 * nothing is missed unless a part was removed before it was opened; that is counted (.dropped).
 */
#ifndef LOGS_SOURCE_H
#define LOGS_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "logs/index.h"
#include "logs/lines.h"
#include "logs/parts.h"
#include "logs/reader.h"

enum { SOURCE_AHEAD = 16, SOURCE_BUFFER = 64 * 1024 };

struct source {
	struct parts parts;
	char *service; /* owns */
	char *elsewhere; /* owns; NULL where the log lies beside its index */
	int number; /* log_line.service_index */
	bool queued; /* in the reader's heap */
	bool going_back; /* only while the start is looked for */

	int index_fd; /* owns; -1: no part is open */
	int log_fd; /* owns; -1 although a part is open: its log was removed */
	uint64_t part;
	uint64_t base;
	off_t record_at; /* of the next record to load */
	uint64_t covered; /* end of the record before that */
	uint64_t delivered; /* bytes before this are not delivered again */
	uint64_t next_seq;
	uint32_t generation;
	bool part_ended;
	struct index_record ahead[SOURCE_AHEAD];
	size_t ahead_at;
	size_t ahead_count;

	bool loaded; /* the record below is being delivered */
	struct index_record record;
	uint64_t begin; /* log offset of its first byte */
	uint64_t at; /* log offset of the next byte to read */
	int flush; /* next stream whose rest is delivered at a boundary */
	const char *bytes; /* borrows from the reader's buffer: read but not delivered */
	size_t left;
	uint64_t dropped;
	struct lines lines[LOG_STREAM_COUNT];
};

struct source_place {
	uint64_t part;
	off_t record_at;
	uint64_t covered;
};

struct source *source_new(int directory_fd, const char *service, int number);
void source_free(struct source *source);

/* Loads the next record if none is. False: none there now. */
bool source_peek(struct source *source);
/*
 * The next line of the loaded record. False: it is done and no longer loaded. `buffer` has
 * SOURCE_BUFFER bytes and is not used for another source before that.
 */
bool source_read(struct source *source, char *buffer, struct log_line *line);
/*
 * When source_peek() has nothing and the writer is gone: loads what it did not index, then the
 * unfinished lines. False: nothing more.
 */
bool source_finish(struct source *source);
/* A supervisor is writing. */
bool source_is_live(const struct source *source);
/* The seq of the last record there is, 0 for none. */
uint64_t source_last_seq(const struct source *source);

/* Before the first record there is, or behind the last one. */
void source_rewind(struct source *source);
void source_to_end(struct source *source);
/* One record back, which is then the next one (in record, with .begin). False at the very beginning. */
bool source_back(struct source *source);
/* Newlines among the bytes of the record where source_back() stands. */
size_t source_count(const struct source *source, char *buffer);
struct source_place source_tell(const struct source *source);
void source_seek(struct source *source, const struct source_place *place);

#endif
