#include "ledger/markdown.h"

#include <string.h>

#include "ledger/cells.h"
#include "ledger/columns.h"
#include "model/names.h"
#include "ports/policy.h"

/* ---- reading ---- */

struct line {
	const char *at;
	size_t length; /* without its end */
	int number;
};

struct document {
	const char *at;
	const char *end;
	int number; /* of the line before */
};

static bool next_line(struct document *d, struct line *line)
{
	if (d->at >= d->end)
		return false;
	const char *newline = memchr(d->at, '\n', (size_t)(d->end - d->at));
	const char *stop = newline ? newline : d->end;
	*line = (struct line){.at = d->at, .length = (size_t)(stop - d->at), .number = ++d->number};
	d->at = newline ? newline + 1 : d->end;
	while (line->length && (strchr(" \t\r", line->at[line->length - 1])))
		line->length--;
	for (; line->length && (*line->at == ' ' || *line->at == '\t'); line->at++)
		line->length--;
	return true;
}

static bool begins(const struct line *line, const char *word)
{
	size_t length = strlen(word);
	return line->length >= length && !memcmp(line->at, word, length);
}

/* The bar that ends a cell; the end of the line where there is none. */
static const char *cell_end(const char *at, const char *end)
{
	while (at < end && *at != '|')
		at += *at == '\\' && at + 1 < end ? 2 : 1;
	return at;
}

static bool has_bar(const struct line *line)
{
	return cell_end(line->at, line->at + line->length) < line->at + line->length;
}

static struct table_row split_row(struct arena *arena, const struct line *line)
{
	const char *at = line->at, *end = line->at + line->length;
	const char **cells = NULL;
	struct table_row row = {.line = line->number};
	at += at < end && *at == '|';
	while (at < end) {
		const char *bar = cell_end(at, end);
		*arena_append(arena, cells, row.count) =
			markdown_plain(arena, at, (size_t)(bar - at));
		at = bar + 1;
	}
	row.cells = cells;
	return row;
}

/* Cells of dashes, with a colon on either side: how many; 0: something else. */
static size_t count_dashes(const struct line *line)
{
	const char *at = line->at, *end = line->at + line->length;
	size_t count = 0;
	at += at < end && *at == '|';
	while (at < end) {
		const char *bar = cell_end(at, end);
		at += strspn(at, " \t");
		at += *at == ':';
		size_t dashes = strspn(at, "-");
		at += dashes;
		at += *at == ':';
		at += strspn(at, " \t");
		if (!dashes || at < bar)
			return 0;
		count++;
		at = bar + 1;
	}
	return count;
}

/* Up to the line that ends what begins here; all the rest where none does. */
static bool skip_hidden(struct document *d, const struct line *first)
{
	static const struct {
		const char *begin;
		const char *end;
	} kinds[] = {{"```", "```"}, {"~~~", "~~~"}};
	struct line line;
	if (begins(first, "<!--")) {
		line = *first;
		while (!memmem(line.at, line.length, "-->", 3) && next_line(d, &line))
			;
		return true;
	}
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		if (!begins(first, kinds[i].begin))
			continue;
		while (next_line(d, &line) && !begins(&line, kinds[i].end))
			;
		return true;
	}
	return false;
}

static void read_table(
	const struct ledger_reading *reading, struct document *d, const struct line *first)
{
	struct table_reader table;
	struct line line;
	struct table_row heading = split_row(reading->arena, first);
	struct document ahead = *d;
	if (!next_line(&ahead, &line) || count_dashes(&line) != heading.count)
		return;
	*d = ahead;
	bool known = table_begin(&table, reading, &heading);
	while (next_line(&ahead, &line) && has_bar(&line)) {
		*d = ahead;
		struct table_row row = split_row(reading->arena, &line);
		if (known)
			table_take(&table, &row);
	}
}

void markdown_read(const struct ledger_reading *reading, const char *bytes, size_t length)
{
	struct document d = {.at = bytes, .end = bytes + length};
	struct line line;
	while (next_line(&d, &line))
		if (!skip_hidden(&d, &line) && has_bar(&line))
			read_table(reading, &d, &line);
}

/* ---- writing ---- */

static void add_cell(struct text *out, const char *text)
{
	text_add(out, " ");
	markdown_add_cell(out, text);
	text_add(out, *text ? " |" : "|");
}

static void add_day(struct text *out, const char *time)
{
	text_addf(out, " %.10s |", time);
}

static void add_project(struct text *out, uint16_t base, const struct ledger_project *project)
{
	text_add_char(out, '|');
	add_cell(out, project->row.name);
	/* An archived project may have lost its block; the number is the one that it had. */
	size_t count = project->block_count ? project->block_count : 1;
	for (size_t i = 0; i < count; i++)
		text_addf(out, "%s%d", i ? ", " : " ",
			project->block_count ? project->blocks[i] : project->row.block);
	text_add(out, " |");
	for (size_t i = 0; i < count; i++) {
		uint16_t first = block_port(
			base, project->block_count ? project->blocks[i] : project->row.block);
		text_addf(out, "%s%d-%d", i ? ", " : " ", first, first + BLOCK_PORTS - 1);
	}
	text_add(out, " |");
	add_cell(out, project->row.path);
	add_cell(out, project->row.status);
	add_cell(out, project->row.owner);
	add_day(out, project->row.created_at);
	text_add_char(out, '\n');
}

static void add_instance(struct text *out, uint16_t base, const struct ledger_instance *instance)
{
	const struct instance *row = &instance->row;
	uint16_t first = instance_port(base, row->block, row->number);
	OWNED_TEXT both = {0};
	cell_join_branch(&both, row->branch, row->environment);
	text_add_char(out, '|');
	add_cell(out, row->project);
	text_addf(out, " %d | %d-%d |", row->number, first, first + instance_slots(row->spans) - 1);
	add_cell(out, row->purpose);
	add_cell(out, instance_status_word(row->status));
	add_cell(out, text_string(&both));
	text_add_char(out, '\n');
}

void markdown_write(const struct ledger *ledger, struct text *out)
{
	uint16_t base = ledger->ports_base ? ledger->ports_base : PORTS_BASE;
	text_add(out,
		"# Ports\n\n"
		"| Project Name | Block | Ports | Path | Status | Owner | Date |\n"
		"|---|--:|---|---|---|---|---|\n");
	for (size_t i = 0; i < ledger->project_count; i++)
		add_project(out, base, &ledger->projects[i]);
	text_add(out,
		"\n## Instances\n\n"
		"| Project | Instance | Ports | Purpose | Status | Branch/Environment |\n"
		"|---|--:|---|---|---|---|\n");
	for (size_t i = 0; i < ledger->instance_count; i++)
		add_instance(out, base, &ledger->instances[i]);
}
