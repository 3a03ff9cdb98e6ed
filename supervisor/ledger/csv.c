#include "ledger/csv.h"

#include <string.h>

#include "ledger/columns.h"
#include "model/names.h"
#include "ports/policy.h"

/* ---- reading ---- */

struct document {
	const struct ledger_reading *reading;
	const char *at;
	const char *end;
	char comma;
	int number; /* of the line */
};

static bool at_end_of_row(const struct document *d)
{
	return d->at >= d->end || *d->at == '\n' ||
		(*d->at == '\r' && d->at + 1 < d->end && d->at[1] == '\n');
}

static void complain(struct document *d, int line, const char *text)
{
	complaint_error(d->reading->complaints, d->reading->label, line, "", "%s", text);
}

/* After the opening quote. False: it is never closed, or something stands behind it. */
static bool take_quoted(struct document *d, struct text *field)
{
	int opened = d->number;
	for (d->at++; d->at < d->end; d->at++) {
		if (*d->at == '\n')
			d->number++;
		if (*d->at != '"') {
			text_add_char(field, *d->at);
			continue;
		}
		d->at++;
		if (d->at < d->end && *d->at == '"') {
			text_add_char(field, '"');
			continue;
		}
		if (at_end_of_row(d) || *d->at == d->comma)
			return true;
		complain(d, d->number,
			"there is text after a closing quote; double a quote inside a field");
		return false;
	}
	complain(d, opened, "the quote is never closed");
	return false;
}

static void take_plain(struct document *d, struct text *field)
{
	while (!at_end_of_row(d) && *d->at != d->comma)
		text_add_char(field, *d->at++);
}

static void skip_line(struct document *d)
{
	while (d->at < d->end && *d->at != '\n')
		d->at++;
}

/* False: the row is broken, and what is left of its line has been skipped. */
static bool take_row(struct document *d, struct table_row *row)
{
	const char **cells = NULL;
	bool whole = true;
	*row = (struct table_row){.line = d->number};
	for (bool more = true; more && whole;) {
		OWNED_TEXT field = {0};
		if (d->at < d->end && *d->at == '"')
			whole = take_quoted(d, &field);
		else
			take_plain(d, &field);
		*arena_append(d->reading->arena, cells, row->count) =
			arena_string_n(d->reading->arena, text_string(&field), field.length);
		more = whole && !at_end_of_row(d);
		d->at += more;
	}
	if (!whole)
		skip_line(d);
	d->at += d->at < d->end && *d->at == '\r';
	d->at += d->at < d->end && *d->at == '\n';
	d->number++;
	row->cells = cells;
	return whole;
}

static char find_comma(const char *bytes, size_t length)
{
	const char *newline = memchr(bytes, '\n', length);
	size_t heading = newline ? (size_t)(newline - bytes) : length;
	return !memchr(bytes, ',', heading) && memchr(bytes, ';', heading) ? ';' : ',';
}

void csv_read(const struct ledger_reading *reading, const char *bytes, size_t length)
{
	struct document d = {.reading = reading,
		.at = bytes,
		.end = bytes + length,
		.comma = find_comma(bytes, length),
		.number = 1};
	struct table_reader table;
	struct table_row row;
	if (!length || !take_row(&d, &row) || !table_begin(&table, reading, &row))
		return;
	while (d.at < d.end)
		if (take_row(&d, &row))
			table_take(&table, &row);
}

/* ---- writing ---- */

static void add_field(struct text *out, const char *text)
{
	size_t length = strlen(text);
	bool quoted =
		strpbrk(text, ",;\"\r\n") || *text == ' ' || (length && text[length - 1] == ' ');
	if (quoted)
		text_add_char(out, '"');
	for (; *text; text++) {
		if (*text == '"')
			text_add_char(out, '"');
		text_add_char(out, *text);
	}
	if (quoted)
		text_add_char(out, '"');
}

static void add_fields(struct text *out, const char *const *fields, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (i)
			text_add_char(out, ',');
		add_field(out, fields[i]);
	}
	text_add(out, "\r\n");
}

static void add_project(struct text *out, uint16_t base, const struct ledger_project *project)
{
	const struct project *row = &project->row;
	OWNED_TEXT blocks = {0}, ports = {0};
	size_t count = project->block_count ? project->block_count : 1;
	for (size_t i = 0; i < count; i++) {
		int block = project->block_count ? project->blocks[i] : row->block;
		uint16_t first = block_port(base, block);
		text_addf(&blocks, "%s%d", i ? " " : "", block);
		text_addf(&ports, "%s%d-%d", i ? " " : "", first, first + BLOCK_PORTS - 1);
	}
	const char *const fields[] = {row->name, text_string(&blocks), text_string(&ports),
		row->path, row->status, row->owner, row->created_at, row->notes, row->stack_name,
		"", "", "", "", "", row->last_used_at};
	add_fields(out, fields, sizeof fields / sizeof fields[0]);
}

static void add_instance(struct text *out, uint16_t base, const struct ledger_instance *instance)
{
	const struct instance *row = &instance->row;
	OWNED_TEXT number = {0}, ports = {0};
	uint16_t first = instance_port(base, row->block, row->number);
	text_addf(&number, "%d", row->number);
	text_addf(&ports, "%d-%d", first, first + instance_slots(row->spans) - 1);
	const char *const fields[] = {row->project, "", text_string(&ports), "",
		instance_status_word(row->status), "", row->created_at, "", "",
		text_string(&number), row->purpose, row->branch, row->environment, row->worktree,
		row->last_used_at};
	add_fields(out, fields, sizeof fields / sizeof fields[0]);
}

void csv_write(const struct ledger *ledger, struct text *out)
{
	uint16_t base = ledger->ports_base ? ledger->ports_base : PORTS_BASE;
	text_add(out,
		"project,block,ports,path,status,owner,date,notes,stack_name,instance,purpose,"
		"branch,environment,worktree,last_used_at\r\n");
	for (size_t i = 0; i < ledger->project_count; i++)
		add_project(out, base, &ledger->projects[i]);
	for (size_t i = 0; i < ledger->instance_count; i++)
		add_instance(out, base, &ledger->instances[i]);
}
