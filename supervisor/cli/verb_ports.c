#include <string.h>

#include "base/number.h"
#include "base/terminal.h"
#include "cli/out.h"
#include "cli/resolved.h"
#include "cli/verb.h"
#include "ports/look.h"
#include "ports/report.h"

/* ---- list and who: the same rows ---- */

static void lease_cell(struct table *table, const struct port_view *view)
{
	OWNED_TEXT cell = {0};
	if (view->has_lease)
		text_addf(&cell, "%s/%d%s%s", view->lease.project ? view->lease.project : "?",
			view->lease.instance, view->lease.service && view->lease.service[0] ? " " : "",
			view->lease.service ? view->lease.service : "");
	table_cell(table, COLOUR_BOLD, text_string(&cell));
}

static void holder_cell(struct table *table, const struct port_view *view)
{
	OWNED_TEXT cell = {0};
	if (view->has_holder)
		owner_add_line(&cell, &view->holder);
	table_cell(table, COLOUR_NONE, text_string(&cell));
}

static void show_views(const struct context *context, const struct port_look *look)
{
	static const char *const headings[] = {"PORT", "PROTOCOL", "LEASE", "CLASS", "HOLDER"};
	OWNED_TEXT out = {0};
	struct table *table = table_new(5);
	for (size_t i = 0; i < 5; i++)
		table_cell(table, COLOUR_GREY, headings[i]);
	for (size_t i = 0; i < look->count; i++) {
		const struct port_view *view = &look->items[i];
		OWNED_TEXT number = {0};
		text_addf(&number, "%d", (int)view->port);
		table_cell(table, COLOUR_NONE, text_string(&number));
		table_cell(table, COLOUR_NONE, view->udp ? "udp" : "tcp");
		lease_cell(table, view);
		table_cell(table, COLOUR_NONE, port_class_word(view->class));
		holder_cell(table, view);
	}
	table_print(table, context->colour, &out);
	table_free(table);
	out_text(&out);
}

static void show_look(const struct context *context, const struct port_look *look, const char *nothing)
{
	if (context->json)
		out_json(report_listeners(look));
	else if (look->count)
		show_views(context, look);
	else
		say("%s", nothing);
}

static int list(struct context *context, struct error *e)
{
	struct port_look look = {0};
	int result = ports_list(
		context->paths.state, option_value(&context->line, OPTION_PROJECT), &look, e);
	if (result == 0)
		show_look(context, &look, "no port is leased");
	port_look_release(&look);
	return result;
}

static int who(struct context *context, struct error *e)
{
	struct port_look look = {0};
	const struct command_line *line = &context->line;
	int64_t port;
	if (line->word_count != 2 || !number_parse(line->words[1], 1, 65535, &port))
		return fail(e, EXIT_USAGE, "`ports who` wants a port number, 1 to 65535");
	int result = ports_who(context->paths.state, (uint16_t)port, &look, e);
	if (result == 0)
		show_look(context, &look, "nobody has that port");
	port_look_release(&look);
	return result;
}

/* ---- check ---- */

static void show_conflicts(const struct port_check *check)
{
	OWNED_TEXT out = {0};
	for (size_t i = 0; i < check->count; i++) {
		const struct port_conflict *c = &check->items[i];
		OWNED_TEXT line = {0};
		text_addf(&line, "port %d%s%s: %s", (int)c->port, c->service[0] ? " of " : "",
			c->service, c->text);
		if (c->move_to)
			text_addf(&line, "; it would move to %d", (int)c->move_to);
		terminal_add_strict(&out, text_string(&line), line.length);
		text_add_char(&out, '\n');
	}
	out_text(&out);
}

static int check_resolved(struct context *context, struct resolved *r, struct error *e)
{
	struct port_check check = {0};
	int result = ports_check(context->paths.state, &r->claim, r->ports, (size_t)r->port_count,
		false, &check, e);
	if (result == 0 && context->json)
		out_json(report_conflicts(&check));
	else if (result == 0 && check.count)
		show_conflicts(&check);
	else if (result == 0 && !context->quiet)
		say("nothing is in the way of %s instance %d", r->claim.project, r->claim.instance);
	if (result == 0)
		result = check.count ? EXIT_CONFLICT : EXIT_DONE;
	port_check_release(&check);
	return result;
}

static int check(struct context *context, struct error *e)
{
	struct resolved r;
	int code = resolve_checked(context, &r, e);
	if (code == 0)
		code = check_resolved(context, &r, e);
	resolved_release(&r);
	return code;
}

int verb_ports(struct context *context, struct error *e)
{
	static const struct {
		const char *name;
		int (*run)(struct context *context, struct error *e);
	} actions[] = {{"list", list}, {"who", who}, {"check", check}};
	const char *word = context->line.words[0];
	for (size_t i = 0; word && i < sizeof actions / sizeof actions[0]; i++)
		if (strcmp(actions[i].name, word) == 0)
			return actions[i].run(context, e);
	if (word)
		fail(e, EXIT_USAGE, "`ports` cannot '%s'", word);
	else
		fail(e, EXIT_USAGE, "`ports` wants to know what to do");
	error_hint(e, "it can list, who PORT, check");
	return -1;
}
