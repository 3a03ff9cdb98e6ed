#include "logs/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"

/* Numbers in a row without a file after which there are no more: a rotation leaves one hole. */
enum { HOLES = 3 };

struct source *source_new(int directory_fd, const char *service, int number)
{
	struct source *source = calloc(1, sizeof *source);
	if (!source)
		return NULL;
	source->index_fd = source->log_fd = -1;
	source->number = number;
	source->service = strdup(service);
	OWNED_TEXT path = {0};
	if (parts_read_elsewhere(directory_fd, service, &path))
		source->elsewhere = text_take(&path);
	if (!source->service) {
		source_free(source);
		return NULL;
	}
	source->parts = (struct parts){directory_fd, source->service, source->elsewhere};
	return source;
}

static void close_part(struct source *source)
{
	own_close(&source->index_fd);
	own_close(&source->log_fd);
}

void source_free(struct source *source)
{
	if (!source)
		return;
	close_part(source);
	for (int i = 0; i < LOG_STREAM_COUNT; i++)
		lines_release(&source->lines[i]);
	free(source->service);
	free(source->elsewhere);
	free(source);
}

/* A part that was found: its index is open, its log not yet. */
struct found_part {
	int index_fd; /* owns; -1: none */
	int number;
	struct index_header header;
};

/*
 * The lowest (or highest) part strictly between `low` and `high`. Going up the numbers follows the
 * direction in which a rotation moves the files, so one that moves meanwhile is met all the same.
 */
static struct found_part find_part(const struct source *source, uint64_t low, uint64_t high,
	bool lowest)
{
	struct found_part best = {.index_fd = -1};
	int holes = 0;
	for (int number = 0; holes < HOLES; number++) {
		OWNED_FD fd = parts_open_index(&source->parts, number, O_RDONLY);
		holes = fd < 0 ? holes + 1 : 0;
		struct index_header header;
		if (fd < 0 || index_read_header(fd, &header))
			continue;
		if (header.part <= low || header.part >= high)
			continue;
		if (best.index_fd >= 0 && (header.part < best.header.part) != lowest)
			continue;
		own_close(&best.index_fd);
		best = (struct found_part){take_fd(&fd), number, header};
	}
	return best;
}

static bool has_inode(int fd, uint64_t inode)
{
	struct stat st;
	return !fstat(fd, &st) && st.st_ino == inode;
}

static int open_log_at(const struct source *source, int number, uint64_t inode, bool *there)
{
	OWNED_FD fd = number < 0 ? -1 : parts_open_log(&source->parts, number, O_RDONLY);
	*there = fd >= 0;
	return fd >= 0 && has_inode(fd, inode) ? take_fd(&fd) : -1;
}

/*
 * The log of an index. Rotations may be moving both: a log follows its index by one rename, and
 * never moves down, so going up from the number below meets it. Where no inode fits (a copied
 * directory) the number decides, if the index is still there.
 */
static int open_log_of(const struct source *source, const struct found_part *found)
{
	bool there = false;
	int fd = open_log_at(source, found->number, found->header.inode, &there);
	int holes = 0;
	for (int number = found->number - 1; fd < 0 && holes < HOLES; number++) {
		fd = open_log_at(source, number, found->header.inode, &there);
		holes = there || number < 0 ? 0 : holes + 1;
	}
	if (fd >= 0)
		return fd;
	OWNED_FD index = parts_open_index(&source->parts, found->number, O_RDONLY);
	struct index_header header;
	if (index < 0 || index_read_header(index, &header) || header.part != found->header.part)
		return -1;
	return parts_open_log(&source->parts, found->number, O_RDONLY);
}

static void enter_part(struct source *source, struct found_part *found)
{
	int log_fd = open_log_of(source, found);
	close_part(source);
	source->index_fd = take_fd(&found->index_fd);
	source->log_fd = log_fd;
	source->part = found->header.part;
	source->base = found->header.base;
	source->record_at = INDEX_HEADER_SIZE;
	source->covered = source->delivered = 0;
	source->part_ended = false;
	source->ahead_at = source->ahead_count = 0;
}

/* A part that was removed before it could be read leaves a gap in the count of bytes. */
static void enter_next_part(struct source *source, struct found_part *found)
{
	uint64_t reached = source->base + source->covered;
	bool gap = source->index_fd >= 0 && found->header.base > reached
		&& found->header.part > source->part + 1;
	if (gap)
		source->dropped += found->header.base - reached;
	enter_part(source, found);
}

static bool next_record(struct source *source, struct index_record *record)
{
	if (source->ahead_at == source->ahead_count) {
		ssize_t got = index_read(source->index_fd, source->record_at, source->ahead, SOURCE_AHEAD);
		source->ahead_at = 0;
		source->ahead_count = got > 0 ? (size_t)got : 0;
		if (got <= 0)
			return false;
	}
	*record = source->ahead[source->ahead_at++];
	source->record_at += INDEX_RECORD_SIZE;
	return true;
}

static void load(struct source *source, const struct index_record *record)
{
	source->record = *record;
	source->begin = source->covered;
	source->at = source->begin > source->delivered ? source->begin : source->delivered;
	source->flush = 0;
	source->bytes = NULL;
	source->left = 0;
	source->loaded = true;
	source->generation = record->generation;
}

static int64_t changed_ms(const struct stat *st)
{
	return st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000;
}

/* Bytes of the log that no record speaks of. */
static bool load_rest(struct source *source)
{
	struct stat st;
	uint64_t from = source->covered > source->delivered ? source->covered : source->delivered;
	if (source->log_fd < 0 || fstat(source->log_fd, &st) || (uint64_t)st.st_size <= from)
		return false;
	struct index_record rest = {
		.end = (uint64_t)st.st_size,
		.time_ms = changed_ms(&st),
		.seq = source->next_seq,
		.generation = source->generation,
		.flags = LOG_OUTPUT,
	};
	load(source, &rest);
	return true;
}

static bool was_removed(const struct source *source)
{
	struct stat st;
	return !fstat(source->index_fd, &st) && !st.st_nlink;
}

/*
 * Goes on to the next part. Without PART_END (somebody removed the index) the old one is asked once
 * more after the new one was seen: the writer finished the old before it made the new.
 */
static bool to_next_part(struct source *source)
{
	if (source->index_fd >= 0 && !source->part_ended && !was_removed(source))
		return false;
	struct found_part found = find_part(source, source->part, UINT64_MAX, true);
	if (found.index_fd < 0)
		return false;
	struct index_record more;
	if (source->index_fd >= 0 && !source->part_ended
		&& index_read(source->index_fd, source->record_at, &more, 1) == 1)
		own_close(&found.index_fd);
	else
		enter_next_part(source, &found);
	return true;
}

bool source_peek(struct source *source)
{
	while (!source->loaded) {
		struct index_record record;
		if (source->index_fd < 0 || source->part_ended || !next_record(source, &record)) {
			if (!to_next_part(source))
				return false;
			continue;
		}
		source->next_seq = index_next_seq(&record, source->covered);
		if (record.flags & INDEX_PART_END) {
			source->part_ended = true;
			(void)load_rest(source);
		} else {
			load(source, &record);
			source->covered = record.end;
		}
	}
	return true;
}

bool source_finish(struct source *source)
{
	if (source->loaded || load_rest(source))
		return true;
	bool open_line = false;
	for (int i = 0; i < LOG_STREAM_COUNT; i++)
		open_line |= !lines_are_empty(&source->lines[i]);
	if (!open_line)
		return false;
	uint64_t rest = source->delivered > source->covered ? source->delivered - source->covered : 0;
	struct index_record end = {
		.end = source->covered,
		.time_ms = source->record.time_ms,
		.seq = source->next_seq + rest,
		.generation = source->generation,
		.flags = INDEX_GENERATION_END,
	};
	load(source, &end);
	return true;
}

static void fill_line(const struct source *source, const struct piece *piece, uint64_t seq,
	enum log_stream stream, struct log_line *line)
{
	*line = (struct log_line){
		.service = source->service,
		.service_index = source->number,
		.stream = stream,
		.generation = source->record.generation,
		.seq = seq,
		.time_ms = source->record.time_ms,
		.bytes = piece->bytes,
		.length = piece->length,
		.continued = piece->continued,
		.more = piece->more,
	};
}

static void tell_dropped(struct source *source, struct log_line *line)
{
	struct piece nothing = {.bytes = ""};
	fill_line(source, &nothing, source->record.seq, LOG_OUTPUT, line);
	line->dropped = source->dropped;
	source->dropped = 0;
}

static bool read_boundary(struct source *source, struct log_line *line)
{
	if (source->dropped) {
		tell_dropped(source, line);
		return true;
	}
	while (source->flush < LOG_STREAM_COUNT) {
		int stream = source->flush++;
		struct piece piece;
		if (!lines_flush(&source->lines[stream], &piece))
			continue;
		uint64_t seq = source->record.seq + (uint64_t)stream;
		fill_line(source, &piece, seq, (enum log_stream)stream, line);
		line->partial = true;
		return true;
	}
	source->loaded = false;
	return false;
}

/* More bytes of the record into the buffer; false at its end. */
static bool fill_buffer(struct source *source, char *buffer)
{
	if (source->at >= source->record.end) {
		source->loaded = false;
		if (source->delivered < source->record.end)
			source->delivered = source->record.end;
		return false;
	}
	uint64_t rest = source->record.end - source->at;
	size_t most = rest < SOURCE_BUFFER ? (size_t)rest : SOURCE_BUFFER;
	ssize_t got = source->log_fd < 0 ? 0
		: pread(source->log_fd, buffer, most, (off_t)source->at);
	if (got <= 0) {
		/* Cut or removed by somebody: the index still knows how much there was. */
		source->dropped += rest;
		source->at = source->record.end;
		return true;
	}
	source->bytes = buffer;
	source->left = (size_t)got;
	source->at += (uint64_t)got;
	return true;
}

bool source_read(struct source *source, char *buffer, struct log_line *line)
{
	if (source->record.flags & INDEX_GENERATION_END)
		return read_boundary(source, line);
	unsigned number = source->record.flags & INDEX_STREAM_MASK;
	enum log_stream stream = number < LOG_STREAM_COUNT ? (enum log_stream)number : LOG_OUTPUT;
	for (;;) {
		if (!source->left && !fill_buffer(source, buffer))
			return false;
		if (source->left && source->dropped) {
			tell_dropped(source, line);
			return true;
		}
		struct piece piece;
		if (!lines_feed(&source->lines[stream], &source->bytes, &source->left, &piece))
			continue;
		uint64_t last = source->at - source->left - 1;
		fill_line(source, &piece, source->record.seq + (last - source->begin), stream, line);
		return true;
	}
}

bool source_is_live(const struct source *source)
{
	if (source->index_fd >= 0 && index_is_locked(source->index_fd))
		return true;
	/* The writer lets go of a part only after it has the next one. */
	OWNED_FD fd = parts_open_index(&source->parts, 0, O_RDONLY);
	return fd >= 0 && index_is_locked(fd);
}

uint64_t source_last_seq(const struct source *source)
{
	uint64_t seq = 0;
	/* Just after a rotation the current part is missing or empty. */
	for (int number = 0; number <= 2 && !seq; number++) {
		OWNED_FD fd = parts_open_index(&source->parts, number, O_RDONLY);
		struct index_record last;
		off_t end;
		if (fd >= 0 && !index_last(fd, &last, &end))
			seq = last.seq;
	}
	return seq;
}

static void forget_lines(struct source *source)
{
	for (int i = 0; i < LOG_STREAM_COUNT; i++)
		lines_release(&source->lines[i]);
	source->loaded = false;
	source->part_ended = false;
	source->left = 0;
	source->dropped = 0;
	source->delivered = 0;
	source->ahead_at = source->ahead_count = 0;
}

void source_rewind(struct source *source)
{
	forget_lines(source);
	struct found_part found = find_part(source, 0, UINT64_MAX, true);
	if (found.index_fd >= 0)
		enter_part(source, &found);
}

static void to_part_end(struct source *source)
{
	struct index_record last;
	if (index_last(source->index_fd, &last, &source->record_at))
		source->record_at = INDEX_HEADER_SIZE;
	else
		source->covered = last.end;
}

void source_to_end(struct source *source)
{
	forget_lines(source);
	struct found_part found = find_part(source, 0, UINT64_MAX, false);
	if (found.index_fd < 0)
		return;
	enter_part(source, &found);
	to_part_end(source);
}

bool source_back(struct source *source)
{
	while (source->index_fd >= 0 && source->record_at <= INDEX_HEADER_SIZE) {
		struct found_part found = find_part(source, 0, source->part, false);
		if (found.index_fd < 0)
			return false;
		enter_part(source, &found);
		to_part_end(source);
	}
	if (source->index_fd < 0)
		return false;
	struct index_record pair[2] = {0};
	bool first = source->record_at == INDEX_HEADER_SIZE + INDEX_RECORD_SIZE;
	ssize_t wanted = first ? 1 : 2;
	off_t from = source->record_at - wanted * INDEX_RECORD_SIZE;
	if (index_read(source->index_fd, from, first ? pair + 1 : pair, (size_t)wanted) != wanted)
		return false;
	source->record_at -= INDEX_RECORD_SIZE;
	source->record = pair[1];
	source->begin = source->covered = pair[0].end;
	return true;
}

size_t source_count(const struct source *source, char *buffer)
{
	size_t count = 0;
	uint64_t at = source->begin;
	while (source->log_fd >= 0 && at < source->record.end) {
		uint64_t rest = source->record.end - at;
		size_t most = rest < SOURCE_BUFFER ? (size_t)rest : SOURCE_BUFFER;
		ssize_t got = pread(source->log_fd, buffer, most, (off_t)at);
		if (got <= 0)
			break;
		const char *from = buffer;
		const char *end = buffer + got;
		while ((from = memchr(from, '\n', (size_t)(end - from)))) {
			from++;
			count++;
		}
		at += (uint64_t)got;
	}
	return count;
}

struct source_place source_tell(const struct source *source)
{
	return (struct source_place){
		source->index_fd < 0 ? 0 : source->part, source->record_at, source->covered};
}

void source_seek(struct source *source, const struct source_place *place)
{
	forget_lines(source);
	if (!place->part) {
		source->part = 0;
		close_part(source);
		return;
	}
	if (source->part != place->part) {
		struct found_part found = find_part(source, place->part - 1, UINT64_MAX, true);
		if (found.index_fd < 0)
			return;
		enter_part(source, &found);
	}
	if (source->part == place->part) {
		source->record_at = place->record_at;
		source->covered = place->covered;
	}
}
