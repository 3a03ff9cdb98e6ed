#include <stdio.h>
#include <string.h>

#include "base/terminal.h"
#include "cli/context.h"
#include "cli/out.h"
#include "cli/registry/verbs.h"
#include "cli/shared/inventory_show.h"
#include "ports/policy.h"

static void number_cell(struct table *table, enum colour colour, int number)
{
	char digits[16];
	snprintf(digits, sizeof digits, "%d", number);
	table_cell(table, colour, digits);
}

static void add_instance(
	struct table *table, const struct project *project, const struct inventory_instance *instance)
{
	const struct instance *row = &instance->row;
	OWNED_TEXT status = {0};
	inventory_add_status(&status, row);
	if (strcmp(project->status, "active") != 0)
		text_addf(&status, " (%s)", project->status);
	table_cell(table, COLOUR_BOLD, project->name);
	number_cell(table, COLOUR_NONE, row->number);
	number_cell(table, COLOUR_NONE, instance->base_port);
	table_cell(table, COLOUR_NONE, text_string(&status));
	table_cell(table, COLOUR_NONE, row->purpose);
	table_cell(table, COLOUR_NONE, row->branch);
	table_cell(table, COLOUR_GREY, row->worktree);
}

/* One that nobody has started yet. */
static void add_alone(struct table *table, const struct inventory *all, const struct project *project)
{
	table_cell(table, COLOUR_BOLD, project->name);
	table_cell(table, COLOUR_NONE, "");
	number_cell(table, COLOUR_NONE, block_port(all->ports_base, project->block));
	table_cell(table, COLOUR_NONE, project->status);
	table_cell(table, COLOUR_NONE, "");
	table_cell(table, COLOUR_NONE, "");
	table_cell(table, COLOUR_GREY, project->path);
}

static void add_project(struct table *table, const struct inventory *all,
	const struct inventory_project *project)
{
	for (size_t i = 0; i < project->count; i++)
		add_instance(table, &project->row, &all->instances[project->first + i]);
	if (!project->count)
		add_alone(table, all, &project->row);
}

static void show(const struct context *context, const struct inventory *all)
{
	static const char *const headings[] = {
		"PROJECT", "INSTANCE", "PORTS FROM", "STATUS", "PURPOSE", "BRANCH", "DIRECTORY"};
	size_t columns = sizeof headings / sizeof headings[0];
	OWNED_TEXT out = {0};
	if (!all->project_count) {
		say("the registry is empty");
		return;
	}
	struct table *table = table_new(columns);
	for (size_t i = 0; i < columns; i++)
		table_cell(table, COLOUR_GREY, headings[i]);
	for (size_t i = 0; i < all->project_count; i++)
		add_project(table, all, &all->projects[i]);
	table_print(table, context->colour, &out);
	table_free(table);
	out_text(&out);
}

static void put_away(struct text *json)
{
	out_text(json);
	text_clear(json);
}

int verb_registry_list(struct context *context, struct error *e)
{
	struct arena *arena = arena_new();
	struct inventory all;
	OWNED_TEXT json = {0};
	if (!arena)
		return fail(e, EXIT_FAILED, "out of memory");
	int result = inventory_of_machine(context, arena, &all, e);
	if (!result && context->json) {
		inventory_add_all(&json, &all, put_away);
		inventory_print_json(&json);
	} else if (!result) {
		show(context, &all);
	}
	arena_free(arena);
	return result;
}
