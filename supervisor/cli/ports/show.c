#include "cli/ports/show.h"

#include <string.h>

#include "base/clock.h"
#include "base/terminal.h"
#include "cli/out.h"
#include "ports/reserved.h"
#include "survey/report.h"

/* ---- parts ---- */

void ports_add_lease(struct text *out, const struct lease *lease)
{
	text_add(out, lease->project ? lease->project : "?");
	text_add_char(out, '/');
	text_add_number(out, (uint64_t)lease->instance);
	if (lease->service && *lease->service)
		text_addf(out, " %s", lease->service);
	if (lease->name && *lease->name && strcmp(lease->name, "main") != 0)
		text_addf(out, ".%s", lease->name);
}

static void add_address(struct text *out, const struct port_view *view)
{
	char address[SOCKET_ADDRESS_SIZE];
	text_add(out, socket_address(&view->socket, address));
	if (view->socket.v6_only && strcmp(address, "::") == 0)
		text_add(out, " (IPv6 only)");
}

/* A table in the making, and a text that its cells are put together in. */
struct sheet {
	struct table *table; /* owns */
	struct text cell; /* owns */
};

static void end_cell(struct sheet *sheet, enum colour colour)
{
	table_cell(sheet->table, colour, text_string(&sheet->cell));
	text_clear(&sheet->cell);
}

static void port_cells(struct sheet *sheet, const struct port_view *view)
{
	text_add_number(&sheet->cell, view->port);
	end_cell(sheet, COLOUR_NONE);
	table_cell(sheet->table, COLOUR_NONE, view->udp ? "udp" : "tcp");
}

static void lease_cell(struct sheet *sheet, const struct port_view *view)
{
	if (view->has_lease)
		ports_add_lease(&sheet->cell, &view->lease);
	end_cell(sheet, COLOUR_BOLD);
}

static void holder_cell(struct sheet *sheet, const struct port_view *view)
{
	if (view->has_holder)
		owner_add_line(&sheet->cell, &view->holder);
	end_cell(sheet, COLOUR_NONE);
}

static struct sheet begin_sheet(const char *const *headings, size_t columns)
{
	struct sheet sheet = {.table = table_new(columns)};
	for (size_t i = 0; i < columns; i++)
		table_cell(sheet.table, COLOUR_GREY, headings[i]);
	return sheet;
}

static void end_sheet(const struct context *context, struct sheet *sheet)
{
	OWNED_TEXT out = {0};
	table_print(sheet->table, context->colour, &out);
	table_free(sheet->table);
	text_release(&sheet->cell);
	out_lines(&out);
}

void ports_note_proc(const struct context *context, bool by_proc)
{
	if (by_proc && !context->quiet)
		say("this kernel has no sock_diag, so /proc/net was read: ports that are held and "
		    "not listened on do not show there");
}

/* JSON, or the sentence for an empty answer: done. */
static bool is_shown(
	const struct context *context, const struct port_look *look, const char *nothing)
{
	ports_note_proc(context, look->by_proc);
	if (context->json)
		out_json(report_listeners(look));
	else if (!look->count)
		say("%s", nothing);
	return context->json || !look->count;
}

/* Another socket of the same process in the same place, as SO_REUSEPORT has them. */
static bool is_repeated(const struct port_look *look, size_t at)
{
	const struct port_view *b = &look->items[at], *a = at ? b - 1 : NULL;
	return a && a->port == b->port && a->udp == b->udp && a->seen && b->seen &&
		a->socket.state == b->socket.state && a->socket.v6 == b->socket.v6 &&
		!memcmp(a->socket.address, b->socket.address, sizeof a->socket.address) &&
		a->has_holder && b->has_holder && a->holder.pid && a->holder.pid == b->holder.pid;
}

/* ---- list ---- */

/* Another address of what the row above says already. */
static bool is_said(const struct port_look *look, size_t at)
{
	const struct port_view *b = &look->items[at], *a = at ? b - 1 : NULL;
	return a && a->port == b->port && a->udp == b->udp && a->seen && b->seen &&
		a->class == b->class && a->socket.state == b->socket.state &&
		a->has_holder && b->has_holder && a->holder.pid && a->holder.pid == b->holder.pid;
}

/* What a lease has come to. */
static const char *standing_of(const struct port_view *view)
{
	bool moved = view->has_lease && view->lease.kind == LEASE_MOVED;
	if (!view->has_lease)
		return view->seen ? "reserved, in use" : "reserved";
	if (view->class == CLASS_OWN_LIVE)
		return moved ? "listening, moved" : "listening";
	if (view->class == CLASS_LEASED && view->seen)
		return moved ? "held, moved" : "held";
	if (view->class == CLASS_OWN_STALE)
		return "leftover";
	if (view->seen)
		return "wrong owner";
	return view->class == CLASS_LEASED ? "nobody there" : "free";
}

void ports_show_list(const struct context *context, const struct port_look *look)
{
	static const char *const headings[] = {"PORT", "PROTOCOL", "LEASE", "STANDING", "HOLDER"};
	if (is_shown(context, look, "no port is leased"))
		return;
	struct sheet sheet = begin_sheet(headings, 5);
	for (size_t i = 0; i < look->count; i++) {
		const struct port_view *view = &look->items[i];
		const char *standing = standing_of(view);
		if (is_said(look, i))
			continue;
		bool right = view->class == CLASS_OWN_LIVE || view->class == CLASS_LEASED;
		port_cells(&sheet, view);
		lease_cell(&sheet, view);
		table_cell(sheet.table, view->seen && !right ? COLOUR_RED : COLOUR_NONE, standing);
		holder_cell(&sheet, view);
	}
	end_sheet(context, &sheet);
}

/* ---- who ---- */

static void add_fact(struct text *out, const char *label, const struct text *fact)
{
	if (!fact->length)
		return;
	text_addf(out, "  %-9s ", label);
	terminal_add_strict(out, text_string(fact), fact->length);
	text_add_char(out, '\n');
}

static void add_holder(struct text *out, const struct port_view *view)
{
	OWNED_TEXT line = {0}, place = {0};
	char since[CLOCK_ISO_SIZE];
	if (!view->has_holder)
		return;
	owner_add_line(&line, &view->holder);
	add_fact(out, "holder", &line);
	if (!view->holder.pid)
		return;
	text_addf(&place, "%s%ssince %s", view->holder.cwd ? view->holder.cwd : "",
		view->holder.cwd ? ", " : "", clock_iso(view->holder.started_wall_ms, since));
	add_fact(out, "in", &place);
}

static void add_heading(struct text *out, const struct port_view *view)
{
	OWNED_TEXT line = {0};
	text_addf(&line, "port %u/%s", (unsigned)view->port, view->udp ? "udp" : "tcp");
	if (view->seen) {
		text_add(&line, view->socket.v6 ? " on [" : " on ");
		add_address(&line, view);
		text_addf(&line, "%s: %s", view->socket.v6 ? "]" : "",
			socket_state_word(view->socket.state));
	}
	if (view->connections)
		text_addf(&line, " with %zu connection%s", view->connections,
			view->connections == 1 ? "" : "s");
	text_addf(&line, "%s %s\n", view->seen ? "," : ":", port_class_word(view->class));
	terminal_add_strict(out, text_string(&line), line.length - 1);
	text_add_char(out, '\n');
}

static void add_view(struct text *out, const struct port_view *view)
{
	OWNED_TEXT lease = {0}, reserved = {0}, evidence = {0};
	if (view->has_lease)
		ports_add_lease(&lease, &view->lease);
	if (view->reservation)
		reservation_add(&reserved, view->reservation);
	if (view->class != CLASS_RESERVED)
		port_view_add_evidence(&evidence, view);
	add_heading(out, view);
	add_holder(out, view);
	add_fact(out, "lease", &lease);
	add_fact(out, "reserved", &reserved);
	add_fact(out, "evidence", &evidence);
}

void ports_show_who(const struct context *context, const struct port_look *look)
{
	OWNED_TEXT out = {0};
	if (is_shown(context, look, "nobody has that port"))
		return;
	for (size_t i = 0; i < look->count; i++)
		if (!is_repeated(look, i))
			add_view(&out, &look->items[i]);
	out_text(&out);
}
