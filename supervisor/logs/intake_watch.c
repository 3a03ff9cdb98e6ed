#include "logs/intake_private.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "logs/parts.h"

enum { BLOCK = 16 * 1024, TAIL_MOST = 16 * 1024 };

void intake_watch(struct intake *in, bool (*on_line)(void *self, const char *bytes, size_t length),
	void *self)
{
	for (int i = 0; i < LOG_STREAM_COUNT; i++)
		lines_release(&in->watch[i]);
	in->on_line = on_line;
	in->on_line_self = self;
}

static void hand_on(struct intake *in, const struct piece *piece)
{
	if (!in->on_line(in->on_line_self, piece->bytes, piece->length))
		in->on_line = NULL;
}

void watch_feed(struct intake *in, enum log_stream stream, uint64_t begin, uint64_t end)
{
	char block[BLOCK];
	while (in->on_line && begin < end) {
		size_t most = end - begin < sizeof block ? (size_t)(end - begin) : sizeof block;
		ssize_t got = pread(in->log_fd, block, most, (off_t)begin);
		if (got <= 0)
			return;
		begin += (uint64_t)got;
		const char *at = block;
		size_t left = (size_t)got;
		struct piece piece;
		while (in->on_line && lines_feed(&in->watch[stream], &at, &left, &piece))
			hand_on(in, &piece);
	}
}

/* By then of one stream or of the other: a line is hardly ever of both. */
void intake_watch_since(struct intake *in, uint64_t part, uint64_t indexed,
	bool (*on_line)(void *self, const char *bytes, size_t length), void *self)
{
	intake_watch(in, on_line, self);
	watch_feed(in, LOG_OUTPUT, part == in->part ? indexed : 0, in->indexed);
}

/* Words without a newline at the end of a generation are a line as well. */
void watch_boundary(struct intake *in)
{
	for (int i = 0; i < LOG_STREAM_COUNT; i++) {
		struct piece piece;
		if (lines_flush(&in->watch[i], &piece) && in->on_line)
			hand_on(in, &piece);
	}
}

/* At most TAIL_MOST bytes of [begin, end) from its end. */
static void read_end(int fd, uint64_t begin, uint64_t end, struct text *out)
{
	if (end > begin + TAIL_MOST)
		begin = end - TAIL_MOST;
	char block[BLOCK];
	while (begin < end) {
		size_t most = end - begin < sizeof block ? (size_t)(end - begin) : sizeof block;
		ssize_t got = pread(fd, block, most, (off_t)begin);
		if (got <= 0)
			return;
		text_add_bytes(out, block, (size_t)got);
		begin += (uint64_t)got;
	}
}

static void read_rotated(const struct intake *in, struct text *out)
{
	struct parts parts = {in->pool->directory_fd, in->service, in->elsewhere};
	OWNED_FD fd = parts_open_log(&parts, 1, O_RDONLY);
	off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	if (size > 0)
		read_end(fd, in->tail_before, (uint64_t)size, out);
}

/* Where the last `lines` lines of the text begin; a newline at its very end ends the last one. */
static size_t last_lines(const struct text *text, int lines)
{
	size_t at = text->length;
	while (lines > 0 && at > 0) {
		const char *newline = at > 1 ? memrchr(text->data, '\n', at - 1) : NULL;
		at = newline ? (size_t)(newline - text->data) + 1 : 0;
		lines--;
	}
	return at;
}

void intake_tail(const struct intake *in, int lines, struct text *out)
{
	OWNED_TEXT all = {0};
	if (in->tail_rotated)
		read_rotated(in, &all);
	if (in->log_fd >= 0)
		read_end(in->log_fd, in->tail_begin, in->end, &all);
	if (all.length > TAIL_MOST)
		text_consume(&all, all.length - TAIL_MOST);
	size_t begin = last_lines(&all, lines);
	if (!all.data || begin == all.length)
		return;
	text_add_bytes(out, all.data + begin, all.length - begin);
	if (all.data[all.length - 1] != '\n')
		text_add_char(out, '\n');
}
