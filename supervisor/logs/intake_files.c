#include "logs/intake_private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/own.h"
#include "logs/parts.h"
#include "logs/pool.h"

static struct parts parts_of(const struct intake *in)
{
	return (struct parts){in->pool->directory_fd, in->service, in->elsewhere};
}

/* What is known of the current pair while it is being opened. */
struct pair_state {
	int index; /* owns; -1: to be made */
	int log; /* owns */
	struct index_header header;
	struct index_record last;
	off_t index_end;
	off_t log_size;
};

static void release(struct pair_state *pair)
{
	own_close(&pair->index);
	own_close(&pair->log);
}

/* A link in our private directory is somebody's trick or mistake: it goes, its target stays. */
static int open_unlinked(struct intake *in, const struct parts *parts, bool is_index, int flags)
{
	int fd = is_index ? parts_open_index(parts, 0, flags) : parts_open_log(parts, 0, flags);
	if (fd >= 0 || errno != ELOOP || (!is_index && in->elsewhere))
		return fd;
	if (is_index)
		parts_remove_index(parts, 0);
	else
		parts_remove_log(parts, 0);
	intake_notice(in, "its log was replaced by a symbolic link; the link was removed");
	return is_index ? parts_open_index(parts, 0, flags) : parts_open_log(parts, 0, flags);
}

/* The index as it is; pair->index stays -1 when a new one has to be made. */
static int open_index(struct intake *in, const struct parts *parts, struct pair_state *pair)
{
	OWNED_FD fd = open_unlinked(in, parts, true, O_RDWR);
	if (fd < 0) {
		if (errno != ENOENT)
			return -1;
		parts_repair(parts);
		return 0;
	}
	if (index_read_header(fd, &pair->header)) {
		if (errno != EBADMSG)
			return -1;
		parts_remove_index(parts, 0);
		return 0;
	}
	if (index_last(fd, &pair->last, &pair->index_end))
		return -1;
	if (pair->last.flags & INDEX_PART_END) {
		parts_repair(parts);
		return parts_shift(parts, in->keep);
	}
	pair->index = take_fd(&fd);
	return 0;
}

static void continue_after(struct index_header *next, uint64_t part, uint64_t base)
{
	if (part < next->part)
		return;
	next->part = part + 1;
	next->base = base;
}

/* The header of the part that comes after everything there has been. */
static void next_header(const struct intake *in, const struct parts *parts,
	const struct pair_state *pair, struct index_header *next)
{
	*next = (struct index_header){0};
	if (in->part)
		continue_after(next, in->part, in->base + in->end);
	if (pair->header.part)
		continue_after(next, pair->header.part, pair->header.base + pair->last.end);
	OWNED_FD fd = parts_open_index(parts, 1, O_RDONLY);
	struct index_header header;
	struct index_record last;
	off_t end;
	if (fd >= 0 && !index_read_header(fd, &header) && !index_last(fd, &last, &end))
		continue_after(next, header.part, header.base + last.end);
	/* Nothing is left: still higher than what a reader may have seen before it was removed. */
	if (!next->part)
		next->part = (uint64_t)clock_wall_ms();
}

static int make_index(struct intake *in, const struct parts *parts, struct pair_state *pair,
	ino_t log_inode)
{
	struct index_header header;
	next_header(in, parts, pair, &header);
	header.inode = log_inode;
	header.time_ms = clock_wall_ms();
	pair->index = parts_open_index(parts, 0, O_RDWR | O_CREAT | O_EXCL);
	if (pair->index < 0)
		return -1;
	if (index_write_header(pair->index, &header)) {
		int number = errno;
		parts_remove_index(parts, 0);
		errno = number;
		return -1;
	}
	pair->header = header;
	pair->last = (struct index_record){0};
	pair->index_end = INDEX_HEADER_SIZE;
	return 0;
}

static int open_pair(struct intake *in, struct pair_state *pair)
{
	struct parts parts = parts_of(in);
	if (open_index(in, &parts, pair))
		return -1;
	pair->log = open_unlinked(in, &parts, false, O_RDWR | O_CREAT);
	struct stat st;
	if (pair->log < 0 || fstat(pair->log, &st))
		return -1;
	/* Somebody replaced or cut the log: the old index speaks of bytes that are gone. */
	bool stale = pair->index >= 0
		&& (pair->header.inode != st.st_ino || (uint64_t)st.st_size < pair->last.end);
	if (stale) {
		own_close(&pair->index);
		parts_remove_index(&parts, 0);
	}
	if (pair->index < 0 && make_index(in, &parts, pair, st.st_ino))
		return -1;
	/* Half a record, or zeros after a power cut. */
	if (ftruncate(pair->index, pair->index_end))
		return -1;
	/* Only readers look at the lock; the instance has a lock of its own against a second writer. */
	(void)index_lock(pair->index);
	pair->log_size = lseek(pair->log, 0, SEEK_END);
	return pair->log_size < 0 ? -1 : 0;
}

static int64_t written_ms(const struct pair_state *pair)
{
	struct stat st;
	if (fstat(pair->log, &st))
		return pair->last.time_ms;
	int64_t time_ms = st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
	return time_ms < pair->last.time_ms ? pair->last.time_ms : time_ms;
}

/* Bytes that nobody indexed (index.h, rule 3). If this fails, the next commit takes them along. */
static void index_tail(struct intake *in, const struct pair_state *pair)
{
	struct index_record record = {
		.end = in->end,
		.time_ms = written_ms(pair),
		.seq = in->pool->seq,
		.generation = pair->last.generation,
		.flags = (uint16_t)(LOG_OUTPUT | INDEX_RECOVERED),
	};
	if (index_write(pair->index, in->index_end, &record))
		return;
	in->index_end += INDEX_RECORD_SIZE;
	in->pool->seq += in->end - in->indexed;
	in->indexed = in->end;
}

static void adopt(struct intake *in, struct pair_state *pair)
{
	bool first = !in->part;
	in->part = pair->header.part;
	in->base = pair->header.base;
	in->index_end = pair->index_end;
	in->indexed = pair->last.end;
	in->end = (uint64_t)pair->log_size;
	in->pending = LOG_OUTPUT;
	bool ended = in->end == 0
		|| (in->end == in->indexed && (pair->last.flags & INDEX_GENERATION_END));
	if (in->end > in->indexed)
		index_tail(in, pair);
	if (first) {
		in->tail_begin = in->boundary = in->end;
		in->ending = !ended;
		in->ended = pair->last.generation;
	}
	in->log_fd = take_fd(&pair->log);
	in->index_fd = take_fd(&pair->index);
}

int files_open(struct intake *in)
{
	struct pair_state pair = {.index = -1, .log = -1};
	int result = open_pair(in, &pair);
	if (result && errno == ENOENT && !pool_reopen(in->pool)) {
		release(&pair);
		pair = (struct pair_state){.index = -1, .log = -1};
		struct parts parts = parts_of(in);
		result = in->elsewhere ? parts_write_elsewhere(&parts) : 0;
		result = result ? -1 : open_pair(in, &pair);
	}
	if (result) {
		int number = errno;
		release(&pair);
		errno = number;
		return -1;
	}
	adopt(in, &pair);
	if (in->pool->hooks.on_file)
		in->pool->hooks.on_file(in->pool->hooks.self, in);
	return 0;
}

/* The lock on the old index goes only after there is one on the new (index.h, rule 5). */
static int begin_part(struct intake *in)
{
	int old_index = take_fd(&in->index_fd);
	own_close(&in->log_fd);
	int result = files_open(in);
	int number = errno;
	own_close(&old_index);
	errno = number;
	return result;
}

static int write_part_end(struct intake *in, int64_t time_ms)
{
	struct index_record record = {
		.end = in->end,
		.time_ms = time_ms,
		.seq = in->pool->seq,
		.generation = in->generation,
		.flags = INDEX_PART_END,
	};
	if (index_write(in->index_fd, in->index_end, &record))
		return -1;
	in->pool->seq += INDEX_EMPTY_SEQS;
	return 0;
}

/* The files change, the generation goes on. */
static void move_tail(struct intake *in)
{
	bool quiet = in->boundary == in->end;
	in->tail_before = in->tail_rotated ? 0 : in->tail_begin;
	in->tail_rotated = true;
	in->tail_begin = 0;
	in->boundary = quiet ? 0 : INTAKE_NOWHERE;
}

int files_rotate(struct intake *in, int64_t time_ms)
{
	if (write_part_end(in, time_ms))
		return -1;
	move_tail(in);
	in->pool->all_current = false;
	return begin_part(in);
}

int files_check(struct intake *in, int64_t time_ms)
{
	if (in->log_fd < 0)
		return files_open(in);
	struct stat log;
	struct stat index;
	if (fstat(in->log_fd, &log) || fstat(in->index_fd, &index))
		return -1;
	bool cut = (uint64_t)log.st_size < in->end;
	if (log.st_nlink && index.st_nlink && !cut)
		return 0;
	intake_notice(in, "its log file was %s; output goes on in a new one",
		!log.st_nlink || !index.st_nlink ? "removed" : "cut");
	/* Readers that still have the old pair open learn that it goes on elsewhere. */
	(void)intake_commit(in, time_ms);
	(void)write_part_end(in, time_ms);
	move_tail(in);
	in->tail_rotated = false;
	struct parts parts = parts_of(in);
	/*
	 * A cut log gets a new file as well: in the old one, readers that come late would take new
	 * bytes for old ones.
	 */
	if (log.st_nlink && log.st_size) {
		(void)parts_shift(&parts, in->keep);
	} else {
		parts_remove_index(&parts, 0);
		parts_remove_log(&parts, 0);
	}
	return begin_part(in);
}
