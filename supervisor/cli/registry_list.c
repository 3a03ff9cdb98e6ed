#include "base/terminal.h"
#include "cli/context.h"
#include "cli/event_tail.h"
#include "cli/out.h"
#include "cli/registry_verbs.h"
#include "ports/report.h"

static void number_cell(struct table *table, const json_t *value)
{
	OWNED_TEXT cell = {0};
	if (json_is_integer(value))
		text_addf(&cell, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	table_cell(table, COLOUR_NONE, text_string(&cell));
}

static void add_project(struct table *table, const json_t *project)
{
	const json_t *instances = json_object_get(project, "instances");
	size_t index;
	json_t *instance;
	json_array_foreach(instances, index, instance)
	{
		table_cell(table, COLOUR_BOLD, event_string(project, "name"));
		number_cell(table, json_object_get(instance, "instance"));
		number_cell(table, json_object_get(instance, "base_port"));
		table_cell(table, COLOUR_NONE, event_string(instance, "status"));
		table_cell(table, COLOUR_NONE, event_string(instance, "purpose"));
		table_cell(table, COLOUR_NONE, event_string(instance, "branch"));
		table_cell(table, COLOUR_GREY, event_string(project, "path"));
	}
	if (json_array_size(instances))
		return;
	table_cell(table, COLOUR_BOLD, event_string(project, "name"));
	table_cell(table, COLOUR_NONE, "");
	number_cell(table, json_object_get(project, "base_port"));
	table_cell(table, COLOUR_NONE, event_string(project, "status"));
	table_cell(table, COLOUR_NONE, "");
	table_cell(table, COLOUR_NONE, "");
	table_cell(table, COLOUR_GREY, event_string(project, "path"));
}

static void show(const struct context *context, const json_t *report)
{
	static const char *const headings[] = {
		"PROJECT", "INSTANCE", "PORTS FROM", "STATUS", "PURPOSE", "BRANCH", "DIRECTORY"};
	size_t columns = sizeof headings / sizeof headings[0];
	const json_t *projects = json_object_get(report, "projects");
	OWNED_TEXT out = {0};
	if (!json_array_size(projects)) {
		say("the registry is empty");
		return;
	}
	struct table *table = table_new(columns);
	for (size_t i = 0; i < columns; i++)
		table_cell(table, COLOUR_GREY, headings[i]);
	size_t index;
	json_t *project;
	json_array_foreach(projects, index, project) add_project(table, project);
	table_print(table, context->colour, &out);
	table_free(table);
	out_text(&out);
}

int verb_registry_list(struct context *context, struct error *e)
{
	json_t *report = report_registry(context->paths.state, e);
	if (!report)
		return -1;
	if (context->json) {
		out_json(report);
		return EXIT_DONE;
	}
	show(context, report);
	json_decref(report);
	return EXIT_DONE;
}
