#include "cli/shared/inventory_show.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "base/terminal.h"
#include "claim/worktree.h"
#include "cli/context.h"
#include "cli/out.h"
#include "cli/shared/here.h"
#include "cli/shared/reconcile.h"
#include "ports/policy.h"

enum { COMMIT_SHOWN = 10 };

void inventory_print_json(struct text *json)
{
	text_add_char(json, '\n');
	out_text(json);
}

static void number_cell(struct table *table, int number)
{
	char digits[16];
	snprintf(digits, sizeof digits, "%d", number);
	table_cell(table, COLOUR_NONE, digits);
}

static enum colour status_colour(enum instance_status status)
{
	return status == INSTANCE_RUNNING ? COLOUR_GREEN
		: status == INSTANCE_CRASHED ? COLOUR_RED : COLOUR_GREY;
}

void inventory_add_status(struct text *out, const struct instance *row)
{
	text_add(out, instance_status_word(row->status));
	if (instance_is_elsewhere(row))
		text_addf(out, " on %s", row->elsewhere);
}

static const char *absence(const struct instance *row)
{
	if (!worktree_is_gone(row))
		return "";
	return worktree_is_unseen(row) ? " (not there)" : " (removed)";
}

static void add_row(
	struct table *table, const struct inventory_instance *instance, bool with_project)
{
	const struct instance *row = &instance->row;
	char ports[24], commit[COMMIT_SHOWN + 1];
	OWNED_TEXT place = {0}, status = {0};
	snprintf(ports, sizeof ports, "%d-%d", (int)instance->base_port,
		instance->base_port + instance_slots(row->spans) - 1);
	snprintf(commit, sizeof commit, "%s", row->commit);
	if (with_project)
		table_cell(table, COLOUR_BOLD, row->project);
	number_cell(table, row->number);
	table_cell(table, COLOUR_NONE, ports);
	inventory_add_status(&status, row);
	table_cell(table, status_colour(row->status), text_string(&status));
	table_cell(table, COLOUR_BOLD, row->purpose);
	table_cell(table, COLOUR_NONE, row->branch);
	table_cell(table, COLOUR_NONE, commit);
	table_cell(table, COLOUR_NONE, row->environment);
	table_cell(table, COLOUR_NONE, row->last_used_at);
	text_addf(&place, "%s%s", row->worktree, absence(row));
	table_cell(table, COLOUR_GREY, text_string(&place));
}

void inventory_show_instances(const struct context *context, const struct inventory *all,
	const struct inventory_project *project, struct text *out)
{
	static const char *const headings[] = {"PROJECT", "INSTANCE", "PORTS", "STATUS", "PURPOSE",
		"BRANCH", "COMMIT", "ENVIRONMENT", "LAST USE", "DIRECTORY"};
	size_t columns = sizeof headings / sizeof headings[0], left_out = project ? 1 : 0;
	const struct inventory_instance *rows = all->instances + (project ? project->first : 0);
	size_t count = project ? project->count : all->instance_count;
	if (!count)
		return;
	struct table *table = table_new(columns - left_out);
	for (size_t i = left_out; i < columns; i++)
		table_cell(table, COLOUR_GREY, headings[i]);
	for (size_t i = 0; i < count; i++)
		add_row(table, &rows[i], !project);
	table_print(table, context->colour, out);
	table_free(table);
}

/* Without a stack file: the project that was registered for this place, when it is the only one. */
static int project_of_place(struct context *context, struct arena *arena, struct project *out,
	struct error *e)
{
	OWNED(char) here = getcwd(NULL, 0);
	struct git_facts git;
	struct project *rows;
	size_t count;
	int found = 0;
	struct registry *r = here ? context_registry(context, e) : NULL;
	if (!r)
		return here ? -1 : fail_errno(e, EXIT_FAILED, "the current directory cannot be read");
	locate_git(arena, here, &git);
	int result = project_list(r, arena, &rows, &count, e);
	for (size_t i = 0; !result && i < count; i++)
		if (!strcmp(rows[i].path, git.present ? git.main_dir : here)) {
			*out = rows[i];
			found++;
		}
	registry_close(r);
	return result ? -1 : found == 1;
}

static bool has_file(struct context *context)
{
	struct source source;
	struct error none = {0};
	int result = context_source(context, &source, &none);
	source_release(&source);
	return !result;
}

int inventory_here(struct context *context, const char *word, struct arena *arena,
	struct inventory *out, struct error *e)
{
	struct project project;
	int found = word ? project_named(context, word, arena, &project, e)
			 : project_here(context, arena, &project, e);
	if (found == 0 && !has_file(context))
		found = project_of_place(context, arena, &project, e);
	if (found == 0) {
		fail(e, EXIT_NOT_FOUND, "the project of this directory is not registered");
		error_hint(e, "`stackup up` or `stackup registry add` does that; -p names another one");
	}
	if (found > 0)
		reconcile_worktrees(context, project.id);
	if (found <= 0 || inventory_read(context->paths.state, project.id, arena, out, e))
		return -1;
	return out->project_count ? 0
		: fail(e, EXIT_NOT_FOUND, "project '%s' was removed meanwhile", project.name);
}

int inventory_of_machine(
	const struct context *context, struct arena *arena, struct inventory *out, struct error *e)
{
	const char *state = context->paths.state;
	int result = inventory_read(state, 0, arena, out, e);
	if (!result && out->instance_count <= RECONCILE_MOST && reconcile_worktrees(context, 0))
		result = inventory_read(state, 0, arena, out, e);
	return result;
}
