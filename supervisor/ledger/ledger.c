#include "ledger/ledger.h"

#include <string.h>

#include "base/utf8.h"
#include "base/words.h"
#include "ledger/csv.h"
#include "ledger/json.h"
#include "ledger/markdown.h"

WORDS(ledger_format_word, ledger_format, LEDGER_FORMATS)

int ledger_format_parse(const char *word, enum ledger_format *format, struct error *e)
{
#define X(name, text)                                                                              \
	if (!strcmp(word, text)) {                                                                 \
		*format = name;                                                                    \
		return 0;                                                                          \
	}
	LEDGER_FORMATS(X)
#undef X
	if (!strcmp(word, "md")) {
		*format = LEDGER_MARKDOWN;
		return 0;
	}
	fail(e, EXIT_USAGE, "unknown format '%s'", word);
	error_hint(e, "json, markdown or csv");
	return -1;
}

/* The row of dashes below the heading of a markdown table. */
static bool has_dashes(const char *content, size_t length)
{
	const char *end = content + length;
	while (content < end) {
		const char *newline = memchr(content, '\n', (size_t)(end - content));
		const char *stop = newline ? newline : end;
		bool bar = false, dash = false, other = false;
		for (; content < stop; content++) {
			bar |= *content == '|';
			dash |= *content == '-';
			other |= !*content || !strchr("|-: \t\r", *content);
		}
		if (bar && dash && !other)
			return true;
		content = newline ? newline + 1 : end;
	}
	return false;
}

enum ledger_format ledger_format_of(const char *path, const char *content, size_t length)
{
	static const struct {
		const char *end;
		enum ledger_format format;
	} ends[] = {{".json", LEDGER_JSON}, {".md", LEDGER_MARKDOWN},
		{".markdown", LEDGER_MARKDOWN}, {".csv", LEDGER_CSV}};
	size_t path_length = strlen(path);
	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		size_t end = strlen(ends[i].end);
		if (path_length >= end && !strcasecmp(path + path_length - end, ends[i].end))
			return ends[i].format;
	}
	while (length && *content && strchr(" \t\r\n", *content)) {
		content++;
		length--;
	}
	if (length && *content == '{')
		return LEDGER_JSON;
	return has_dashes(content, length) || !length ? LEDGER_MARKDOWN : LEDGER_CSV;
}

/* Names of files need not be text; what reads a document wants it to be. */
static void add_text(struct text *out, const char *bytes, size_t length)
{
	while (length) {
		size_t good = utf8_text_span(bytes, length);
		text_add_bytes(out, bytes, good);
		if (good == length)
			return;
		text_add_char(out, '?');
		bytes += good + 1;
		length -= good + 1;
	}
}

void ledger_write(const struct ledger *ledger, enum ledger_format format, struct text *out)
{
	OWNED_TEXT raw = {0};
	switch (format) {
	case LEDGER_JSON:
		ledger_json_write(ledger, &raw);
		break;
	case LEDGER_MARKDOWN:
		markdown_write(ledger, &raw);
		break;
	case LEDGER_CSV:
		csv_write(ledger, &raw);
		break;
	}
	add_text(out, text_string(&raw), raw.length);
	out->broken |= raw.broken;
}

static int read_tables(const struct ledger_reading *reading, enum ledger_format format,
	const char *bytes, size_t length, struct error *e)
{
	if (format == LEDGER_MARKDOWN)
		markdown_read(reading, bytes, length);
	else
		csv_read(reading, bytes, length);
	if (reading->ledger->tables)
		return 0;
	fail(e, EXIT_FAILED, "%s has no table of projects or instances", reading->label);
	error_hint(e,
		"a table of projects has the columns Project Name and Block, Ports or Path; one of "
		"instances Project and Instance");
	return -1;
}

static int line_at(const char *bytes, size_t offset)
{
	int line = 1;
	for (size_t i = 0; i < offset; i++)
		line += bytes[i] == '\n';
	return line;
}

int ledger_read(const struct ledger_reading *reading, enum ledger_format format, const char *bytes,
	size_t length, struct error *e)
{
	static const char bom[] = "\xef\xbb\xbf";
	size_t good = utf8_text_span(bytes, length);
	if (good < length)
		return fail(e, EXIT_FAILED, "%s:%d: this is no text in UTF-8; save it as that",
			reading->label, line_at(bytes, good));
	if (length >= 3 && !memcmp(bytes, bom, 3)) {
		bytes += 3;
		length -= 3;
	}
	/* The readers look ahead up to a NUL. */
	const char *text = arena_string_n(reading->arena, bytes, length);
	return format == LEDGER_JSON ? ledger_json_read(reading, text, length, e)
				     : read_tables(reading, format, text, length, e);
}
