#include "cli/out.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/file.h"
#include "base/list.h"
#include "base/terminal.h"
#include "control/wire.h"

bool out_is_terminal(void)
{
	return isatty(STDOUT_FILENO);
}

bool err_is_terminal(void)
{
	return isatty(STDERR_FILENO);
}

void out_bytes(const char *bytes, size_t length)
{
	if (file_write_all(STDOUT_FILENO, bytes, length) == 0)
		return;
	/* Whoever reads has enough, or the terminal is closed: not our failure. */
	if (errno == EPIPE || errno == EIO)
		exit(EXIT_DONE);
	say("cannot write the output: %s", strerror(errno));
	exit(EXIT_FAILED);
}

void out_text(const struct text *text)
{
	out_bytes(text_string(text), text->length);
}

void out_document(const struct text *lines)
{
	OWNED_TEXT safe = {0};
	const char *line = text_string(lines);
	if (!out_is_terminal()) {
		out_text(lines);
		return;
	}
	while (*line) {
		size_t length = strcspn(line, "\n");
		bool has_return = length && line[length - 1] == '\r';
		terminal_add_strict(&safe, line, length - has_return);
		text_add_char(&safe, '\n');
		line += length + (line[length] == '\n');
	}
	out_text(&safe);
}

size_t out_columns(void)
{
	struct winsize size = {0};
	return out_is_terminal() && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) ? size.ws_col : 0;
}

/* Bytes of the line that take at most so many columns; a colour takes none. */
static size_t fitting(const char *line, size_t length, size_t columns)
{
	size_t used = 0;
	for (size_t i = 0; i < length; i++) {
		if (line[i] == '\033') {
			while (i < length && line[i] != 'm')
				i++;
			continue;
		}
		used += (line[i] & 0xc0) != 0x80;
		if (used > columns)
			return i;
	}
	return length;
}

void out_lines(const struct text *lines)
{
	OWNED_TEXT out = {0};
	size_t width = out_columns();
	const char *line = text_string(lines);
	for (const char *newline; width && (newline = strchr(line, '\n')); line = newline + 1) {
		size_t length = (size_t)(newline - line);
		bool fits = fitting(line, length, width) == length;
		size_t kept = fits ? length : fitting(line, length, width - 1);
		text_add_bytes(&out, line, kept);
		if (!fits)
			text_addf(&out, "\u2026%s", colour_off(memchr(line, '\033', kept)));
		text_add_char(&out, '\n');
	}
	text_add(&out, line);
	out_text(&out);
}

void out_json(json_t *value)
{
	size_t flags = out_is_terminal() ? JSON_INDENT(2) : JSON_COMPACT;
	/* What is measured has no 17 digits. */
	flags |= JSON_REAL_PRECISION(6) | JSON_ENCODE_ANY;
	char *dumped = value ? json_dumps(value, flags) : NULL;
	json_decref(value);
	if (!dumped) {
		say("out of memory");
		exit(EXIT_FAILED);
	}
	OWNED_TEXT line = {0};
	text_add(&line, dumped);
	text_add_char(&line, '\n');
	free(dumped);
	out_text(&line);
}

static void add_safe_line(struct text *out, const char *line, size_t length)
{
	text_add(out, "stackup: ");
	terminal_add_strict(out, line, length);
	text_add_char(out, '\n');
}

/* Without memory for the sentence itself, still one. */
static void say_nothing_left(void)
{
	static const char sentence[] = "stackup: out of memory\n";
	(void)file_write_all(STDERR_FILENO, sentence, sizeof sentence - 1);
}

void say_lines(const char *lines)
{
	OWNED_TEXT out = {0};
	while (*lines) {
		size_t length = strcspn(lines, "\n");
		if (length)
			add_safe_line(&out, lines, length);
		lines += length + (lines[length] == '\n');
	}
	/* One write, so that lines of several processes do not mix. Nobody to tell if it fails. */
	(void)file_write_all(STDERR_FILENO, text_string(&out), out.length);
	if (!text_ok(&out))
		say_nothing_left();
}

static void say_text(const struct text *text)
{
	if (text_ok(text))
		say_lines(text_string(text));
	else
		say_nothing_left();
}

void say(const char *format, ...)
{
	OWNED_TEXT text = {0};
	va_list args;
	va_start(args, format);
	text_vaddf(&text, format, args);
	va_end(args);
	say_text(&text);
}

static json_t *error_json(const struct error *e, json_t *extra)
{
	json_t *object = json_pack("{s:s, s:o, s:o}", "code", exit_code_word(e->code), "text",
		wire_string(e->text), "hint", wire_string(e->hint));
	if (object && extra)
		json_object_update_missing(object, extra);
	json_decref(extra);
	return json_pack("{s:o}", "error", object);
}

/* A text of one line takes the hint behind it; after several lines it has its own. */
void say_error(const struct error *e, bool json, json_t *extra)
{
	OWNED_TEXT text = {0};
	text_add(&text, e->text);
	if (e->hint[0])
		text_addf(&text, "%s%s", strchr(e->text, '\n') ? "\n" : "; ", e->hint);
	say_text(&text);
	if (json)
		out_json(error_json(e, extra));
	else
		json_decref(extra);
}

/* ---- tables ---- */

/* Their texts lie one behind the other; a screen of thousands of rows is some hundred kilobytes. */
struct cell {
	uint32_t length;
	uint16_t width;
	uint8_t colour;
};

struct table {
	size_t columns;
	struct text texts; /* owns; of all cells, safe */
	LIST(struct cell) cells; /* owns */
	int *widths; /* owns; of the columns; 0: no row but the heading has anything */
};

struct table *table_new(size_t columns)
{
	struct table *table = calloc(1, sizeof *table);
	if (!table)
		return NULL;
	table->columns = columns;
	table->widths = calloc(columns, sizeof *table->widths);
	if (table->widths)
		return table;
	free(table);
	return NULL;
}

/* Characters, which for what we show is columns. */
static uint16_t width_of(const char *text, size_t length)
{
	size_t width = 0;
	for (size_t i = 0; i < length; i++)
		width += (text[i] & 0xc0) != 0x80;
	return width < UINT16_MAX ? (uint16_t)width : UINT16_MAX;
}

void table_cell(struct table *table, enum colour colour, const char *text)
{
	if (!table)
		return;
	size_t start = table->texts.length;
	if (*text)
		terminal_add_strict(&table->texts, text, strlen(text));
	size_t length = table->texts.length - start;
	struct cell cell = {.length = (uint32_t)length, .colour = (uint8_t)colour};
	if (length)
		cell.width = width_of(table->texts.data + start, length);
	if (!list_push(&table->cells, cell))
		text_cut(&table->texts, start);
}

/* Columns in which no row but the heading has anything are left out; the first stays. */
static void measure(struct table *table)
{
	for (size_t i = table->columns; i < table->cells.count; i++) {
		int *width = &table->widths[i % table->columns];
		if (table->cells.items[i].width > *width)
			*width = table->cells.items[i].width;
	}
	for (size_t i = 0; i < table->columns && i < table->cells.count; i++)
		if ((table->widths[i] || !i) && table->cells.items[i].width > table->widths[i])
			table->widths[i] = table->cells.items[i].width;
}

static void add_blanks(struct text *out, int count)
{
	static const char blanks[] = "                                ";
	for (int left = count; left > 0; left -= (int)sizeof blanks - 1)
		text_add_bytes(out, blanks,
			left < (int)sizeof blanks ? (size_t)left : sizeof blanks - 1);
}

/* Returns what follows the texts of these columns. */
static const char *print_cells(const struct table *table, size_t first, size_t columns, const char *text,
	bool colour, struct text *out)
{
	int owed = 0; /* blanks before the next text: none are left at the end */
	for (size_t column = 0; column < columns; column++) {
		const struct cell *cell = &table->cells.items[first + column];
		bool coloured = colour && cell->colour != COLOUR_NONE;
		if (table->widths[column] && cell->length) {
			add_blanks(out, owed);
			if (coloured)
				text_add(out, colour_on(true, (enum colour)cell->colour));
			text_add_bytes(out, text, cell->length);
			if (coloured)
				text_add(out, colour_off(true));
			owed = 0;
		}
		if (table->widths[column])
			owed += table->widths[column] - cell->width + 2;
		text += cell->length;
	}
	text_add_char(out, '\n');
	return text;
}

static void print(const struct table *table, size_t columns, bool colour, struct text *out)
{
	const char *text = text_string(&table->texts);
	for (size_t i = 0; i + table->columns <= table->cells.count; i += table->columns) {
		text = print_cells(table, i, columns, text, colour, out);
		if (columns == table->columns)
			continue;
		const struct cell *last = &table->cells.items[i + columns];
		if (i && last->length) {
			text_add(out, "    ");
			text_add_bytes(out, text, last->length);
			text_add_char(out, '\n');
		}
		text += last->length;
	}
}

void table_print(struct table *table, bool colour, struct text *out)
{
	if (!table)
		return;
	measure(table);
	print(table, table->columns, colour, out);
}

void table_print_folding(struct table *table, bool colour, struct text *out)
{
	size_t window = out_columns();
	size_t width = 0;
	if (!table)
		return;
	measure(table);
	for (size_t i = 0; i < table->columns; i++)
		width += table->widths[i] ? (size_t)table->widths[i] + 2 : 0;
	bool fits = !window || width <= window + 2;
	print(table, table->columns - !fits, colour, out);
}

void table_free(struct table *table)
{
	if (!table)
		return;
	text_release(&table->texts);
	list_release(&table->cells);
	free(table->widths);
	free(table);
}
