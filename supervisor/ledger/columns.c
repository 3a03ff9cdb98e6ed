#include "ledger/columns.h"

#include <ctype.h>
#include <string.h>

#include "ledger/cells.h"
#include "model/names.h"

/* ---- the heading ---- */

static const char *const column_words[] = {
#define X(name, words) [name] = words,
	COLUMNS(X)
#undef X
};

static int column_of(const char *cell)
{
	char word[32];
	size_t length = 0;
	for (; *cell && length + 1 < sizeof word; cell++)
		if (isalnum((unsigned char)*cell))
			word[length++] = (char)tolower((unsigned char)*cell);
	word[length] = '\0';
	for (int i = 0; length && i < COLUMN_COUNT; i++)
		if (name_is_among(column_words[i], word))
			return i;
	return -1;
}

static bool has(const struct table_reader *t, enum column column)
{
	return t->at[column] >= 0;
}

bool table_begin(struct table_reader *t, const struct ledger_reading *reading,
	const struct table_row *heading)
{
	*t = (struct table_reader){.reading = reading, .columns = heading->count};
	for (int i = 0; i < COLUMN_COUNT; i++)
		t->at[i] = -1;
	for (size_t i = 0; i < heading->count; i++) {
		int column = column_of(heading->cells[i]);
		if (column < 0)
			continue;
		if (t->at[column] < 0)
			t->at[column] = (int)i;
		else
			complaint_warning(reading->complaints, reading->label, heading->line,
				heading->cells[i],
				"two columns mean the same; the first one counts");
	}
	bool known = has(t, COLUMN_NAME) &&
		(has(t, COLUMN_INSTANCE) || has(t, COLUMN_BLOCK) || has(t, COLUMN_PORTS) ||
			has(t, COLUMN_PATH));
	reading->ledger->tables += known;
	return known;
}

/* ---- one row ---- */

struct row_reader {
	const struct table_reader *table;
	const struct table_row *row;
	struct arena *arena;
	bool failed;
};

/* NULL: there is no such column here; "" where its cell is empty. */
static const char *cell(const struct row_reader *r, enum column column)
{
	int at = r->table->at[column];
	if (at < 0)
		return NULL;
	return (size_t)at < r->row->count ? r->row->cells[at] : "";
}

static bool says(const struct row_reader *r, enum column column)
{
	const char *text = cell(r, column);
	return text && *text;
}

static struct complaints *complaints_of(const struct row_reader *r)
{
	return r->table->reading->complaints;
}

static void refuse(struct row_reader *r, const char *key, const char *text, const char *hint)
{
	complaint_error(complaints_of(r), r->table->reading->label, r->row->line, key, "%s", text);
	if (hint)
		complaint_hint(complaints_of(r), "%s", hint);
	r->failed = true;
}

static void doubt(const struct row_reader *r, const char *key, const char *text, const char *hint)
{
	complaint_warning(
		complaints_of(r), r->table->reading->label, r->row->line, key, "%s", text);
	complaint_hint(complaints_of(r), "%s", hint);
}

static const char *read_date(const struct row_reader *r, enum column column)
{
	const char *text = cell(r, column), *date = NULL;
	switch (text ? cell_date(text, r->arena, &date) : DATE_NONE) {
	case DATE_AMBIGUOUS:
		doubt(r, "date",
			arena_format(
				r->arena, "'%s' may be two days; the row counts without it", text),
			"write 2025-01-31");
		break;
	case DATE_UNKNOWN:
		doubt(r, "date",
			arena_format(r->arena, "'%s' is no date; the row counts without it", text),
			"write 2025-01-31");
		break;
	case DATE_NONE:
	case DATE_READ:
		break;
	}
	return date;
}

/* Where the row tells its place without them, ports that cannot be read are not missed. */
static const struct ledger_ports *read_ports(
	struct row_reader *r, bool is_placed, struct ledger_ports *ports, size_t *count)
{
	static const char hint[] = "write 30100-30199, 301xx or single ports with commas";
	const char *text = cell(r, COLUMN_PORTS);
	size_t before = *count;
	if (!text || cell_ports(text, r->arena, &ports, count))
		return ports;
	*count = before;
	if (is_placed)
		doubt(r, "ports",
			arena_format(
				r->arena, "'%s' are no ports; the row counts without them", text),
			hint);
	else
		refuse(r, "ports", arena_format(r->arena, "'%s' are no ports", text), hint);
	return ports;
}

static const char *read_path(struct row_reader *r, enum column column)
{
	const char *text = cell(r, column), *home = r->table->reading->home;
	if (!text || *text != '~' || (text[1] && text[1] != '/') || !home)
		return text;
	return arena_format(r->arena, "%s%s", home, text + 1);
}

/* ---- projects ---- */

static bool is_free(const struct row_reader *r)
{
	const char *text = cell(r, COLUMN_STATUS);
	const char *status = text ? cell_project_status(text) : NULL;
	return status && !strcmp(status, "free");
}

static const char *read_status(const struct row_reader *r)
{
	const char *text = cell(r, COLUMN_STATUS);
	const char *status = text && *text ? cell_project_status(text) : NULL;
	if (text && *text && !status)
		doubt(r, "status",
			arena_format(r->arena,
				"'%s' is no status of a project; the row counts without it",
				text),
			"write active, reserved, legacy or archived");
	return status;
}

static void read_places(struct row_reader *r, struct ledger_project *project)
{
	struct ledger_ports *ports = NULL;
	int *blocks = NULL;
	const char *text = cell(r, COLUMN_BLOCK);
	if (text &&
		!cell_blocks(text, r->arena, &blocks, &project->block_count, &ports,
			&project->port_count))
		refuse(r, "block", arena_format(r->arena, "'%s' is no block", text),
			"write its number, and several with commas");
	project->blocks = blocks;
	project->row.block = project->block_count ? blocks[0] : -1;
	project->ports = read_ports(r, project->block_count > 0, ports, &project->port_count);
}

static void take_project(struct row_reader *r)
{
	struct ledger *ledger = r->table->reading->ledger;
	struct ledger_project project = {.line = r->row->line};
	project.row = (struct project){
		.name = cell(r, COLUMN_NAME),
		.path = read_path(r, COLUMN_PATH),
		.stack_name = says(r, COLUMN_STACK) ? cell(r, COLUMN_STACK) : NULL,
		.status = read_status(r),
		.owner = cell(r, COLUMN_OWNER),
		.notes = cell(r, COLUMN_NOTES),
		.created_at = read_date(r, COLUMN_DATE),
		.last_used_at = read_date(r, COLUMN_LAST_USED),
	};
	read_places(r, &project);
	if (!r->failed)
		*arena_append(r->arena, ledger->projects, ledger->project_count) = project;
}

/* ---- instances ---- */

static void read_branch(const struct row_reader *r, struct instance *row)
{
	if (says(r, COLUMN_BRANCH_ENVIRONMENT))
		cell_split_branch(cell(r, COLUMN_BRANCH_ENVIRONMENT), r->arena, &row->branch,
			&row->environment);
	if (cell(r, COLUMN_BRANCH))
		row->branch = cell(r, COLUMN_BRANCH);
	if (says(r, COLUMN_ENVIRONMENT))
		row->environment = cell(r, COLUMN_ENVIRONMENT);
}

static void read_instance_status(const struct row_reader *r, struct ledger_instance *instance)
{
	const char *text = cell(r, COLUMN_STATUS);
	if (!text || !*text)
		return;
	instance->has_status = cell_instance_status(text, &instance->row.status);
	if (!instance->has_status)
		doubt(r, "status",
			arena_format(r->arena,
				"'%s' is no status of an instance; the row counts without it",
				text),
			"write running, stopped or crashed");
}

static void take_instance(struct row_reader *r)
{
	struct ledger *ledger = r->table->reading->ledger;
	const char *number = cell(r, COLUMN_INSTANCE);
	struct ledger_instance instance = {.line = r->row->line};
	instance.row = (struct instance){
		.project = cell(r, COLUMN_NAME),
		.number = cell_instance(number),
		.purpose = cell(r, COLUMN_PURPOSE),
		.worktree = read_path(r, COLUMN_WORKTREE),
		.created_at = read_date(r, COLUMN_DATE),
		.last_used_at = read_date(r, COLUMN_LAST_USED),
	};
	if (*number && !instance.row.number)
		refuse(r, "instance", arena_format(r->arena, "'%s' is no instance", number),
			"write its number");
	read_branch(r, &instance.row);
	read_instance_status(r, &instance);
	instance.ports = read_ports(r, instance.row.number > 0, NULL, &instance.port_count);
	if (!r->failed && !instance.row.number && !instance.port_count)
		refuse(r, "instance", "the row tells neither instance nor ports",
			"write its number");
	if (!r->failed)
		*arena_append(r->arena, ledger->instances, ledger->instance_count) = instance;
}

/* In a table of both, what has no instance is a project. */
static bool is_instance(const struct row_reader *r)
{
	bool mixed = has(r->table, COLUMN_BLOCK) || has(r->table, COLUMN_PATH);
	return cell(r, COLUMN_INSTANCE) && (says(r, COLUMN_INSTANCE) || !mixed);
}

static bool is_empty(const struct table_row *row)
{
	for (size_t i = 0; i < row->count; i++)
		if (*row->cells[i])
			return false;
	return true;
}

void table_take(struct table_reader *t, const struct table_row *row)
{
	struct row_reader r = {.table = t, .row = row, .arena = t->reading->arena};
	if (is_empty(row) || is_free(&r))
		return;
	if (row->count > t->columns)
		doubt(&r, "", "the row has more cells than the heading",
			"escape a | in a cell as \\|");
	if (!says(&r, COLUMN_NAME))
		refuse(&r, "name", "the row names no project", NULL);
	else if (is_instance(&r))
		take_instance(&r);
	else
		take_project(&r);
}
