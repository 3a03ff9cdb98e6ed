#include "cli/ports_show.h"

#include "base/terminal.h"
#include "cli/out.h"
#include "ports/report.h"

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

void ports_show(const struct context *context, const struct port_look *look, const char *nothing)
{
	if (context->json)
		out_json(report_listeners(look));
	else if (look->count)
		show_views(context, look);
	else
		say("%s", nothing);
}
