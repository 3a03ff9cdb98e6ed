#include <string.h>

#include "base/terminal.h"
#include "cli/context.h"
#include "cli/out.h"
#include "cli/shared/event_tail.h"
#include "cli/shared/recorded.h"
#include "cli/verbs/verb.h"

static void add_safe(struct text *out, const char *before, const char *value)
{
	text_add(out, before);
	terminal_add_strict(out, value, strlen(value));
}

/* A living supervisor tells states; events.jsonl has events, some of which change none. */
static void add_transitions(
	const struct context *context, const json_t *list, bool live, struct text *out)
{
	struct table *table = table_new(3);
	table_cell(table, COLOUR_GREY, "TIME");
	table_cell(table, COLOUR_GREY, live ? "STATE" : "EVENT");
	table_cell(table, COLOUR_GREY, "REASON");
	size_t index;
	json_t *item;
	json_array_foreach(list, index, item)
	{
		table_cell(table, COLOUR_GREY, event_string(item, "time"));
		table_cell(table, COLOUR_BOLD, event_string(item, live ? "to" : "event"));
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

static void show(const struct context *context, const json_t *reply, bool live)
{
	OWNED_TEXT out = {0};
	const char *reason = event_string(reply, "reason");
	add_safe(&out, "", event_string(reply, "service"));
	add_safe(&out, " is ", event_string(reply, "state"));
	const char *health = event_string(reply, "health");
	if (live && strcmp(health, "none") != 0 && strcmp(health, "unknown") != 0)
		add_safe(&out, ", health ", health);
	add_safe(&out, reason[0] ? ": " : "", reason);
	text_add_char(&out, '\n');
	add_needs(json_object_get(reply, "waits_for"), &out);
	add_transitions(context, json_object_get(reply, "transitions"), live, &out);
	add_log(json_object_get(reply, "log"), &out);
	out_text(&out);
}

static json_t *find_answer(struct context *context, struct target *target, struct error *e)
{
	const char *service = context->line.words[0];
	json_t *reply = NULL;
	if (!target->alive)
		return recorded_why(target, service, e);
	json_t *request = json_pack("{s:s, s:s}", "verb", "why", "service", service);
	if (target_ask(target, request, &reply, e) == 0)
		return reply;
	target->alive = target_is_alive(target);
	return target->alive ? NULL : recorded_why(target, service, e);
}

int verb_why(struct context *context, struct error *e)
{
	struct target target;
	if (context->line.word_count != 1)
		return fail(e, EXIT_USAGE, "`why` wants one service");
	json_t *reply = context_target(context, &target, e) < 0 ? NULL
		: find_answer(context, &target, e);
	if (reply && !target.alive && !context->quiet)
		say("%s does not run; this is recorded of its last run", target_name(&target));
	if (reply && context->json) {
		json_object_del(reply, "id");
		json_object_del(reply, "ok");
		json_object_set_new(reply, "version", json_integer(1));
		out_json(json_incref(reply));
	} else if (reply) {
		show(context, reply, target.alive);
	}
	int result = reply ? EXIT_DONE : -1;
	json_decref(reply);
	target_release(&target);
	return result;
}
