/*
 * index.h - the format of SERVICE.idx: which bytes of SERVICE.log came when, and in what order.
 *
 * SERVICE.log holds the raw bytes of a service's output and nothing else, so nothing a service
 * prints can be mistaken for a record of ours. All we know about the bytes is in SERVICE.idx beside
 * it. Both are one *part*. Rotation renames SERVICE.idx to SERVICE.idx.1 and SERVICE.log to
 * SERVICE.log.1 (older ones move up first) and starts the next part.
 *
 * The file is a header of 64 bytes and then records of 32 bytes, all numbers little-endian:
 *
 *	header	 0  magic       "STKPLOG1"
 *		 8  u32         length of the header, 64
 *		12  u32         length of a record, 32
 *		16  u64 part    number of this part; the next part of the service has a higher one
 *		24  u64 inode   of the log file the records speak of
 *		32  u64 base    bytes of this service's output in all parts before this one
 *		40  i64 time    wall clock at creation, ms since 1970
 *		48  16 bytes    zero
 *
 *	record	 0  u64 end     offset in the log file one past the last byte of this batch; the
 *				first byte is at the end of the record before (0 for the first)
 *		 8  i64 time    wall clock, ms since 1970; never goes back within a run
 *		16  u64 seq     of the first byte of the batch
 *		24  u32 generation	how often the service had been started
 *		28  u16 flags   enum index_flag; the low two bits are the stream
 *		30  u16 check   makes the exclusive-or of the record's sixteen words 0xa55a
 *
 * seq counts the bytes of the whole instance: every byte of every service has a number of its own,
 * so a line has one too (that of its last byte), different lines never share one, and sorting by
 * it is the order of arrival. A record without bytes uses up four numbers.
 *
 * Rules that readers rely on:
 *  1. A record is written after its bytes. Whoever sees the record can read the bytes.
 *  2. One writer; records are appended, never changed. A record whose check is wrong ends the file.
 *  3. Bytes after the last record belong to a writer that is gone (killed between the two steps, or
 *     drained by its guardian); the next writer of the service adds a record for them (RECOVERED).
 *  4. PART_END is the last record of a part that was rotated away. Bytes after it: as rule 3.
 *  5. The writer holds an OFD write lock on the first byte of the index while it lives.
 *
 * With `log.file = PATH` the log is PATH (and PATH.1 ...), the index stays in the log directory, and
 * SERVICE.at beside it holds PATH.
 */
#ifndef LOGS_INDEX_H
#define LOGS_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { INDEX_HEADER_SIZE = 64, INDEX_RECORD_SIZE = 32, INDEX_EMPTY_SEQS = 4 };

#define LOG_STREAMS(X)                                                                             \
	X(LOG_OUTPUT, "output") /* both through one pipe, or a terminal */                         \
	X(LOG_STDOUT, "stdout")                                                                    \
	X(LOG_STDERR, "stderr")
#define X(name, word) name,
enum log_stream { LOG_STREAMS(X) LOG_STREAM_COUNT };
#undef X
const char *log_stream_word(enum log_stream stream);

enum index_flag {
	INDEX_STREAM_MASK = 3, /* enum log_stream */
	INDEX_GENERATION_END = 4, /* no bytes: the process tree of this generation is gone */
	INDEX_RECOVERED = 8, /* found unindexed; time is that of the file */
	INDEX_PART_END = 16, /* no bytes: rotated; go on with the next part */
};

struct index_header {
	uint64_t part;
	uint64_t inode;
	uint64_t base;
	int64_t time_ms;
};

struct index_record {
	uint64_t end;
	int64_t time_ms;
	uint64_t seq;
	uint32_t generation;
	uint16_t flags;
};

/* 0, or -1 with errno; EBADMSG when the header is not one of ours. */
int index_read_header(int fd, struct index_header *header);
int index_write_header(int fd, const struct index_header *header);

/*
 * Up to `most` records from the one at `offset` (a file offset) on. Returns how many, 0 at the end
 * of what is complete, -1 with errno. Stops before a record that is damaged.
 */
ssize_t index_read(int fd, off_t offset, struct index_record *records, size_t most);
/* One record at `offset`, whole or not at all: a short write is undone. -1 with errno. */
int index_write(int fd, off_t offset, const struct index_record *record);

/*
 * The last good record; *offset becomes the offset one past it (INDEX_HEADER_SIZE when there is
 * none, and *record is zero then). -1 with errno.
 */
int index_last(int fd, struct index_record *record, off_t *offset);

/* Rule 5. Taking it fails with EAGAIN when another process has it. */
int index_lock(int fd);
bool index_is_locked(int fd);

/* The seq that follows a record that begins at log offset `begin`. */
uint64_t index_next_seq(const struct index_record *record, uint64_t begin);

#endif
