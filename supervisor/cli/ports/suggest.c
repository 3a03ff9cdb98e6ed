#include <string.h>

#include "base/terminal.h"
#include "claim/pool.h"
#include "cli/out.h"
#include "cli/ports/verbs.h"
#include "cli/shared/resolved.h"
#include "model/names.h"
#include "model/ranges.h"
#include "survey/suggest_look.h"

enum { INSTEAD_MOST = 3 };

/* ---- what it is for ---- */

static const struct port *row_of_file(const struct resolved *r, const char *service)
{
	for (int i = 0; service && i < r->port_count; i++)
		if (!strcmp(r->ports[i].service, service))
			return &r->ports[i];
	return NULL;
}

/* A service that the stack file does not have, or that has no port in it, by its name. */
static struct port row_by_name(const struct resolved *r, const char *service)
{
	struct port row = {.service = service ? service : "", .name = "main", .slot = NO_SLOT,
		.source = PORT_AUTO, .protocol = PROTOCOL_TCP};
	int slot = service ? slot_by_name(service) : NO_SLOT;
	const struct named_range *type = service ? type_range_find(service) : NULL;
	if (r->draft && slot != NO_SLOT) {
		row.source = PORT_SLOT;
		row.slot = slot;
		row.number = (uint16_t)(r->claim.base_port + slot);
	} else if (type) {
		row.source = PORT_POOL;
		row.range_name = type->name;
		row.range_low = type->low;
		row.range_high = type->high;
	} else if (!r->draft) {
		row.source = PORT_POOL;
		row.range_name = "pool";
		pool_preview(&r->claim, &row, 1);
	}
	return row;
}

static const char *why_home(const struct resolved *r, const struct port *row)
{
	switch (row->source) {
	case PORT_SLOT:
		return arena_format(r->arena, "slot %d (%s) of instance %d", row->slot,
			slot_name(row->slot % SLOTS), r->claim.instance);
	case PORT_AUTO:
		return row->number ? "its auto slot" : NULL;
	case PORT_FIXED:
		return row->overridden
			? arena_format(r->arena, "the caller's %s says so", row->env_var)
			: "the stack file says so";
	case PORT_POOL:
		return pool_home(&r->claim, row) == row->number && row->number
			? "its port of the pool" : NULL;
	}
	return NULL;
}

/* ---- output ---- */

static json_t *reasons_json(const struct suggestion *s)
{
	json_t *all = json_array();
	for (size_t i = 0; i < s->reason_count; i++)
		json_array_append_new(all, json_pack("{s:s, s:i, s:s}", "kind",
			suggest_kind_word(s->reasons[i].kind), "points", s->reasons[i].points,
			"text", s->reasons[i].text));
	return all;
}

static json_t *result_json(const char *service, const struct suggest_result *result)
{
	const struct suggestion *best = result->count && !result->items[0].out ? result->items : NULL;
	json_t *all = json_array();
	for (size_t i = 0; i < result->count; i++) {
		const struct suggestion *s = &result->items[i];
		json_array_append_new(all, json_pack("{s:i, s:i, s:b, s:o}", "port", (int)s->port,
			"score", s->score, "usable", (int)!s->out, "reasons", reasons_json(s)));
	}
	return json_pack("{s:i, s:s?, s:o, s:o}", "version", 1, "service", service, "port",
		best ? json_integer(best->port) : json_null(), "candidates", all);
}

static void add_reasons(struct text *out, const struct suggestion *s)
{
	for (size_t i = 0; i < s->reason_count; i++) {
		OWNED_TEXT line = {0};
		text_addf(&line, "  %+d  %s", s->reasons[i].points, s->reasons[i].text);
		terminal_add_strict(out, text_string(&line), line.length);
		text_add_char(out, '\n');
	}
}

/* The number alone is the first line: `stackup ports suggest api | head -1`. */
static void show(const struct context *context, const struct suggest_result *result)
{
	OWNED_TEXT out = {0};
	text_addf(&out, "%u\n", result->items[0].port);
	if (!context->quiet)
		add_reasons(&out, &result->items[0]);
	for (size_t i = 1; !context->quiet && i < result->count && i <= INSTEAD_MOST; i++)
		if (!result->items[i].out)
			text_addf(&out, "%s%u", i == 1 ? "instead: " : ", ", result->items[i].port);
	if (!context->quiet && result->count > 1 && !result->items[1].out)
		text_add_char(&out, '\n');
	out_text(&out);
}

static int fail_none(const char *service, const struct suggest_result *result, struct error *e)
{
	const struct suggestion *first = result->count ? result->items : NULL;
	fail(e, EXIT_CONFLICT, "no port is left%s%s%s%s%s", service ? " for '" : "",
		service ? service : "", service ? "'" : "", first ? "; the first one is out: " : "",
		first && first->reason_count ? first->reasons[first->reason_count - 1].text : "");
	error_hint(e, "`stackup ports suggest --json` tells about every one of them");
	return -1;
}

static int suggest(struct context *context, struct resolved *r, struct error *e)
{
	const char *service = context->line.words[1];
	const struct port *known = row_of_file(r, service);
	struct port guess = row_by_name(r, service);
	const struct port *row = known ? known : &guess;
	struct suggest_wish wish = {.claim = &r->claim, .ports = r->ports,
		.count = (size_t)r->port_count, .row = row, .why_home = why_home(r, row)};
	struct suggest_result result;
	int code = suggest_look(context->paths.state, &wish, &result, e);
	bool found = !code && result.count && !result.items[0].out;
	if (!code && context->json && (found || !result.count))
		out_json(result_json(service, &result));
	else if (!code && found)
		show(context, &result);
	if (!code && !found) {
		json_decref(context->error_extra);
		context->error_extra = result_json(service, &result);
		code = fail_none(service, &result, e);
	}
	suggest_release(&result);
	return code;
}

/* Without a stack file the machine's pool is all there is. */
static int without_file(struct context *context, struct resolved *r, struct error *e)
{
	struct registry *registry = context_registry(context, e);
	claim_release(&r->claim);
	claim_init(&r->claim);
	r->claim.arena = arena_new();
	int result = registry && r->claim.arena ? claim_load_machine(registry, &r->claim, e) : -1;
	registry_close(registry);
	return result;
}

int verb_ports_suggest(struct context *context, struct error *e)
{
	struct resolved r;
	struct error why = {0};
	int code = resolve(context, &r, &why);
	bool named = option_given(&context->line, OPTION_FILE) ||
		option_given(&context->line, OPTION_PROJECT);
	if (code && (named || why.code == EXIT_REGISTRY))
		*e = why;
	else if (code)
		code = without_file(context, &r, e);
	else
		code = context_judge(context, &r.source.complaints, e);
	if (!code)
		code = suggest(context, &r, e);
	resolved_release(&r);
	return code;
}
