#include "cli/shared/dry_run.h"

#include <string.h>

#include "base/terminal.h"
#include "cli/out.h"
#include "cli/shared/resolved.h"
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

static void show_json(const struct resolved *r, const struct order *order)
{
	json_t *steps = json_array();
	for (size_t i = 0; i < order->count; i++)
		json_array_append_new(steps, step_json(r->stack, order, order->services[i]));
	out_json(json_pack("{s:i, s:s, s:i, s:i, s:b, s:o}", "version", 1, "project",
		r->claim.project, "instance", r->claim.instance, "base_port", (int)r->claim.base_port,
		"running", (int)r->running, "plan", steps));
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
	text_addf(&out, "%s instance %d, ports from %d%s\n", r->claim.project, r->claim.instance,
		(int)r->claim.base_port, r->running ? " (runs already)" : "");
	table_print(table, context->colour, &out);
	table_free(table);
	out_text(&out);
}

static int plan(struct context *context, struct resolved *r, struct error *e)
{
	const struct command_line *line = &context->line;
	bool *wanted;
	if (order_wanted(r->arena, r->stack, r->graph, line->words, line->word_count,
		    !option_given(line, OPTION_NO_DEPS), &wanted, e) < 0)
		return -1;
	struct order order = order_new(r->arena, r->stack, r->graph, wanted);
	if (context->json)
		show_json(r, &order);
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
