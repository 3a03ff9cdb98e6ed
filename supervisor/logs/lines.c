#include "logs/lines.h"

#include <string.h>

/* Memory of a long line is given back: several hundred services may each have had one. */
enum { KEEP_CAPACITY = 4096 };

static void drop_taken(struct lines *lines)
{
	if (!lines->taken)
		return;
	bool all = lines->taken >= lines->held.length;
	if (all && !lines->continued && lines->held.capacity > KEEP_CAPACITY)
		text_release(&lines->held);
	else if (all)
		text_clear(&lines->held);
	else
		text_consume(&lines->held, lines->taken);
	lines->taken = 0;
}

static void deliver(struct lines *lines, struct piece *line, const char *bytes, size_t length,
	bool more)
{
	*line = (struct piece){bytes, length, lines->continued, more};
	lines->continued = more;
}

/* A full buffer that was redrawn keeps the last state only; true when that made room. */
static bool drop_overdrawn(struct text *held)
{
	if (held->length < 2)
		return false;
	const char *back = memrchr(held->data, '\r', held->length - 1);
	if (!back)
		return false;
	text_consume(held, (size_t)(back - held->data) + 1);
	return true;
}

/* How much of it can go without cutting a UTF-8 character at the end. */
static size_t whole_characters(const struct text *held)
{
	size_t behind = 1;
	while (behind < 4 && behind < held->length
		&& ((unsigned char)held->data[held->length - behind] & 0xc0) == 0x80)
		behind++;
	unsigned char lead = (unsigned char)held->data[held->length - behind];
	size_t needed = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
	return needed > behind ? held->length - behind : held->length;
}

bool lines_feed(struct lines *lines, const char **bytes, size_t *length, struct piece *line)
{
	drop_taken(lines);
	while (*length) {
		size_t room = LINES_MOST - lines->held.length;
		size_t look = *length <= room ? *length : room + 1;
		const char *newline = memchr(*bytes, '\n', look);
		size_t part = newline ? (size_t)(newline - *bytes) : look < *length ? room : *length;
		if (part > room)
			part = room;
		const char *at = *bytes;
		size_t used = part + (newline != NULL);
		*bytes += used;
		*length -= used;
		if (newline && !lines->held.length) {
			deliver(lines, line, at, part, false);
			return true;
		}
		text_add_bytes(&lines->held, at, part);
		/* Out of memory: what there is goes out as a piece, the rest comes as the next. */
		bool full = lines->held.length >= LINES_MOST || !text_ok(&lines->held);
		if (!newline && (!full || drop_overdrawn(&lines->held)))
			continue;
		bool cut = !newline && lines->held.length > 4;
		lines->taken = cut ? whole_characters(&lines->held) : lines->held.length;
		deliver(lines, line, text_string(&lines->held), lines->taken, !newline);
		return true;
	}
	return false;
}

bool lines_flush(struct lines *lines, struct piece *line)
{
	drop_taken(lines);
	bool any = lines->held.length > 0;
	if (any) {
		lines->taken = lines->held.length;
		deliver(lines, line, lines->held.data, lines->held.length, false);
	}
	lines->continued = false;
	return any;
}

bool lines_are_empty(const struct lines *lines)
{
	return lines->held.length == lines->taken;
}

void lines_release(struct lines *lines)
{
	text_release(&lines->held);
	*lines = (struct lines){0};
}
