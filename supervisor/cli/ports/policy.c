#include "base/terminal.h"
#include "cli/out.h"
#include "cli/ports/verbs.h"
#include "cli/shared/resolved.h"
#include "ports/policy.h"
#include "survey/ranges.h"

enum { SHOWN_MOST = 4 }; /* inhabitants in a row of the table */

/* ---- JSON ---- */

static json_t *inhabitant_json(const struct inhabitant *who)
{
	json_t *lease = who->project
		? json_pack("{s:s, s:i, s:s}", "project", who->project, "instance", who->instance,
			  "service", who->service)
		: json_null();
	return json_pack("{s:i, s:b, s:o, s:s?}", "port", (int)who->port, "listening",
		(int)who->listening, "lease", lease, "process", who->process);
}

static json_t *range_json(const struct inhabited_range *row)
{
	json_t *inhabitants = json_array();
	for (size_t i = 0; i < row->count; i++)
		json_array_append_new(inhabitants, inhabitant_json(&row->inhabitants[i]));
	return json_pack("{s:s, s:s, s:i, s:i, s:o, s:s, s:s, s:b, s:o}", "kind",
		range_kind_word(row->kind), "name", row->range.name, "low", (int)row->range.low,
		"high", (int)row->range.high, "block",
		row->block < 0 ? json_null() : json_integer(row->block), "aliases",
		row->range.aliases, "text", row->range.text, "own", (int)row->own, "inhabitants",
		inhabitants);
}

static json_t *policy_json(const struct range_list *list)
{
	json_t *all = json_array();
	for (size_t i = 0; i < list->count; i++)
		json_array_append_new(all, range_json(&list->items[i]));
	return json_pack("{s:i, s:i, s:i, s:i, s:o}", "version", 1, "base_port",
		(int)list->ports_base, "block_ports", (int)BLOCK_PORTS, "instance_ports",
		(int)SLOTS, "ranges", all);
}

/* ---- the table ---- */

static void add_inhabitant(struct text *out, const struct inhabitant *who)
{
	text_addf(out, "%u", who->port);
	if (who->project)
		text_addf(out, " %s/%d %s", who->project, who->instance, who->service);
	else if (who->process)
		text_addf(out, " %s", who->process);
	if (who->project && !who->listening)
		text_add(out, " (silent)");
}

static void inhabitants_cell(struct table *table, const struct inhabited_range *row)
{
	OWNED_TEXT cell = {0};
	for (size_t i = 0; i < row->count && i < SHOWN_MOST; i++) {
		text_add(&cell, i ? ", " : "");
		add_inhabitant(&cell, &row->inhabitants[i]);
	}
	if (row->count > SHOWN_MOST)
		text_addf(&cell, " and %zu more", row->count - SHOWN_MOST);
	table_cell(table, COLOUR_NONE, text_string(&cell));
}

static void name_cell(struct table *table, const struct inhabited_range *row)
{
	OWNED_TEXT cell = {0};
	text_add(&cell, row->range.name);
	if (row->block >= 0)
		text_addf(&cell, " (block %d)", row->block);
	if (row->own)
		text_add(&cell, " (of [ports])");
	table_cell(table, COLOUR_BOLD, text_string(&cell));
}

static void show(const struct context *context, const struct range_list *list)
{
	static const char *const headings[] = {"KIND", "NAME", "PORTS", "FOR", "NOW"};
	OWNED_TEXT out = {0};
	struct table *table = table_new(5);
	for (size_t i = 0; i < 5; i++)
		table_cell(table, COLOUR_GREY, headings[i]);
	for (size_t i = 0; i < list->count; i++) {
		const struct inhabited_range *row = &list->items[i];
		OWNED_TEXT ports = {0};
		text_addf(&ports, "%u-%u", row->range.low, row->range.high);
		table_cell(table, COLOUR_NONE, range_kind_word(row->kind));
		name_cell(table, row);
		table_cell(table, COLOUR_NONE, text_string(&ports));
		table_cell(table, COLOUR_GREY, row->range.text);
		inhabitants_cell(table, row);
	}
	table_print(table, context->colour, &out);
	table_free(table);
	out_lines(&out);
}

/* ---- */

/* What the files say where there is a stack file; nothing elsewhere. */
static int read_wish(struct context *context, struct resolved *r, struct range_wish *wish,
	struct error *e)
{
	struct error none = {0};
	*wish = (struct range_wish){.emergency = {.low = 40000, .high = 40999}};
	if (resolve(context, r, &none)) {
		bool named = option_given(&context->line, OPTION_FILE) ||
			option_given(&context->line, OPTION_PROJECT);
		if (named)
			*e = none;
		return named ? -1 : 0;
	}
	if (context_judge(context, &r->source.complaints, e))
		return -1;
	wish->ranges = draft_ranges(r->draft, &wish->range_count);
	wish->pool = draft_pool(r->draft);
	draft_emergency(r->draft, &wish->emergency.low, &wish->emergency.high);
	return 0;
}

int verb_ports_policy(struct context *context, struct error *e)
{
	struct resolved r;
	struct range_wish wish;
	struct range_list list;
	struct arena *arena = arena_new();
	int result = arena ? read_wish(context, &r, &wish, e) : fail(e, EXIT_FAILED, "out of memory");
	if (!result)
		result = ranges_look(context->paths.state, &wish, arena, &list, e);
	if (!result && context->json)
		out_json(policy_json(&list));
	else if (!result)
		show(context, &list);
	if (arena) {
		arena_free(arena);
		resolved_release(&r);
	}
	return result;
}
