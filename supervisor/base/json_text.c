#include "base/json_text.h"

#include <stdint.h>
#include <string.h>

#include "base/utf8.h"

static bool is_plain(char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* Beyond the first plane a character is two units of UTF-16. */
static void add_escape(struct text *out, uint32_t point)
{
	if (point >= 0x10000) {
		point -= 0x10000;
		text_addf(out, "\\u%04x", (unsigned)(0xd800 + (point >> 10)));
		point = 0xdc00 + (point & 0x3ff);
	}
	text_addf(out, "\\u%04x", (unsigned)point);
}

/* One character that is not plain; returns its length. RFC 8259, section 7. */
static size_t add_one(struct text *out, const char *at, size_t left)
{
	static const char letters[] = {
		['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
	uint32_t point;
	size_t length = utf8_decode(at, left, &point);
	if (!length) {
		text_add_char(out, '?');
		return 1;
	}
	bool quoted = *at == '"' || *at == '\\';
	bool has_letter = point < sizeof letters && letters[point];
	if (quoted || has_letter) {
		text_add_char(out, '\\');
		text_add_char(out, quoted ? *at : letters[point]);
	} else {
		add_escape(out, point);
	}
	return length;
}

void json_text_add(struct text *out, const char *string)
{
	if (!string) {
		text_add(out, "null");
		return;
	}
	size_t left = strlen(string);
	text_add_char(out, '"');
	while (left) {
		size_t length = 0;
		while (length < left && is_plain(string[length]))
			length++;
		if (length)
			text_add_bytes(out, string, length);
		else
			length = add_one(out, string, left);
		string += length;
		left -= length;
	}
	text_add_char(out, '"');
}

/* None is due at the beginning, and behind a comma that was written with the end of a line. */
static void add_comma(struct text *out)
{
	if (out->length && !strchr("{[,\n ", out->data[out->length - 1]))
		text_add_char(out, ',');
}

static void begin(struct text *out, const char *key)
{
	add_comma(out);
	if (!key)
		return;
	json_text_add(out, key);
	text_add_char(out, ':');
}

void json_text_string(struct text *out, const char *key, const char *value)
{
	begin(out, key);
	json_text_add(out, value);
}

void json_text_number(struct text *out, const char *key, int64_t value)
{
	begin(out, key);
	if (value < 0)
		text_add_char(out, '-');
	text_add_number(out, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void json_text_decimal(struct text *out, const char *key, double value, int digits)
{
	begin(out, key);
	text_addf(out, "%.*f", digits, value);
}

void json_text_boolean(struct text *out, const char *key, bool value)
{
	begin(out, key);
	text_add(out, value ? "true" : "false");
}

void json_text_open(struct text *out, const char *key, char bracket)
{
	begin(out, key);
	text_add_char(out, bracket);
}

void json_text_close(struct text *out, char bracket)
{
	text_add_char(out, bracket);
}

void json_text_line(struct text *out, int indent)
{
	add_comma(out);
	text_addf(out, "\n%*s", indent, "");
}
