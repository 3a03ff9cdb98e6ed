#include "base/json_text.h"
#include "base/terminal.h"
#include "cli/context.h"
#include "cli/out.h"
#include "cli/registry/verbs.h"
#include "cli/shared/inventory_show.h"
#include "ports/policy.h"
#include "registry/exports.h"

static void add_fact(struct table *table, const char *name, const char *value)
{
	if (!*value)
		return;
	table_cell(table, COLOUR_GREY, name);
	table_cell(table, COLOUR_NONE, value);
}

static void add_blocks(struct table *table, const struct inventory *all)
{
	const struct inventory_project *project = &all->projects[0];
	OWNED_TEXT cell = {0};
	for (size_t i = 0; i < project->block_count; i++) {
		int block = project->blocks[i];
		uint16_t first = block_port(all->ports_base, block);
		text_addf(&cell, "%s%d (ports %u-%u)", i ? ", " : "", block, first,
			first + BLOCK_PORTS - 1);
	}
	add_fact(table, project->block_count == 1 ? "block" : "blocks", text_string(&cell));
}

/* Files that are kept like the registry. */
struct followers {
	struct export_row *rows;
	size_t count;
};

static int read_followers(
	const struct context *context, struct arena *arena, struct followers *out, struct error *e)
{
	struct registry *r = context_registry(context, e);
	int result = r ? export_list(r, arena, &out->rows, &out->count, e) : -1;
	registry_close(r);
	return result;
}

static void add_followers_json(struct text *out, const struct followers *followers)
{
	text_cut(out, out->length - 1);
	text_add(out, ",\"exports\":[");
	for (size_t i = 0; i < followers->count; i++) {
		text_add(out, i ? ",{\"path\":" : "{\"path\":");
		json_text_add(out, followers->rows[i].path);
		text_addf(out, ",\"format\":\"%s\"}", followers->rows[i].format);
	}
	text_add(out, "]}");
}

static void add_followers(struct table *table, const struct followers *followers)
{
	for (size_t i = 0; i < followers->count; i++) {
		OWNED_TEXT cell = {0};
		text_addf(&cell, "%s (%s)", followers->rows[i].path, followers->rows[i].format);
		add_fact(table, i ? "" : "kept like it", text_string(&cell));
	}
}

static void show(const struct context *context, const struct inventory *all,
	const struct followers *followers)
{
	const struct project *row = &all->projects[0].row;
	OWNED_TEXT out = {0};
	struct table *table = table_new(2);
	add_fact(table, "project", row->name);
	add_blocks(table, all);
	add_fact(table, "directory", row->path);
	add_fact(table, "status", row->status);
	add_fact(table, "owner", row->owner);
	add_fact(table, "notes", row->notes);
	add_fact(table, "registered", row->created_at);
	add_fact(table, "last use", row->last_used_at);
	add_followers(table, followers);
	table_print(table, context->colour, &out);
	table_free(table);
	if (all->projects[0].count)
		text_add_char(&out, '\n');
	inventory_show_instances(context, all, &all->projects[0], &out);
	out_text(&out);
}

int verb_registry_show(struct context *context, struct error *e)
{
	const struct command_line *line = &context->line;
	struct arena *arena = arena_new();
	struct inventory all;
	struct followers followers = {0};
	OWNED_TEXT json = {0};
	if (!arena)
		return fail(e, EXIT_FAILED, "out of memory");
	int result = inventory_here(
		context, line->word_count > 1 ? line->words[1] : NULL, arena, &all, e);
	if (!result)
		result = read_followers(context, arena, &followers, e);
	if (!result && context->json) {
		inventory_add_one(&json, &all);
		add_followers_json(&json, &followers);
		inventory_print_json(&json);
	} else if (!result) {
		show(context, &all, &followers);
	}
	arena_free(arena);
	return result;
}
