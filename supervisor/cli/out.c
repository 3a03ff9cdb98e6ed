#include "cli/out.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/list.h"
#include "base/terminal.h"

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

void out_json(json_t *value)
{
	size_t flags = out_is_terminal() ? JSON_INDENT(2) : JSON_COMPACT;
	char *dumped = value ? json_dumps(value, flags | JSON_ENCODE_ANY) : NULL;
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
}

void say(const char *format, ...)
{
	OWNED_TEXT text = {0};
	va_list args;
	va_start(args, format);
	text_vaddf(&text, format, args);
	va_end(args);
	say_lines(text_string(&text));
}

static json_t *error_json(const struct error *e, json_t *extra)
{
	json_t *object = json_pack("{s:s, s:s, s:s}", "code", exit_code_word(e->code), "text", e->text,
		"hint", e->hint);
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
	say_lines(text_string(&text));
	if (json)
		out_json(error_json(e, extra));
	else
		json_decref(extra);
}

/* ---- tables ---- */

struct cell {
	char *text; /* owns; safe */
	int width;
	enum colour colour;
};

struct table {
	size_t columns;
	LIST(struct cell) cells;
};

struct table *table_new(size_t columns)
{
	struct table *table = calloc(1, sizeof *table);
	if (table)
		table->columns = columns;
	return table;
}

/* Characters, which for what we show is columns. */
static int width_of(const char *text)
{
	int width = 0;
	for (; *text; text++)
		width += (*text & 0xc0) != 0x80;
	return width;
}

void table_cell(struct table *table, enum colour colour, const char *text)
{
	struct text safe = {0};
	if (!table)
		return;
	terminal_add_strict(&safe, text, strlen(text));
	struct cell cell = {.colour = colour, .width = width_of(text_string(&safe))};
	cell.text = text_take(&safe);
	if (!list_push(&table->cells, cell))
		free(cell.text);
}

static int column_width(const struct table *table, size_t column)
{
	int width = 0;
	for (size_t i = column; i < table->cells.count; i += table->columns)
		if (table->cells.items[i].width > width)
			width = table->cells.items[i].width;
	return width;
}

static void print_cell(const struct table *table, size_t at, bool colour, struct text *out)
{
	const struct cell *cell = &table->cells.items[at];
	bool last = at % table->columns == table->columns - 1;
	bool coloured = colour && cell->colour != COLOUR_NONE;
	text_add(out, colour_on(coloured, cell->colour));
	text_add(out, cell->text ? cell->text : "");
	text_add(out, colour_off(coloured));
	if (last) {
		while (out->length && out->data[out->length - 1] == ' ')
			text_cut(out, out->length - 1);
		text_add_char(out, '\n');
		return;
	}
	int padding = column_width(table, at % table->columns) - cell->width + 2;
	for (int i = 0; i < padding; i++)
		text_add_char(out, ' ');
}

/* Columns in which no row but the heading has anything are left out. */
static bool column_is_empty(const struct table *table, size_t column)
{
	for (size_t i = column + table->columns; i < table->cells.count; i += table->columns)
		if (table->cells.items[i].width)
			return false;
	return true;
}

static void drop_column(struct table *table, size_t column)
{
	for (size_t row = table->cells.count / table->columns; row > 0; row--) {
		size_t at = (row - 1) * table->columns + column;
		free(table->cells.items[at].text);
		list_remove(&table->cells, at);
	}
	table->columns--;
}

void table_print(struct table *table, bool colour, struct text *out)
{
	if (!table)
		return;
	for (size_t column = table->columns; column > 1; column--)
		if (column_is_empty(table, column - 1))
			drop_column(table, column - 1);
	for (size_t i = 0; i < table->cells.count; i++)
		print_cell(table, i, colour, out);
}

void table_free(struct table *table)
{
	if (!table)
		return;
	for (size_t i = 0; i < table->cells.count; i++)
		free(table->cells.items[i].text);
	list_release(&table->cells);
	free(table);
}
