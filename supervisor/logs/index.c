#include "logs/index.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char magic[8] = {'S', 'T', 'K', 'P', 'L', 'O', 'G', '1'};

enum { CHECK = 0xa55a, BATCH = 64 };

struct raw_header {
	char magic[8];
	uint32_t header_size;
	uint32_t record_size;
	uint64_t part;
	uint64_t inode;
	uint64_t base;
	uint64_t time_ms;
	char zero[16];
};

struct raw_record {
	uint64_t end;
	uint64_t time_ms;
	uint64_t seq;
	uint32_t generation;
	uint16_t flags;
	uint16_t check;
};

_Static_assert(sizeof(struct raw_header) == INDEX_HEADER_SIZE, "header");
_Static_assert(sizeof(struct raw_record) == INDEX_RECORD_SIZE, "record");

const char *log_stream_word(enum log_stream stream)
{
	static const char *const words[] = {
#define X(name, word) [name] = word,
		LOG_STREAMS(X)
#undef X
	};
	return stream < LOG_STREAM_COUNT ? words[stream] : words[LOG_OUTPUT];
}

static uint16_t fold(const struct raw_record *raw)
{
	uint16_t words[INDEX_RECORD_SIZE / 2];
	memcpy(words, raw, sizeof words);
	unsigned sum = 0;
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		sum ^= words[i];
	return (uint16_t)le16toh((uint16_t)sum);
}

static ssize_t pread_all(int fd, void *bytes, size_t length, off_t offset)
{
	size_t done = 0;
	while (done < length) {
		ssize_t got = pread(fd, (char *)bytes + done, length - done, offset + (off_t)done);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (!got)
			break;
		done += (size_t)got;
	}
	return (ssize_t)done;
}

/* All of it or nothing: what a full disk cut off is taken back. */
static int pwrite_all(int fd, const void *bytes, size_t length, off_t offset)
{
	size_t done = 0;
	while (done < length) {
		ssize_t put = pwrite(fd, (const char *)bytes + done, length - done, offset + (off_t)done);
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0) {
			int number = put ? errno : ENOSPC;
			if (done && ftruncate(fd, offset)) {
				/* The next try writes to the same place, and readers see the check. */
			}
			errno = number;
			return -1;
		}
		done += (size_t)put;
	}
	return 0;
}

int index_read_header(int fd, struct index_header *header)
{
	struct raw_header raw;
	ssize_t got = pread_all(fd, &raw, sizeof raw, 0);
	if (got < 0)
		return -1;
	if (got != (ssize_t)sizeof raw || memcmp(raw.magic, magic, sizeof magic) != 0
		|| le32toh(raw.header_size) != INDEX_HEADER_SIZE
		|| le32toh(raw.record_size) != INDEX_RECORD_SIZE) {
		errno = EBADMSG;
		return -1;
	}
	*header = (struct index_header){
		.part = le64toh(raw.part),
		.inode = le64toh(raw.inode),
		.base = le64toh(raw.base),
		.time_ms = (int64_t)le64toh(raw.time_ms),
	};
	return 0;
}

int index_write_header(int fd, const struct index_header *header)
{
	struct raw_header raw = {
		.header_size = htole32(INDEX_HEADER_SIZE),
		.record_size = htole32(INDEX_RECORD_SIZE),
		.part = htole64(header->part),
		.inode = htole64(header->inode),
		.base = htole64(header->base),
		.time_ms = htole64((uint64_t)header->time_ms),
	};
	memcpy(raw.magic, magic, sizeof magic);
	return pwrite_all(fd, &raw, sizeof raw, 0);
}

static bool decode(const struct raw_record *raw, struct index_record *record)
{
	if (fold(raw) != CHECK)
		return false;
	*record = (struct index_record){
		.end = le64toh(raw->end),
		.time_ms = (int64_t)le64toh(raw->time_ms),
		.seq = le64toh(raw->seq),
		.generation = le32toh(raw->generation),
		.flags = le16toh(raw->flags),
	};
	return true;
}

ssize_t index_read(int fd, off_t offset, struct index_record *records, size_t most)
{
	struct raw_record raw[BATCH];
	if (most > BATCH)
		most = BATCH;
	ssize_t got = pread_all(fd, raw, most * sizeof raw[0], offset);
	if (got < 0)
		return -1;
	size_t complete = (size_t)got / sizeof raw[0];
	for (size_t i = 0; i < complete; i++) {
		if (!decode(&raw[i], &records[i]))
			return (ssize_t)i;
	}
	return (ssize_t)complete;
}

int index_write(int fd, off_t offset, const struct index_record *record)
{
	struct raw_record raw = {
		.end = htole64(record->end),
		.time_ms = htole64((uint64_t)record->time_ms),
		.seq = htole64(record->seq),
		.generation = htole32(record->generation),
		.flags = htole16(record->flags),
	};
	raw.check = htole16((uint16_t)(fold(&raw) ^ CHECK));
	return pwrite_all(fd, &raw, sizeof raw, offset);
}

int index_last(int fd, struct index_record *record, off_t *offset)
{
	struct stat st;
	if (fstat(fd, &st))
		return -1;
	*record = (struct index_record){0};
	off_t at = INDEX_HEADER_SIZE;
	if (st.st_size > at)
		at += (st.st_size - at) / INDEX_RECORD_SIZE * INDEX_RECORD_SIZE;
	/* A machine that lost power may have left zeros at the end: look for the last good one. */
	for (; at > INDEX_HEADER_SIZE; at -= INDEX_RECORD_SIZE) {
		ssize_t got = index_read(fd, at - INDEX_RECORD_SIZE, record, 1);
		if (got < 0)
			return -1;
		if (got == 1)
			break;
	}
	*offset = at;
	return 0;
}

int index_lock(int fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
	if (fcntl(fd, F_OFD_SETLK, &lock)) {
		if (errno == EACCES)
			errno = EAGAIN;
		return -1;
	}
	return 0;
}

bool index_is_locked(int fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
	return !fcntl(fd, F_OFD_GETLK, &lock) && lock.l_type != F_UNLCK;
}

uint64_t index_next_seq(const struct index_record *record, uint64_t begin)
{
	uint64_t bytes = record->end > begin ? record->end - begin : 0;
	return record->seq + (bytes ? bytes : INDEX_EMPTY_SEQS);
}
