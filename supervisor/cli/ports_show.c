#include "cli/ports_show.h"

#include <string.h>

#include "base/clock.h"
#include "base/terminal.h"
#include "cli/out.h"
#include "ports/report.h"
#include "ports/reserved.h"

/* ---- parts ---- */

static void number_cell(struct table *table, uint16_t port)
{
	OWNED_TEXT cell = {0};
	text_addf(&cell, "%u", (unsigned)port);
	table_cell(table, COLOUR_NONE, text_string(&cell));
}

static void add_lease(struct text *out, const struct port_view *view)
{
	const struct lease *lease = &view->lease;
	if (!view->has_lease)
		return;
	text_addf(out, "%s/%d", lease->project ? lease->project : "?", lease->instance);
	if (lease->service && *lease->service)
		text_addf(out, " %s", lease->service);
	if (lease->name && *lease->name && strcmp(lease->name, "main") != 0)
		text_addf(out, ".%s", lease->name);
}

static void lease_cell(struct table *table, const struct port_view *view)
{
	OWNED_TEXT cell = {0};
	add_lease(&cell, view);
	table_cell(table, COLOUR_BOLD, text_string(&cell));
}

static void holder_cell(struct table *table, const struct port_view *view, bool named)
{
	OWNED_TEXT cell = {0};
	if (view->has_holder && named)
		owner_add_line(&cell, &view->holder);
	else if (view->has_holder && view->holder.user)
		text_addf(&cell, "user %s", view->holder.user);
	table_cell(table, COLOUR_NONE, text_string(&cell));
}

static void add_address(struct text *out, const struct port_view *view)
{
	char address[SOCKET_ADDRESS_SIZE];
	text_add(out, socket_address(&view->socket, address));
	if (view->socket.v6_only && strcmp(address, "::") == 0)
		text_add(out, " (IPv6 only)");
}

static void address_cell(struct table *table, const struct port_view *view)
{
	OWNED_TEXT cell = {0};
	add_address(&cell, view);
	table_cell(table, COLOUR_NONE, text_string(&cell));
}

static struct table *begin_table(const char *const *headings, size_t columns)
{
	struct table *table = table_new(columns);
	for (size_t i = 0; i < columns; i++)
		table_cell(table, COLOUR_GREY, headings[i]);
	return table;
}

static void end_table(const struct context *context, struct table *table)
{
	OWNED_TEXT out = {0};
	table_print(table, context->colour, &out);
	table_free(table);
	out_text(&out);
}

/* Where the answer is not complete, and why. */
static void add_notes(const struct context *context, const struct port_look *look)
{
	if (context->quiet)
		return;
	if (look->by_proc)
		say("this kernel has no sock_diag, so /proc/net was read: ports that are held and "
		    "not listened on do not show there");
	if (look->unnamed)
		say("the processes of %zu sockets were not looked for; --who or a range of ports "
		    "names them", look->unnamed);
}

/* JSON, or the sentence for an empty answer: done. */
static bool is_shown(const struct context *context, const struct port_look *look, const char *nothing)
{
	add_notes(context, look);
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
	struct table *table = begin_table(headings, 5);
	for (size_t i = 0; i < look->count; i++) {
		const struct port_view *view = &look->items[i];
		const char *standing = standing_of(view);
		if (is_repeated(look, i))
			continue;
		bool wrong = view->seen && view->class != CLASS_OWN_LIVE && view->class != CLASS_LEASED;
		number_cell(table, view->port);
		table_cell(table, COLOUR_NONE, view->udp ? "udp" : "tcp");
		lease_cell(table, view);
		table_cell(table, wrong ? COLOUR_RED : COLOUR_NONE, standing);
		holder_cell(table, view, true);
	}
	end_table(context, table);
}

/* ---- scan ---- */

void ports_show_scan(const struct context *context, const struct port_look *look)
{
	static const char *const headings[] = {
		"PORT", "PROTOCOL", "STATE", "ADDRESS", "CLASS", "LEASE", "HOLDER"};
	if (is_shown(context, look, "nobody listens there"))
		return;
	struct table *table = begin_table(headings, 7);
	for (size_t i = 0; i < look->count; i++) {
		const struct port_view *view = &look->items[i];
		if (is_repeated(look, i))
			continue;
		number_cell(table, view->port);
		table_cell(table, COLOUR_NONE, view->udp ? "udp" : "tcp");
		table_cell(table, COLOUR_NONE,
			view->socket.state == SOCKET_UDP ? "" : socket_state_word(view->socket.state));
		address_cell(table, view);
		table_cell(table, COLOUR_NONE, port_class_word(view->class));
		lease_cell(table, view);
		holder_cell(table, view, !look->unnamed);
	}
	end_table(context, table);
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
		text_addf(&line, "%s: %s", view->socket.v6 ? "]" : "", socket_state_word(view->socket.state));
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
	add_lease(&lease, view);
	if (view->is_reserved)
		reservation_add(&reserved, &view->reservation);
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
