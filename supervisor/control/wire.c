#include "control/wire.h"

#include <stdint.h>
#include <string.h>

#include "base/terminal.h"

/* Room for two whole frames: whoever feeds takes frames out before it feeds on. */
static const size_t WAITING_MOST = 2 * ((size_t)FRAME_HEADER + FRAME_MOST);

static size_t waiting_bytes(const struct frame_reader *reader)
{
	return reader->buffer.length - reader->start;
}

bool frame_feed(struct frame_reader *reader, const void *bytes, size_t count)
{
	if (waiting_bytes(reader) + count > WAITING_MOST)
		return false;
	if (reader->start) {
		text_consume(&reader->buffer, reader->start);
		reader->start = 0;
	}
	text_add_bytes(&reader->buffer, bytes, count);
	return text_ok(&reader->buffer);
}

/* Only with FRAME_HEADER bytes at least. */
static size_t frame_length(const struct frame_reader *reader)
{
	unsigned char b[FRAME_HEADER];
	memcpy(b, reader->buffer.data + reader->start, sizeof b);
	return (size_t)b[0] << 24 | (size_t)b[1] << 16 | (size_t)b[2] << 8 | (size_t)b[3];
}

bool frame_waiting(const struct frame_reader *reader)
{
	if (waiting_bytes(reader) < FRAME_HEADER)
		return false;
	size_t length = frame_length(reader);
	return length > FRAME_MOST || waiting_bytes(reader) >= FRAME_HEADER + length;
}

bool frame_begun(const struct frame_reader *reader)
{
	return waiting_bytes(reader) > 0;
}

enum frame_result frame_next(struct frame_reader *reader, json_t **object, struct error *e)
{
	if (!frame_waiting(reader))
		return FRAME_PARTIAL;
	size_t length = frame_length(reader);
	if (length > FRAME_MOST) {
		fail(e, EXIT_FAILED, "a frame of %zu bytes is over the limit of %d", length,
			(int)FRAME_MOST);
		return FRAME_BAD;
	}
	json_t *parsed = frame_parse(
		reader->buffer.data + reader->start + FRAME_HEADER, length, e);
	if (!parsed)
		return FRAME_BAD;
	reader->start += FRAME_HEADER + length;
	if (reader->start == reader->buffer.length) {
		/* A big frame's memory is not kept for a client that goes idle. */
		if (reader->buffer.capacity > (size_t)64 * 1024)
			text_release(&reader->buffer);
		text_clear(&reader->buffer);
		reader->start = 0;
	}
	*object = parsed;
	return FRAME_READY;
}

void frame_reader_release(struct frame_reader *reader)
{
	text_release(&reader->buffer);
	reader->start = 0;
}

struct dump {
	struct text *out; /* borrows */
	size_t most; /* length it may reach */
};

static int on_dump(const char *bytes, size_t count, void *data)
{
	struct dump *dump = data;
	if (dump->out->length + count > dump->most)
		return -1;
	text_add_bytes(dump->out, bytes, count);
	return text_ok(dump->out) ? 0 : -1;
}

int frame_encode(const json_t *object, struct text *out, struct error *e)
{
	size_t before = out->length;
	size_t body = before + FRAME_HEADER;
	struct dump dump = {.out = out, .most = body + FRAME_MOST};
	text_add_bytes(out, "\0\0\0\0", FRAME_HEADER);
	if (!text_ok(out) || json_dump_callback(object, on_dump, &dump, JSON_COMPACT) < 0) {
		text_cut(out, before);
		return text_ok(out)
			? fail(e, EXIT_FAILED, "a frame over the limit of %d bytes", (int)FRAME_MOST)
			: fail(e, EXIT_FAILED, "out of memory while writing a frame");
	}
	size_t length = out->length - body;
	for (size_t i = 0; i < FRAME_HEADER; i++)
		out->data[before + i] = (char)(length >> (24 - 8 * i) & 0xff);
	return 0;
}

/* ---- the scan before the parser ---- */

struct scan {
	const char *at;
	const char *end;
	size_t depth;
	size_t values;
};

/* Past the string that starts at s->at, its quotes included. */
static void skip_string(struct scan *s)
{
	for (s->at++; s->at < s->end; s->at++) {
		if (*s->at == '\\')
			s->at++;
		else if (*s->at == '"')
			break;
	}
	s->at = s->at < s->end ? s->at + 1 : s->end;
}

static bool skip_number(struct scan *s)
{
	const char *first = s->at;
	while (s->at < s->end && *s->at && strchr("+-.0123456789eE", *s->at))
		s->at++;
	return s->at - first <= FRAME_NUMBER_MOST;
}

static int scan_one(struct scan *s, struct error *e)
{
	switch (*s->at) {
	case '[':
	case '{':
		if (++s->depth > FRAME_DEPTH_MOST)
			return fail(e, EXIT_FAILED, "JSON nested deeper than %d", (int)FRAME_DEPTH_MOST);
		s->values++;
		s->at++;
		return 0;
	case ']':
	case '}':
		s->depth -= s->depth > 0;
		s->at++;
		return 0;
	case ',':
		s->values++;
		s->at++;
		return 0;
	case '"':
		skip_string(s);
		return 0;
	default:
		if (*s->at == '-' || (*s->at >= '0' && *s->at <= '9'))
			return skip_number(s)
				? 0
				: fail(e, EXIT_FAILED, "a number of more than %d characters",
					  (int)FRAME_NUMBER_MOST);
		s->at++;
		return 0;
	}
}

static int scan_limits(const char *bytes, size_t length, struct error *e)
{
	struct scan s = {.at = bytes, .end = bytes + length};
	while (s.at < s.end) {
		if (scan_one(&s, e) < 0)
			return -1;
		if (s.values > FRAME_VALUES_MOST)
			return fail(e, EXIT_FAILED, "more than %d JSON values in a frame",
				(int)FRAME_VALUES_MOST);
	}
	return 0;
}

json_t *frame_parse(const char *bytes, size_t length, struct error *e)
{
	if (scan_limits(bytes, length, e) < 0)
		return NULL;
	json_error_t why;
	json_t *parsed = json_loadb(bytes, length, JSON_REJECT_DUPLICATES, &why);
	if (!parsed) {
		fail(e, EXIT_FAILED, "invalid JSON in a frame: %s", why.text);
		return NULL;
	}
	if (!json_is_object(parsed)) {
		json_decref(parsed);
		fail(e, EXIT_FAILED, "a frame must be a JSON object");
		return NULL;
	}
	return parsed;
}

/* ---- base64, RFC 4648 section 4 ---- */

static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void encode_group(struct text *out, const unsigned char *bytes, size_t count)
{
	uint32_t bits = (uint32_t)bytes[0] << 16;
	if (count > 1)
		bits |= (uint32_t)bytes[1] << 8;
	if (count > 2)
		bits |= bytes[2];
	const char group[4] = {DIGITS[bits >> 18], DIGITS[bits >> 12 & 63],
		count > 1 ? DIGITS[bits >> 6 & 63] : '=', count > 2 ? DIGITS[bits & 63] : '='};
	text_add_bytes(out, group, sizeof group);
}

json_t *wire_text(const char *bytes, size_t length)
{
	OWNED_TEXT visible = {0};
	json_t *string = json_stringn(bytes, length);
	if (string)
		return string;
	terminal_add_strict(&visible, bytes, length);
	return json_stringn(text_string(&visible), visible.length);
}

json_t *wire_string(const char *string)
{
	return wire_text(string, strlen(string));
}

json_t *wire_pack(const void *bytes, size_t length)
{
	OWNED_TEXT out = {0};
	const unsigned char *b = bytes;
	for (size_t i = 0; i < length; i += 3)
		encode_group(&out, b + i, length - i < 3 ? length - i : 3);
	return text_ok(&out) ? json_stringn(text_string(&out), out.length) : NULL;
}

static int digit_value(char c)
{
	const char *found = c ? strchr(DIGITS, c) : NULL;
	return found ? (int)(found - DIGITS) : -1;
}

/* Four characters to one to three bytes; 0 when they are not base64. */
static size_t decode_group(const char *group, bool last, char bytes[3])
{
	size_t padding = 0;
	if (last && group[3] == '=')
		padding = group[2] == '=' ? 2 : 1;
	uint32_t bits = 0;
	for (size_t i = 0; i < 4; i++) {
		int value = i < 4 - padding ? digit_value(group[i]) : 0;
		if (value < 0)
			return 0;
		bits = bits << 6 | (uint32_t)value;
	}
	bytes[0] = (char)(bits >> 16 & 0xff);
	bytes[1] = (char)(bits >> 8 & 0xff);
	bytes[2] = (char)(bits & 0xff);
	return 3 - padding;
}

bool wire_unpack(const json_t *packed, struct text *out)
{
	if (!json_is_string(packed))
		return false;
	const char *string = json_string_value(packed);
	size_t length = json_string_length(packed);
	if (length % 4)
		return false;
	size_t before = out->length;
	for (size_t i = 0; i < length; i += 4) {
		char bytes[3];
		size_t count = decode_group(string + i, i + 4 == length, bytes);
		if (!count) {
			text_cut(out, before);
			return false;
		}
		text_add_bytes(out, bytes, count);
	}
	return text_ok(out);
}

json_t *wire_pack_environment(char *const *environment)
{
	OWNED_TEXT block = {0};
	for (; environment && *environment; environment++)
		text_add_bytes(&block, *environment, strlen(*environment) + 1);
	return text_ok(&block) ? wire_pack(text_string(&block), block.length) : NULL;
}

bool wire_unpack_environment(const json_t *packed, struct text *out, size_t *count)
{
	size_t before = out->length;
	if (!wire_unpack(packed, out))
		return false;
	*count = 0;
	for (size_t i = before; i < out->length; i++)
		*count += out->data[i] == '\0';
	if (out->length == before || out->data[out->length - 1] == '\0')
		return true;
	text_cut(out, before);
	return false;
}
