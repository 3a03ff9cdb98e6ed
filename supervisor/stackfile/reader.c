#include "stackfile/reader.h"

#include <ini.h>
#include <string.h>

#include "base/text.h"
#include "base/utf8.h"
#include "model/names.h"

enum line_kind { LINE_NOTHING, LINE_SECTION, LINE_KEY, LINE_CONTINUATION };

struct reader {
	const struct reader_sink *sink;
	const char *at; /* the next physical line */
	const char *end;
	int line; /* number of the line that was read last */

	/* what inih still has to get of that line; it asks in pieces of its own size */
	const char *give;
	size_t give_length;

	enum line_kind kind; /* of that line */
	bool has_section;
	bool has_entry; /* an entry is being collected: continuation lines belong to it */
	int entry_line;
	struct text key;
	struct text value;
	struct text scratch;
};

/* One line of the text, without its end. */
struct span {
	const char *start;
	size_t length;
};

#define COMPLAIN(r, ...)                                                                           \
	complaint_error((r)->sink->complaints, (r)->sink->label, (r)->line, __VA_ARGS__)
#define HINT(r, ...)     complaint_hint((r)->sink->complaints, __VA_ARGS__)

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\v' || c == '\f';
}

static struct span trimmed(const char *start, const char *end)
{
	while (start < end && is_blank(*start))
		start++;
	while (end > start && is_blank(end[-1]))
		end--;
	return (struct span){start, (size_t)(end - start)};
}

static bool bytes_are_fine(struct reader *r, struct span line)
{
	size_t fine = utf8_text_span(line.start, line.length);
	const char *carriage = memchr(line.start, '\r', fine);
	if (carriage) {
		COMPLAIN(r, NULL, "a carriage return inside the line, in column %td",
			carriage - line.start + 1);
		HINT(r, "end lines with a newline, or a carriage return and a newline");
		return false;
	}
	if (fine == line.length)
		return true;
	unsigned char byte = (unsigned char)line.start[fine];
	if (byte)
		COMPLAIN(r, NULL, "byte 0x%02x in column %zu is not UTF-8", byte, fine + 1);
	else
		COMPLAIN(r, NULL, "a NUL byte in column %zu", fine + 1);
	HINT(r, "save the file as UTF-8 text");
	return false;
}

static void finish_entry(struct reader *r)
{
	if (r->has_entry)
		r->sink->on_entry(r->sink->self, r->entry_line, text_string(&r->key),
			text_string(&r->value));
	r->has_entry = false;
}

static bool take_section(struct reader *r, struct span line)
{
	finish_entry(r);
	const char *end = line.start + line.length;
	const char *close = memchr(line.start, ']', line.length);
	if (!close) {
		COMPLAIN(r, NULL, "the section is not closed");
		HINT(r, "end the line with ']'");
		return false;
	}
	struct span rest = trimmed(close + 1, end);
	if (rest.length) {
		COMPLAIN(r, NULL, "text behind the section's ']'");
		HINT(r, "give it a line of its own");
		return false;
	}
	struct span name = trimmed(line.start + 1, close);
	if (!name.length) {
		COMPLAIN(r, NULL, "a section without a name");
		HINT(r, "write for example [service web]");
		return false;
	}
	text_clear(&r->scratch);
	text_add_bytes(&r->scratch, name.start, name.length);
	r->sink->on_section(r->sink->self, r->line, text_string(&r->scratch));
	return true;
}

static bool is_key_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		c == '_' || c == '-' || c == '.';
}

static bool key_is_fine(struct reader *r, struct span key)
{
	if (!key.length) {
		COMPLAIN(r, NULL, "nothing before the '='");
		HINT(r, "write 'key = value'");
		return false;
	}
	if (key.length > KEY_MOST) {
		COMPLAIN(r, NULL, "a key of %zu bytes", key.length);
		HINT(r, "keys have at most %d", KEY_MOST);
		return false;
	}
	for (size_t i = 0; i < key.length; i++) {
		if (is_key_char(key.start[i]))
			continue;
		COMPLAIN(r, NULL, "'%.*s' is not a key", (int)key.length, key.start);
		HINT(r, "keys are letters, digits, '.', '_' and '-'");
		return false;
	}
	return true;
}

static bool take_key(struct reader *r, struct span line)
{
	finish_entry(r);
	const char *end = line.start + line.length;
	const char *separator = line.start;
	while (separator < end && *separator != '=' && *separator != ':')
		separator++;
	if (separator == end) {
		int shown = line.length > 40 ? 40 : (int)line.length;
		COMPLAIN(r, NULL, "'%.*s%s' is neither a section nor a key with a value", shown,
			line.start, line.length > 40 ? "..." : "");
		HINT(r, "write 'key = value'");
		return false;
	}
	struct span key = trimmed(line.start, separator);
	if (*separator == ':') {
		COMPLAIN(r, NULL, "':' does not separate a key from its value");
		HINT(r, "write '%.*s = ...'", key.length > 40 ? 40 : (int)key.length, key.start);
		return false;
	}
	if (!key_is_fine(r, key))
		return false;
	text_clear(&r->key);
	text_add_bytes(&r->key, key.start, key.length);
	text_clear(&r->value);
	if (!r->has_section) {
		COMPLAIN(r, text_string(&r->key), "'%s' stands before the first section",
			text_string(&r->key));
		HINT(r, "put it below [stack] or [service NAME]");
		return false;
	}
	r->entry_line = r->line;
	r->has_entry = true;
	return true;
}

/* "[service web]" and the like; a line of JSON such as ["a", "b"] is a value. */
static bool looks_like_section(struct span line)
{
	if (line.length < 3 || line.start[0] != '[' || line.start[line.length - 1] != ']')
		return false;
	if (line.start[1] < 'a' || line.start[1] > 'z')
		return false;
	for (size_t i = 1; i + 1 < line.length; i++) {
		char c = line.start[i];
		if (!is_key_char(c) && c != ' ' && c != '@')
			return false;
	}
	return true;
}

static bool looks_like_key(struct reader *r, struct span line)
{
	const char *equals = memchr(line.start, '=', line.length);
	if (!equals)
		return false;
	struct span key = trimmed(line.start, equals);
	if (!key.length || key.length > KEY_MOST)
		return false;
	for (size_t i = 0; i < key.length; i++)
		if (!is_key_char(key.start[i]))
			return false;
	text_clear(&r->scratch);
	text_add_bytes(&r->scratch, key.start, key.length);
	return r->sink->is_key(r->sink->self, text_string(&r->scratch));
}

static bool take_indented(struct reader *r, struct span line)
{
	const char *what = looks_like_section(line) ? "a section"
		: looks_like_key(r, line)           ? "a key"
						    : NULL;
	if (what) {
		finish_entry(r);
		COMPLAIN(r, NULL, "an indented line that looks like %s", what);
		HINT(r,
			"sections and keys start in the first column; only values go on over "
			"indented "
			"lines");
		return false;
	}
	if (!r->has_entry) {
		COMPLAIN(r, NULL, "an indented line with no value above that it could continue");
		HINT(r, "keys start in the first column");
		return false;
	}
	return true;
}

/* What this line is; false when inih must not see it. */
static bool take_line(struct reader *r, struct span line)
{
	r->kind = LINE_NOTHING;
	struct span content = trimmed(line.start, line.start + line.length);
	if (line.length > LINE_MOST) {
		finish_entry(r);
		COMPLAIN(r, NULL, "a line of %zu bytes", line.length);
		HINT(r, "lines have at most %d; go on over indented lines", LINE_MOST);
		return false;
	}
	if (!bytes_are_fine(r, line))
		return false;
	if (!content.length || *content.start == '#' || *content.start == ';')
		return false;
	if (content.start > line.start) {
		r->kind = LINE_CONTINUATION;
		return take_indented(r, content);
	}
	if (*content.start == '[') {
		r->kind = LINE_SECTION;
		r->has_section = true;
		return take_section(r, content);
	}
	r->kind = LINE_KEY;
	return take_key(r, content);
}

static bool next_line(struct reader *r)
{
	if (r->at >= r->end)
		return false;
	const char *newline = memchr(r->at, '\n', (size_t)(r->end - r->at));
	struct span line = {r->at, (size_t)((newline ? newline : r->end) - r->at)};
	r->at = newline ? newline + 1 : r->end;
	r->line++;
	if (line.length && line.start[line.length - 1] == '\r')
		line.length--;
	bool fine = take_line(r, line);
	r->give = line.start;
	r->give_length = fine ? line.length : 0;
	return true;
}

/*
 * As fgets() for inih, which calls it several times a line while its buffer grows: each call gets a
 * piece, the last one ends with the newline.
 */
static char *read_piece(char *buffer, int size, void *stream)
{
	struct reader *r = stream;
	if (size < 2 || (!r->give && !next_line(r)))
		return NULL;
	size_t room = (size_t)size - 1;
	size_t length = r->give_length < room ? r->give_length : room;
	memcpy(buffer, r->give, length);
	r->give += length;
	r->give_length -= length;
	if (length < room) {
		buffer[length++] = '\n';
		r->give = NULL;
	}
	buffer[length] = '\0';
	return buffer;
}

/* inih's section and name are cut at 49 bytes: only its value counts, the rest is in the reader. */
static int on_value(void *user, const char *section, const char *name, const char *value)
{
	(void)section;
	(void)name;
	struct reader *r = user;
	if (!r->has_entry)
		return 1;
	if (r->kind == LINE_CONTINUATION && r->value.length)
		text_add_char(&r->value, '\n');
	text_add(&r->value, value);
	return 1;
}

/*
 * Debian's library has these as variables of the process, with defaults that cut lines at 200 bytes
 * and values at ' ;'. The two bytes over LINE_MOST are for the newline and the NUL.
 */
static void set_options(void)
{
	ini_allow_multiline = true;
	ini_allow_bom = false;
	ini_allow_inline_comments = false;
	ini_use_stack = false;
	ini_allow_realloc = true;
	ini_max_line = LINE_MOST + 2;
	ini_stop_on_first_error = false;
	ini_allow_no_value = false;
}

static void skip_bom(struct reader *r)
{
	if (r->end - r->at >= 3 && !memcmp(r->at, "\xef\xbb\xbf", 3))
		r->at += 3;
}

static bool is_utf16(const char *text, size_t length)
{
	return length >= 2 && (!memcmp(text, "\xff\xfe", 2) || !memcmp(text, "\xfe\xff", 2));
}

void reader_run(const char *text, size_t length, const struct reader_sink *sink)
{
	if (is_utf16(text, length)) {
		complaint_error(sink->complaints, sink->label, 1, NULL, "the file is UTF-16");
		complaint_hint(sink->complaints, "save it as UTF-8 text");
		return;
	}
	struct reader r = {.sink = sink, .at = text, .end = text + length};
	skip_bom(&r);
	set_options();
	int result = ini_parse_stream(read_piece, &r, on_value, &r);
	finish_entry(&r);
	if (!text_ok(&r.key) || !text_ok(&r.value) || !text_ok(&r.scratch) || result == -2)
		complaint_error(sink->complaints, sink->label, r.line, NULL, "out of memory");
	else if (result)
		complaint_error(sink->complaints, sink->label, result, NULL,
			"this line cannot be read");
	text_release(&r.key);
	text_release(&r.value);
	text_release(&r.scratch);
}
