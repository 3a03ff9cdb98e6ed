/* rooms: base model logs */
/*
 * A log and its index as they may lie there after a crash, a full disk or somebody's editor. Parts divided
 * by lines "%%": the log, the index, the log rotated away, its index. An index that begins with '#' is
 * written well, a byte a record (how many bytes, low six bits; 0x40: the end of a generation; 0x80: time
 * goes back); any other one is taken as it is. Readers deliver each byte at most once, from the end as from
 * the beginning, and come to an end.
 */
#include <fcntl.h>
#include <unistd.h>

#include "base/own.h"
#include "fuzz.h"
#include "logs/lines.h"
#include "logs/reader.h"

enum { TAIL = 5 };

static void write_well(const char *path, struct tape part, uint64_t number, bool rotated)
{
	struct index_record record = {.time_ms = 1767323045678, .seq = 1000 * number, .generation = 1};
	struct index_header header = {.part = number, .time_ms = record.time_ms};
	OWNED_FD fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	MUST(fd >= 0 && !index_write_header(fd, &header));
	off_t at = INDEX_HEADER_SIZE;
	for (; part.left; at += INDEX_RECORD_SIZE) {
		uint8_t byte = tape_byte(&part);
		uint64_t begin = record.end;
		record.seq = index_next_seq(&record, begin);
		record.end += byte & 0x40 ? 0 : byte & 0x3f;
		record.flags = byte & 0x40 ? INDEX_GENERATION_END : byte % LOG_STREAM_COUNT;
		record.generation += !!(byte & 0x40);
		record.time_ms += byte & 0x80 ? -5 : 3;
		MUST(!index_write(fd, at, &record));
	}
	if (rotated) {
		record.flags = INDEX_PART_END;
		MUST(!index_write(fd, at, &record));
	}
}

static void write_index(const char *name, struct tape part, uint64_t number)
{
	char path[256];
	scratch_write(name, part);
	snprintf(path, sizeof path, "%s/%s", scratch(), name);
	if (!part.left || *part.at != '#')
		return;
	(void)tape_byte(&part);
	write_well(path, part, number, number == 1);
}

struct sum {
	size_t lines;
	size_t bytes;
};

static struct sum read_all(int64_t tail, bool follow, size_t most)
{
	char directory[256];
	struct error e = {0};
	struct log_line line;
	struct sum sum = {0};
	snprintf(directory, sizeof directory, "%s/logs", scratch());
	const struct log_reader_options options = {
		.directory = directory, .tail = tail, .follow = follow};
	struct log_reader *reader = log_reader_open(&options, &e);
	MUST(reader);
	for (int pass = 0; pass < 2; pass++) {
		while (log_reader_next(reader, &line)) {
			MUST(line.length <= LINES_MOST);
			MUST(!memchr(line.bytes, '\n', line.length));
			sum.lines += !line.dropped;
			sum.bytes += line.length;
			MUST(sum.lines <= most + 2 && sum.bytes <= most);
		}
		if (follow)
			log_reader_finish(reader);
	}
	log_reader_free(reader);
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tape tape = tape_of(data, size);
	struct tape log = tape_part(&tape), index = tape_part(&tape);
	struct tape old_log = tape_part(&tape), old_index = tape_part(&tape);
	size_t most = log.left + old_log.left;
	scratch_write("logs/api.log", log);
	scratch_write("logs/api.log.1", old_log);
	write_index("logs/api.idx", index, 2);
	write_index("logs/api.idx.1", old_index, 1);
	struct sum all = read_all(-1, false, most);
	struct sum tail = read_all(TAIL, false, most);
	MUST(tail.lines <= TAIL && tail.lines <= all.lines && tail.bytes <= all.bytes);
	read_all(-1, true, most);
	return 0;
}
