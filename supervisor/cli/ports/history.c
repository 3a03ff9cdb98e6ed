#include <string.h>

#include "base/clock.h"
#include "base/terminal.h"
#include "cli/context.h"
#include "cli/out.h"
#include "cli/ports/verbs.h"
#include "cli/shared/event_history.h"
#include "cli/shared/here.h"
#include "cli/shared/tail_options.h"
#include "registry/history_list.h"

static json_t *events_json(const struct port_event *events, size_t count)
{
	json_t *all = json_array();
	for (size_t i = 0; i < count; i++) {
		const struct port_event *v = &events[i];
		json_array_append_new(all, json_pack("{s:s, s:s, s:i, s:s, s:s, s:s, s:i, s:i, s:s}",
			"time", v->time, "project", v->project, "instance", v->instance, "service",
			v->service, "name", v->name, "kind", v->kind, "old", (int)v->old_port, "new",
			(int)v->new_port, "text", v->text));
	}
	return json_pack("{s:i, s:o}", "version", 1, "history", all);
}

static void ports_cell(struct table *table, const struct port_event *v)
{
	OWNED_TEXT cell = {0};
	if (v->old_port)
		text_addf(&cell, "%u", v->old_port);
	if (v->old_port && v->new_port)
		text_add(&cell, " > ");
	if (v->new_port)
		text_addf(&cell, "%u", v->new_port);
	table_cell(table, COLOUR_NONE, text_string(&cell));
}

static void whose_cell(struct table *table, const struct port_event *v)
{
	OWNED_TEXT cell = {0};
	if (v->project[0])
		text_add(&cell, v->project);
	if (v->project[0] && v->instance)
		text_addf(&cell, "/%d", v->instance);
	if (v->service[0])
		text_addf(&cell, " %s", v->service);
	if (v->name[0] && strcmp(v->name, "main") != 0)
		text_addf(&cell, ".%s", v->name);
	table_cell(table, COLOUR_BOLD, text_string(&cell));
}

static void show(const struct context *context, const struct port_event *events, size_t count)
{
	static const char *const headings[] = {"TIME", "SERVICE", "WHAT", "PORT", ""};
	OWNED_TEXT out = {0};
	struct table *table = table_new(5);
	for (size_t i = 0; i < 5; i++)
		table_cell(table, COLOUR_GREY, headings[i]);
	for (size_t i = 0; i < count; i++) {
		table_cell(table, COLOUR_GREY, events[i].time);
		whose_cell(table, &events[i]);
		table_cell(table, COLOUR_NONE, events[i].kind);
		ports_cell(table, &events[i]);
		table_cell(table, COLOUR_NONE, events[i].text);
	}
	table_print(table, context->colour, &out);
	table_free(table);
	out_text(&out);
}

/* A service, a port, or both. */
static int take_words(const struct context *context, struct history_filter *filter, struct error *e)
{
	for (size_t i = 1; i < context->line.word_count; i++) {
		const char *word = context->line.words[i];
		uint16_t port = 0;
		int is_port = word_is_port(word, &port, e);
		if (is_port < 0)
			return -1;
		if (is_port ? filter->port : filter->service[0])
			return fail(e, EXIT_USAGE,
				"one service and one port can be asked for, not '%s' as well", word);
		if (is_port)
			filter->port = port;
		else
			filter->service = word;
	}
	return 0;
}

/* A port is asked for on the whole machine, anything else of the project here if there is one. */
static int choose(struct context *context, struct arena *arena, struct history_filter *filter,
	struct error *e)
{
	struct project project;
	if (take_words(context, filter, e))
		return -1;
	if (filter->port && !filter->service[0] && !option_given(&context->line, OPTION_PROJECT))
		return 0;
	int found = project_here(context, arena, &project, e);
	if (found > 0)
		filter->project_id = project.id;
	return found < 0 ? -1 : 0;
}

static void say_nothing(const struct history_filter *filter)
{
	OWNED_TEXT whom = {0};
	if (filter->service[0])
		text_addf(&whom, "service '%s'", filter->service);
	if (filter->port)
		text_addf(&whom, "%sport %u", filter->service[0] ? " and " : "", filter->port);
	say("nothing has happened to %s%s", whom.length ? text_string(&whom) : "ports",
		filter->since[0] ? " since then" : "");
}

static int history(struct context *context, struct arena *arena, struct error *e)
{
	struct tail_options options;
	struct port_event *events = NULL;
	size_t count = 0;
	char since[CLOCK_ISO_SIZE] = "";
	if (tail_options(context, &options, e))
		return -1;
	bool limited = option_given(&context->line, OPTION_TAIL) || options.since_ms;
	struct history_filter filter = {.service = "", .since = since,
		.most = limited ? options.tail : HISTORY_SHOWN};
	if (options.since_ms)
		clock_iso(options.since_ms, since);
	if (choose(context, arena, &filter, e))
		return -1;
	struct registry *r = context_registry(context, e);
	int result = r ? history_ports(r, &filter, arena, &events, &count, e) : -1;
	registry_close(r);
	if (result || (!count && filter.service[0] && service_here(context, filter.service, e)))
		return -1;
	if (context->json)
		out_json(events_json(events, count));
	else if (count)
		show(context, events, count);
	else
		say_nothing(&filter);
	if (!limited && count == HISTORY_SHOWN)
		say("these are the newest %d; -n all shows every one, --since TIME those since then",
			HISTORY_SHOWN);
	return EXIT_DONE;
}

int verb_ports_history(struct context *context, struct error *e)
{
	struct arena *arena = arena_new();
	int code = arena ? history(context, arena, e) : fail(e, EXIT_FAILED, "out of memory");
	if (arena)
		arena_free(arena);
	return code;
}
