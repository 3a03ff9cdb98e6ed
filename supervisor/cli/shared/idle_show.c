#include "cli/shared/idle_show.h"

#include <stdio.h>

#include "base/json_text.h"
#include "cli/context.h"
#include "cli/out.h"

static void number_cell(struct table *table, int number)
{
	char digits[16];
	snprintf(digits, sizeof digits, "%d", number);
	table_cell(table, COLOUR_NONE, digits);
}

static void add_row(struct table *table, const struct idle_instance *idle)
{
	const struct instance *row = &idle->instance->row;
	OWNED_TEXT place = {0}, command = {0};
	char day[16];
	table_cell(table, COLOUR_BOLD, row->project);
	number_cell(table, row->number);
	snprintf(day, sizeof day, "%.10s", row->last_used_at);
	table_cell(table, COLOUR_NONE, day);
	number_cell(table, idle->days);
	table_cell(table, COLOUR_NONE, row->purpose);
	table_cell(table, COLOUR_NONE, row->branch);
	text_addf(&place, "%s%s", row->worktree, idle->is_gone ? " (removed)" : "");
	table_cell(table, COLOUR_GREY, text_string(&place));
	idle_add_command(&command, idle);
	table_cell(table, COLOUR_CYAN, text_string(&command));
}

void idle_show(const struct context *context, const struct idle_list *idle, struct text *out)
{
	static const char *const headings[] = {"PROJECT", "INSTANCE", "LAST USE", "DAYS", "PURPOSE",
		"BRANCH", "DIRECTORY", "RELEASED BY"};
	size_t columns = sizeof headings / sizeof headings[0];
	if (!idle->count)
		return;
	struct table *table = table_new(columns);
	for (size_t i = 0; i < columns; i++)
		table_cell(table, COLOUR_GREY, headings[i]);
	for (size_t i = 0; i < idle->count; i++)
		add_row(table, &idle->items[i]);
	table_print(table, context->colour, out);
	table_free(table);
}

void idle_add_json(struct text *out, const struct idle_list *idle)
{
	json_text_open(out, "idle", '[');
	for (size_t i = 0; i < idle->count; i++) {
		const struct instance *row = &idle->items[i].instance->row;
		OWNED_TEXT command = {0};
		idle_add_command(&command, &idle->items[i]);
		json_text_open(out, NULL, '{');
		json_text_string(out, "project", row->project);
		json_text_number(out, "instance", row->number);
		json_text_string(out, "purpose", row->purpose);
		json_text_string(out, "branch", row->branch);
		json_text_string(out, "worktree", row->worktree);
		json_text_boolean(out, "worktree_removed", idle->items[i].is_gone);
		json_text_string(out, "last_used_at", row->last_used_at);
		json_text_number(out, "days", idle->items[i].days);
		json_text_string(out, "release", text_string(&command));
		json_text_close(out, '}');
	}
	json_text_close(out, ']');
}
