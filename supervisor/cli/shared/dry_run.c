#include "cli/shared/dry_run.h"

#include <string.h>

#include "base/terminal.h"
#include "cli/out.h"
#include "cli/shared/event_tail.h"
#include "cli/shared/resolved.h"
#include "control/wire.h"
#include "plan/change.h"
#include "plan/order.h"
#include "stackfile/describe.h"

static const struct port *main_port(const struct stack *stack, int service)
{
	return stack_main_port(stack, &stack->services[service]);
}

/* As `config` shows it: what is secret stays so. */
static void add_shown(
	struct text *out, const struct stack *stack, const struct service *s, const char *value)
{
	secret_add_shown(out, stack, s, value ? value : "");
}

static json_t *step_json(const struct stack *stack, const struct order *order, int service)
{
	const struct service *s = &stack->services[service];
	json_t *ports = json_object();
	for (size_t i = 0; i < s->port_count; i++)
		json_object_set_new(ports, stack->ports[s->ports[i]].name,
			json_integer(stack->ports[s->ports[i]].number));
	OWNED_TEXT url = {0};
	OWNED_TEXT command = {0};
	add_shown(&url, stack, s, s->url);
	add_shown(&command, stack, s, s->command.text);
	return json_pack("{s:s, s:s, s:i, s:o, s:s?, s:s}", "name", s->name, "type",
		service_type_word(s->policy.type), "wave", order->wave[service] + 1, "ports", ports,
		"url", s->url ? text_string(&url) : NULL, "command", text_string(&command));
}

static json_t *plan_json(const struct resolved *r, const struct order *order)
{
	json_t *steps = json_array();
	for (size_t i = 0; i < order->count; i++)
		json_array_append_new(steps, step_json(r->stack, order, order->services[i]));
	return json_pack("{s:i, s:s, s:i, s:i, s:b, s:o}", "version", 1, "project",
		r->claim.project, "instance", r->claim.instance, "base_port", (int)r->claim.base_port,
		"running", (int)r->running, "plan", steps);
}

static void port_cell(struct table *table, const struct stack *stack, int service)
{
	const struct port *port = main_port(stack, service);
	OWNED_TEXT cell = {0};
	if (port)
		text_addf(&cell, "%d", port->number);
	table_cell(table, COLOUR_NONE, text_string(&cell));
}

static void show_table(const struct context *context, const struct resolved *r,
	const struct order *order)
{
	OWNED_TEXT out = {0};
	static const char *const headings[] = {"WAVE", "SERVICE", "TYPE", "PORT", "COMMAND"};
	struct table *table = table_new(5);
	for (size_t i = 0; i < 5; i++)
		table_cell(table, COLOUR_GREY, headings[i]);
	for (size_t i = 0; i < order->count; i++) {
		int service = order->services[i];
		const struct service *s = &r->stack->services[service];
		OWNED_TEXT wave = {0};
		text_addf(&wave, "%d", order->wave[service] + 1);
		table_cell(table, COLOUR_NONE, text_string(&wave));
		table_cell(table, COLOUR_BOLD, s->name);
		table_cell(table, COLOUR_NONE, service_type_word(s->policy.type));
		port_cell(table, r->stack, service);
		OWNED_TEXT command = {0};
		add_shown(&command, r->stack, s, s->command.text);
		table_cell(table, COLOUR_NONE, text_string(&command));
	}
	text_addf(&out, "%s instance %d, ports from %d\n", r->claim.project, r->claim.instance,
		(int)r->claim.base_port);
	table_print(table, context->colour, &out);
	table_free(table);
	out_text(&out);
}

/* ---- where it runs already: what would change ---- */

static const struct running *read_running(struct arena *arena, const json_t *reply, size_t *count)
{
	const json_t *services = json_object_get(reply, "services");
	struct running *all = arena_take(arena, (json_array_size(services) + 1) * sizeof *all);
	size_t i;
	json_t *item;
	*count = 0;
	json_array_foreach(services, i, item)
	{
		OWNED_TEXT fingerprint = {0};
		wire_unpack(json_object_get(item, "fingerprint"), &fingerprint);
		all[(*count)++] = (struct running){
			.name = arena_string(arena, event_string(item, "name")),
			.fingerprint = arena_string(arena, text_string(&fingerprint)),
			.wanted = json_is_true(json_object_get(item, "wanted")),
			.done = json_is_true(json_object_get(item, "done")),
			.failed = json_is_true(json_object_get(item, "failed"))};
	}
	return all;
}

static int ask_running(struct context *context, struct arena *arena, const struct running **running,
	size_t *count, struct error *e)
{
	struct target target;
	json_t *reply = NULL;
	int result = context_running(context, &target, e);
	if (result == 0)
		result = target_ask(&target, json_pack("{s:s}", "verb", "running"), &reply, e);
	if (result == 0)
		*running = read_running(arena, reply, count);
	json_decref(reply);
	target_release(&target);
	return result;
}

static json_t *change_json(const struct service_change *item)
{
	return json_pack("{s:s, s:s, s:s}", "name", item->name, "change", change_word(item->change),
		"reason", item->reason);
}

static void show_changes_json(const struct resolved *r, const struct order *order,
	const struct changes *changes)
{
	json_t *items = json_array();
	for (size_t i = 0; i < changes->count; i++)
		json_array_append_new(items, change_json(&changes->items[i]));
	json_t *plan = plan_json(r, order);
	json_object_set_new(plan, "changes", items);
	out_json(plan);
}

static void change_row(struct table *table, const struct resolved *r, const struct service_change *item)
{
	const struct service *s = item->wanted_index < 0 ? NULL : &r->stack->services[item->wanted_index];
	OWNED_TEXT command = {0};
	if (s)
		add_shown(&command, r->stack, s, s->command.text);
	table_cell(table, COLOUR_NONE, change_word(item->change));
	table_cell(table, COLOUR_BOLD, item->name);
	table_cell(table, COLOUR_NONE, item->reason);
	table_cell(table, COLOUR_NONE, text_string(&command));
}

static void show_changes(const struct context *context, const struct resolved *r,
	const struct changes *changes)
{
	static const char *const headings[] = {"CHANGE", "SERVICE", "WHY", "COMMAND"};
	OWNED_TEXT out = {0};
	struct table *table = table_new(4);
	bool any = changes->of[CHANGE_KEEP] < changes->count;
	for (size_t i = 0; i < 4 && any; i++)
		table_cell(table, COLOUR_GREY, headings[i]);
	for (size_t i = 0; i < changes->count; i++)
		if (changes->items[i].change != CHANGE_KEEP)
			change_row(table, r, &changes->items[i]);
	text_addf(&out, "%s instance %d, ports from %d (runs already)%s\n", r->claim.project,
		r->claim.instance, (int)r->claim.base_port, any ? "" : ": nothing would change");
	table_print(table, context->colour, &out);
	table_free(table);
	out_text(&out);
}

static int plan_changes(struct context *context, struct resolved *r, const struct order *order,
	const bool *wanted, struct error *e)
{
	const struct running *running;
	size_t count;
	if (ask_running(context, r->arena, &running, &count, e))
		return -1;
	struct changes changes = change_plan(r->arena, r->stack, r->graph, wanted, running, count);
	if (context->json)
		show_changes_json(r, order, &changes);
	else
		show_changes(context, r, &changes);
	return EXIT_DONE;
}

/* ---- */

static int plan(struct context *context, struct resolved *r, struct error *e)
{
	const struct command_line *line = &context->line;
	bool *wanted;
	if (order_wanted(r->arena, r->stack, r->graph, line->words, line->word_count,
		    !option_given(line, OPTION_NO_DEPS), &wanted, e) < 0)
		return -1;
	struct order order = order_new(r->arena, r->stack, r->graph, wanted);
	if (r->running)
		return plan_changes(context, r, &order, line->word_count ? wanted : NULL, e);
	if (context->json)
		out_json(plan_json(r, &order));
	else
		show_table(context, r, &order);
	return EXIT_DONE;
}

int dry_run(struct context *context, struct error *e)
{
	struct resolved resolved;
	int code = resolve_checked(context, &resolved, e);
	if (code == 0)
		code = plan(context, &resolved, e);
	resolved_release(&resolved);
	return code;
}
