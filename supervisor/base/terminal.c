#include "base/terminal.h"

#include <stdint.h>

#include "base/utf8.h"

/* Characters that are drawn as nothing or that reorder what is around them. */
static bool deceives(uint32_t point)
{
	return (point >= 0x200b && point <= 0x200f) || (point >= 0x2028 && point <= 0x202e)
		|| (point >= 0x2060 && point <= 0x2069) || point == 0xfeff || point == 0x061c
		|| point == 0x00ad || (point >= 0xfff9 && point <= 0xfffb)
		|| (point >= 0xe0000 && point <= 0xe007f);
}

static void add_visible(struct text *out, const unsigned char *at, size_t length, uint32_t point)
{
	if (point == 0x1b)
		text_add(out, "\xe2\x90\x9b");
	else if (length == 1)
		text_addf(out, "\\x%02x", at[0]);
	else
		text_addf(out, "\\u{%x}", (unsigned)point);
}

static size_t add_one(struct text *out, const unsigned char *at, size_t left)
{
	uint32_t point = 0;
	size_t length = utf8_decode((const char *)at, left, &point);
	if (!length) {
		text_addf(out, "\\x%02x", at[0]);
		return 1;
	}
	bool control = point < 0x20 || (point >= 0x7f && point < 0xa0);
	if (control || deceives(point))
		add_visible(out, at, length, point);
	else
		text_add_bytes(out, at, length);
	return length;
}

/* Almost everything is plain ASCII: such runs are taken as they are. */
static size_t plain_length(const unsigned char *at, size_t left)
{
	size_t length = 0;
	while (length < left && at[length] >= 0x20 && at[length] < 0x7f)
		length++;
	return length;
}

void terminal_add_strict(struct text *out, const char *bytes, size_t length)
{
	const unsigned char *at = (const unsigned char *)bytes;
	while (length) {
		size_t used = plain_length(at, length);
		if (used)
			text_add_bytes(out, at, used);
		else
			used = add_one(out, at, length);
		at += used;
		length -= used;
	}
}

/* Length of "ESC [ parameters m" at the start, 0 if it is anything else. */
static size_t sgr_length(const unsigned char *at, size_t left)
{
	if (left < 3 || at[0] != 0x1b || at[1] != '[')
		return 0;
	for (size_t i = 2; i < left && i < 64; i++) {
		if (at[i] == 'm')
			return i + 1;
		if (!((at[i] >= '0' && at[i] <= '9') || at[i] == ';' || at[i] == ':'))
			return 0;
	}
	return 0;
}

void terminal_add_line(struct text *out, const char *bytes, size_t length, bool colour)
{
	const unsigned char *at = (const unsigned char *)bytes;
	bool coloured = false;
	while (length) {
		size_t used = sgr_length(at, length);
		if (used) {
			if (colour)
				text_add_bytes(out, at, used);
			coloured |= colour;
		} else if (*at == '\t') {
			text_add_char(out, '\t');
			used = 1;
		} else {
			used = add_one(out, at, length);
		}
		at += used;
		length -= used;
	}
	if (coloured)
		text_add(out, "\x1b[0m");
}

static void add_json_escape(struct text *out, uint32_t point)
{
	if (point < 0x10000) {
		text_addf(out, "\\u%04x", (unsigned)point);
		return;
	}
	point -= 0x10000;
	text_addf(out, "\\u%04x\\u%04x", 0xd800 + (unsigned)(point >> 10),
		0xdc00 + (unsigned)(point & 0x3ff));
}

static size_t add_json_one(struct text *out, const unsigned char *at, size_t left)
{
	uint32_t point = 0;
	size_t length = utf8_decode((const char *)at, left, &point);
	if (!length) {
		text_add(out, "\xef\xbf\xbd");
		return 1;
	}
	if (point == '"' || point == '\\')
		text_addf(out, "\\%c", (char)point);
	else if (point < 0x20 || (point >= 0x7f && point < 0xa0) || deceives(point))
		add_json_escape(out, point);
	else
		text_add_bytes(out, at, length);
	return length;
}

void terminal_add_json(struct text *out, const char *bytes, size_t length)
{
	const unsigned char *at = (const unsigned char *)bytes;
	while (length) {
		size_t used = add_json_one(out, at, length);
		at += used;
		length -= used;
	}
}

const char *colour_on(bool enabled, enum colour colour)
{
	static const char *const codes[] = {[COLOUR_NONE] = "", [COLOUR_RED] = "\x1b[31m",
		[COLOUR_GREEN] = "\x1b[32m", [COLOUR_YELLOW] = "\x1b[33m",
		[COLOUR_BLUE] = "\x1b[34m", [COLOUR_MAGENTA] = "\x1b[35m",
		[COLOUR_CYAN] = "\x1b[36m", [COLOUR_GREY] = "\x1b[90m", [COLOUR_BOLD] = "\x1b[1m"};
	return enabled ? codes[colour] : "";
}

const char *colour_off(bool enabled)
{
	return enabled ? "\x1b[0m" : "";
}

enum colour colour_for(size_t index)
{
	static const enum colour palette[] = {COLOUR_CYAN, COLOUR_GREEN, COLOUR_YELLOW,
		COLOUR_MAGENTA, COLOUR_BLUE};
	return palette[index % (sizeof palette / sizeof palette[0])];
}
