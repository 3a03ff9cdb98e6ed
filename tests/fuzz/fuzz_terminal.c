/* rooms: base model logs control */
/*
 * Any bytes as the output of a service, in portions as the first byte says: what is shown of it, in each of
 * the ways of `stackup logs`, drives no terminal; JSON lines are JSON; no line is longer than it may be.
 */
#include <jansson.h>

#include "base/terminal.h"
#include "fuzz.h"
#include "logs/lines.h"
#include "logs/show.h"

/* Tabs and colours of a line may stay. Cuts them out, for must_be_tame(). */
static void drop_colours(const struct text *line, struct text *out)
{
	for (size_t i = 0; i < line->length; i++) {
		char c = line->data[i];
		if (c == '\t')
			continue;
		if (c != '\033') {
			text_add_char(out, c);
			continue;
		}
		MUST(i + 1 < line->length && line->data[i + 1] == '[');
		for (i += 2; i < line->length && line->data[i] != 'm'; i++)
			MUST(strchr("0123456789;:", line->data[i]));
		MUST(i < line->length);
	}
}

static void in_all_ways(const char *bytes, size_t length)
{
	OWNED_TEXT strict = {0}, json = {0}, plain = {0}, coloured = {0}, rest = {0};
	terminal_add_strict(&strict, bytes, length);
	must_be_tame(&strict);
	terminal_add_line(&plain, bytes, length, false);
	for (size_t i = 0; i < plain.length; i++)
		if (plain.data[i] == '\t')
			plain.data[i] = ' ';
	must_be_tame(&plain);
	terminal_add_line(&coloured, bytes, length, true);
	drop_colours(&coloured, &rest);
	must_be_tame(&rest);
	text_add_char(&json, '"');
	terminal_add_json(&json, bytes, length);
	text_add_char(&json, '"');
	must_be_tame(&json);
	json_t *value = json_loadb(json.data, json.length, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	MUST(json_is_string(value));
	json_decref(value);
}

static void must_be_a_line(struct log_show *show, const struct text *out)
{
	OWNED_TEXT rest = {0};
	MUST(!out->length || show->options.no_prefix || out->data[out->length - 1] == '\n');
	for (size_t i = 0; i < out->length; i++)
		if (out->data[i] == '\n')
			out->data[i] = ' ';
	drop_colours(out, &rest);
	must_be_tame(&rest);
}

static void shown(const struct log_line *line)
{
	for (unsigned ways = 0; ways < 16; ways++) {
		struct log_show show;
		struct error e = {0};
		OWNED_TEXT out = {0};
		const struct log_show_options options = {.colour = ways & 1, .json = ways & 2,
			.timestamps = ways & 4, .no_prefix = ways & 8};
		MUST(!log_show_init(&show, &options, &e));
		log_show_name(&show, line->service);
		log_show_add(&show, line, &out);
		if (options.json) {
			json_t *object = json_loadb(text_string(&out), out.length, JSON_ALLOW_NUL, NULL);
			MUST(json_is_object(object));
			json_decref(object);
		}
		must_be_a_line(&show, &out);
		log_show_release(&show);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tape tape = tape_of(data, size);
	size_t portion = (size_t)tape_byte(&tape) + 1;
	struct lines lines = {0};
	struct piece piece;
	in_all_ways(tape.at, tape.left);
	while (tape.left) {
		const char *bytes = tape.at;
		size_t length = tape.left < portion ? tape.left : portion;
		tape.at += length;
		tape.left -= length;
		while (lines_feed(&lines, &bytes, &length, &piece)) {
			MUST(piece.length <= LINES_MOST);
			shown(&(struct log_line){.service = "api", .bytes = piece.bytes,
				.length = piece.length, .continued = piece.continued,
				.more = piece.more, .time_ms = 1767323045678});
		}
	}
	text_release(&lines.held);
	return 0;
}
