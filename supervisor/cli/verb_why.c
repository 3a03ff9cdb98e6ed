#include <string.h>

#include "base/terminal.h"
#include "cli/context.h"
#include "cli/event_tail.h"
#include "cli/out.h"
#include "cli/verb.h"

static void add_safe(struct text *out, const char *before, const char *value)
{
	text_add(out, before);
	terminal_add_strict(out, value, strlen(value));
}

static void add_transitions(const struct context *context, const json_t *list, struct text *out)
{
	struct table *table = table_new(3);
	table_cell(table, COLOUR_GREY, "TIME");
	table_cell(table, COLOUR_GREY, "STATE");
	table_cell(table, COLOUR_GREY, "REASON");
	size_t index;
	json_t *item;
	json_array_foreach(list, index, item)
	{
		table_cell(table, COLOUR_GREY, event_string(item, "time"));
		table_cell(table, COLOUR_BOLD, event_string(item, "to"));
		table_cell(table, COLOUR_NONE, event_string(item, "text"));
	}
	if (json_array_size(list))
		table_print(table, context->colour, out);
	table_free(table);
}

static void add_needs(const json_t *list, struct text *out)
{
	size_t index;
	json_t *item;
	json_array_foreach(list, index, item)
	{
		const char *text = event_string(item, "text");
		add_safe(out, json_is_true(json_object_get(item, "met")) ? "has    " : "waits  ",
			event_string(item, "service"));
		add_safe(out, ":", event_string(item, "condition"));
		add_safe(out, " (now ", event_string(item, "state"));
		add_safe(out, text[0] ? ": " : "", text);
		text_add(out, ")\n");
	}
}

static void add_log(const json_t *lines, struct text *out)
{
	size_t index;
	json_t *line;
	if (json_array_size(lines))
		text_add(out, "last lines:\n");
	json_array_foreach(lines, index, line)
	{
		text_add(out, "  ");
		terminal_add_line(out, json_string_value(line), json_string_length(line), false);
		text_add_char(out, '\n');
	}
}

static void show(const struct context *context, const json_t *reply)
{
	OWNED_TEXT out = {0};
	const char *reason = event_string(reply, "reason");
	add_safe(&out, "", event_string(reply, "service"));
	add_safe(&out, " is ", event_string(reply, "state"));
	if (strcmp(event_string(reply, "health"), "none") != 0)
		add_safe(&out, ", health ", event_string(reply, "health"));
	add_safe(&out, reason[0] ? ": " : "", reason);
	text_add_char(&out, '\n');
	add_needs(json_object_get(reply, "waits_for"), &out);
	add_transitions(context, json_object_get(reply, "transitions"), &out);
	add_log(json_object_get(reply, "log"), &out);
	out_text(&out);
}

int verb_why(struct context *context, struct error *e)
{
	struct target target;
	json_t *reply = NULL;
	if (context->line.word_count != 1)
		return fail(e, EXIT_USAGE, "`why` wants one service");
	int result = context_running(context, &target, e);
	if (result == 0)
		result = target_ask(&target, json_pack("{s:s, s:s}", "verb", "why", "service",
			context->line.words[0]), &reply, e);
	if (result == 0 && context->json) {
		json_object_del(reply, "id");
		json_object_del(reply, "ok");
		json_object_set_new(reply, "version", json_integer(1));
		out_json(json_incref(reply));
	} else if (result == 0) {
		show(context, reply);
	}
	json_decref(reply);
	target_release(&target);
	return result;
}
