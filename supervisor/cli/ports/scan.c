#include <string.h>

#include "base/number.h"
#include "cli/out.h"
#include "cli/ports/protects.h"
#include "cli/ports/show.h"
#include "cli/ports/verbs.h"
#include "survey/report.h"

/*
 * Thousands of rows are written as they come, some kilobytes at a time. Only two columns are of
 * different widths on different machines, and these are measured before.
 */
enum {
	PORT_WIDTH = 5,
	PROTOCOL_WIDTH = 8,
	STATE_WIDTH = 9,
	CLASS_WIDTH = 14,
	GAP = 2,
	ADDRESS_BYTES = SOCKET_ADDRESS_SIZE,
	ROW_BYTES = 256, /* of the columns above, an address, and colours */
	WRITE_BYTES = 64 * 1024,
};
#define ONLY_SIX ":: (IPv6 only)"

struct output {
	const struct context *context;
	struct text text; /* owns; not written so far */
	struct text rest; /* owns; of the last row, behind its port */
	struct text cell; /* owns; in the making */
	size_t address_width;
	size_t lease_width; /* 0: nothing is leased */
	bool named;
	size_t rows;
	struct port_view last; /* what the rest is of; borrows what is gone: only numbers are read */
};

/* ---- rows ---- */

/* A column, filled up with blanks. The row has room for it. */
static char *put(char *at, const char *text, size_t length, size_t width)
{
	memcpy(at, text, length);
	size_t end = length < width ? width + GAP : length + GAP;
	memset(at + length, ' ', end - length);
	return at + end;
}

static char *put_word(char *at, const char *word, size_t width)
{
	return put(at, word, strlen(word), width);
}

static char *put_port(char *at, unsigned port)
{
	char digits[PORT_WIDTH];
	size_t first = sizeof digits;
	do
		digits[--first] = (char)('0' + port % 10);
	while (port /= 10);
	return put(at, digits + first, sizeof digits - first, PORT_WIDTH);
}

static const char *address_of(const struct socket_entry *socket, char buffer[ADDRESS_BYTES])
{
	socket_address(socket, buffer);
	if (socket->v6_only && strcmp(buffer, "::") == 0)
		memcpy(buffer, ONLY_SIX, sizeof ONLY_SIX);
	return buffer;
}

/* Names of projects and services are plain ASCII. */
static char *put_lease(struct output *o, char *at, const struct port_view *view)
{
	if (!o->lease_width)
		return at;
	if (view->has_lease)
		ports_add_lease(&o->cell, &view->lease);
	at = stpcpy(at, colour_on(o->context->colour, COLOUR_BOLD));
	at = put(at, text_string(&o->cell), o->cell.length, o->lease_width);
	text_clear(&o->cell);
	return stpcpy(at, colour_off(o->context->colour));
}

static void add_holder(struct output *o, const struct port_view *view)
{
	if (!view->has_holder)
		return;
	if (o->named) {
		owner_add_line(&o->cell, &view->holder);
	} else {
		text_add(&o->cell, "user ");
		text_add(&o->cell, view->holder.user ? view->holder.user : "?");
	}
	terminal_add_strict(&o->rest, text_string(&o->cell), o->cell.length);
	text_clear(&o->cell);
}

static void make_rest(struct output *o, const struct port_view *view)
{
	const struct socket_entry *socket = &view->socket;
	bool takes_all = socket->state == SOCKET_UDP;
	char address[ADDRESS_BYTES];
	text_clear(&o->rest);
	char *rest = text_room(&o->rest, ROW_BYTES + o->lease_width), *at = rest;
	if (!rest)
		return;
	at = put_word(at, view->udp ? "udp" : "tcp", PROTOCOL_WIDTH);
	at = put_word(at, takes_all ? "" : socket_state_word(socket->state), STATE_WIDTH);
	at = put_word(at, address_of(socket, address), o->address_width);
	at = put_word(at, port_class_word(view->class), CLASS_WIDTH);
	at = put_lease(o, at, view);
	text_took(&o->rest, (size_t)(at - rest));
	add_holder(o, view);
	text_add_char(&o->rest, '\n');
}

static bool is_same_place(const struct socket_entry *a, const struct socket_entry *b)
{
	return a->state == b->state && a->v6 == b->v6 && a->v6_only == b->v6_only &&
		!memcmp(a->address, b->address, sizeof a->address);
}

/* Thousands of sockets are those of one program: but for the port their rows are the same. */
static bool is_like_last(const struct output *o, const struct port_view *view)
{
	const struct port_view *last = &o->last;
	return o->rest.length && last->udp == view->udp && last->class == view->class &&
		is_same_place(&last->socket, &view->socket) && !last->has_lease &&
		!view->has_lease && last->has_holder == view->has_holder &&
		last->holder.pid == view->holder.pid && last->holder.uid == view->holder.uid &&
		(view->holder.pid || !o->named);
}

static void add_row(struct output *o, const struct port_view *view)
{
	bool is_like = is_like_last(o, view);
	/* As SO_REUSEPORT has them: once is enough. */
	if (is_like && view->port == o->last.port && view->holder.pid)
		return;
	if (!is_like) {
		make_rest(o, view);
		o->last = *view;
	}
	o->last.port = view->port;
	char *row = text_room(&o->text, PORT_WIDTH + GAP);
	if (row)
		text_took(&o->text, (size_t)(put_port(row, view->port) - row));
	text_add_bytes(&o->text, text_string(&o->rest), o->rest.length);
}

static void add_json(struct output *o, const struct port_view *view, bool is_first)
{
	if (!is_like_last(o, view)) {
		text_clear(&o->rest);
		report_add_rest(&o->rest, view);
		o->last = *view;
	}
	report_add_port(&o->text, view, is_first);
	text_add_bytes(&o->text, text_string(&o->rest), o->rest.length);
}

static void add_headings(struct output *o)
{
	char *row = text_room(&o->text, ROW_BYTES + o->lease_width), *at = row;
	if (!row)
		return;
	at = stpcpy(at, colour_on(o->context->colour, COLOUR_GREY));
	at = put_word(at, "PORT", PORT_WIDTH);
	at = put_word(at, "PROTOCOL", PROTOCOL_WIDTH);
	at = put_word(at, "STATE", STATE_WIDTH);
	at = put_word(at, "ADDRESS", o->address_width);
	at = put_word(at, "CLASS", CLASS_WIDTH);
	if (o->lease_width)
		at = put_word(at, "LEASE", o->lease_width);
	text_took(&o->text, (size_t)(at - row));
	text_addf(&o->text, "HOLDER%s\n", colour_off(o->context->colour));
}

/* ---- what a scan tells ---- */

static size_t wider(size_t a, size_t b)
{
	return a > b ? a : b;
}

static void measure(struct output *o, const struct port_survey *survey)
{
	o->address_width = strlen("ADDRESS");
	const struct socket_entry *last = NULL;
	for (size_t i = 0; i < survey->sockets->count; i++) {
		const struct socket_entry *socket = &survey->sockets->items[i];
		char address[ADDRESS_BYTES];
		if (last && is_same_place(last, socket))
			continue;
		last = socket;
		size_t length = strlen(address_of(socket, address));
		o->address_width = wider(o->address_width, length);
	}
	for (size_t i = 0; i < survey->lease_count; i++) {
		ports_add_lease(&o->cell, &survey->leases[i]);
		o->lease_width = wider(wider(o->lease_width, o->cell.length), strlen("LEASE"));
		text_clear(&o->cell);
	}
}

static void on_survey(void *self, const struct port_survey *survey)
{
	struct output *o = self;
	ports_note_proc(o->context, survey->by_proc);
	if (survey->unnamed && !o->context->quiet)
		say("the processes of %zu sockets were not looked for; --who or a range of ports "
		    "names them", survey->unnamed);
	o->named = !survey->unnamed;
	if (o->context->json)
		report_begin_listeners(&o->text);
	else
		measure(o, survey);
}

static void show_rows(const struct output *o)
{
	if (o->context->json)
		out_text(&o->text);
	else
		out_lines(&o->text);
}

static int on_view(void *self, const struct port_view *view, struct error *e)
{
	struct output *o = self;
	bool is_first = o->rows++ == 0;
	if (o->context->json) {
		add_json(o, view, is_first);
	} else {
		if (is_first)
			add_headings(o);
		add_row(o, view);
	}
	if (!text_ok(&o->text) || !text_ok(&o->rest) || !text_ok(&o->cell))
		return fail(e, EXIT_FAILED, "out of memory");
	/* On a terminal JSON is indented, as a whole. */
	if (o->text.length > WRITE_BYTES && !(o->context->json && out_is_terminal())) {
		show_rows(o);
		text_clear(&o->text);
	}
	return 0;
}

static void finish(struct output *o)
{
	if (o->context->json && out_is_terminal()) {
		report_end_listeners(&o->text);
		out_json(json_loads(text_string(&o->text), 0, NULL));
		return;
	}
	if (o->context->json) {
		report_end_listeners(&o->text);
		text_add_char(&o->text, '\n');
	} else if (!o->rows) {
		say("nobody listens there");
	}
	show_rows(o);
}

int verb_ports_scan(struct context *context, struct error *e)
{
	const struct command_line *line = &context->line;
	struct output output = {.context = context};
	struct protects protects = {0};
	struct port_reader reader = {.self = &output, .on_survey = on_survey, .on_view = on_view};
	struct port_scan scan = {.low = 1, .high = UINT16_MAX,
		.names = option_given(line, OPTION_WHO),
		.connections = option_given(line, OPTION_CONNECTIONS)};
	if (line->word_count > 1 && !number_port_range(line->words[1], &scan.low, &scan.high))
		return fail(e, EXIT_USAGE,
			"`ports scan` wants a port or a range like 3000-3999, not '%s'",
			line->words[1]);
	int result = protects_read(context, &protects, e);
	scan.protects = protects.ports;
	scan.protect_count = protects.count;
	if (result == 0)
		result = ports_scan(context->paths.state, &scan, &reader, e);
	if (result == 0)
		finish(&output);
	text_release(&output.text);
	text_release(&output.rest);
	text_release(&output.cell);
	protects_release(&protects);
	return result;
}
