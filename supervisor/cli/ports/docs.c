#include <string.h>

#include "base/terminal.h"
#include "cli/out.h"
#include "cli/ports/verbs.h"
#include "cli/shared/resolved.h"
#include "model/names.h"
#include "ports/policy.h"

struct page {
	const struct resolved *resolved;
	struct text *out;
};

/* ---- what is said about a port ---- */

static void add_source(struct text *out, const struct port *row)
{
	bool with_range = row->range_low && row->source != PORT_SLOT;
	switch (row->source) {
	case PORT_SLOT:
		text_addf(out, "slot %d (%s)", row->slot, slot_name(row->slot % SLOTS));
		break;
	case PORT_AUTO:
		text_addf(out, "slot %d (auto)", row->slot);
		break;
	case PORT_FIXED:
		text_addf(out, "%u", row->fixed);
		break;
	case PORT_POOL:
		text_add(out, "pool");
		break;
	}
	if (with_range && row->range_name)
		text_addf(out, ", %s", row->range_name);
	if (with_range)
		text_addf(out, "%s%u-%u", row->range_name ? " " : ", ", row->range_low,
			row->range_high);
	if (row->immutable)
		text_add(out, ", immutable");
}

static void add_variable(struct text *out, const struct port *row)
{
	char name[2 * NAME_MOST + 2];
	char variable[sizeof name];
	bool main_port = !strcmp(row->name, "main");
	snprintf(name, sizeof name, "%s%s%s", row->service, main_port ? "" : "_",
		main_port ? "" : row->name);
	name_to_variable(name, variable);
	text_addf(out, "%s_PORT", variable);
}

static bool begins_range(const struct claim *claim, int instance)
{
	return (instance - 1) % claim->spans == 0 && instance_is_valid(instance, claim->spans);
}

/* What the row has in this instance of the block; 0: it is only known when it runs. */
static uint16_t number_in(const struct claim *claim, const struct port *row, int instance)
{
	if (row->source == PORT_FIXED)
		return row->fixed;
	return port_has_slot(row) && row->slot >= 0
		? (uint16_t)(instance_port(claim->ports_base, claim->block, instance) + row->slot) : 0;
}

/* NULL where the stack file says nothing. */
static const char *description_of(const struct resolved *r, const struct port *row)
{
	return r->stack->services[row->service_index].description;
}

static bool has_descriptions(const struct resolved *r)
{
	for (int i = 0; i < r->port_count; i++)
		if (description_of(r, &r->ports[i]))
			return true;
	return false;
}

/* ---- markdown ---- */

/* A bar would end the cell. */
static void add_cell(struct text *out, const char *text)
{
	for (; *text; text++)
		text_addf(out, *text == '|' ? "\\|" : *text == '\n' ? " " : "%c", *text);
}

static void add_heading(struct page *d)
{
	const struct claim *claim = &d->resolved->claim;
	bool described = has_descriptions(d->resolved);
	text_addf(d->out, "| Service |%s Port | Variable |", described ? " Description |" : "");
	for (int i = 1; i <= INSTANCES; i++)
		if (begins_range(claim, i))
			text_addf(d->out, " %d %s |", i, instance_default_purpose(i));
	text_addf(d->out, "\n|---|%s---|---|", described ? "---|" : "");
	for (int i = 1; i <= INSTANCES; i++)
		if (begins_range(claim, i))
			text_add(d->out, "--:|");
	text_add_char(d->out, '\n');
}

static void add_row(struct page *d, const struct port *row)
{
	const struct claim *claim = &d->resolved->claim;
	bool main_port = !strcmp(row->name, "main");
	OWNED_TEXT variable = {0};
	text_addf(d->out, "| %s%s%s | ", row->service, main_port ? "" : " ",
		main_port ? "" : row->name);
	if (has_descriptions(d->resolved)) {
		const char *description = description_of(d->resolved, row);
		add_cell(d->out, description ? description : "");
		text_add(d->out, " | ");
	}
	add_source(d->out, row);
	add_variable(&variable, row);
	text_addf(d->out, " | `%s`", text_string(&variable));
	if (row->env_var && strcmp(row->env_var, text_string(&variable)) != 0)
		text_addf(d->out, " `%s`", row->env_var);
	text_add(d->out, " |");
	for (int i = 1; i <= INSTANCES; i++) {
		uint16_t number = number_in(claim, row, i);
		if (!begins_range(claim, i))
			continue;
		if (number)
			text_addf(d->out, " %u |", number);
		else
			text_add(d->out, " pool |");
	}
	text_add_char(d->out, '\n');
}

static void add_reserved(struct page *d)
{
	const struct stack *stack = d->resolved->stack;
	if (!stack->reserved_count && !stack->protect_count)
		return;
	text_add(d->out, "\n| Reserved | Why |\n|--:|---|\n");
	for (size_t i = 0; i < stack->reserved_count; i++) {
		size_t digits = strcspn(stack->reserved[i], " ");
		text_addf(d->out, "| %.*s | ", (int)digits, stack->reserved[i]);
		add_cell(d->out, stack->reserved[i] + digits + (stack->reserved[i][digits] != '\0'));
		text_add(d->out, " |\n");
	}
	for (size_t i = 0; i < stack->protect_count; i++)
		text_addf(d->out, "| %u | protected: whoever listens there is left alone |\n",
			stack->protects[i]);
}

static void write_markdown(struct page *d)
{
	const struct resolved *r = d->resolved;
	uint16_t first = block_port(r->claim.ports_base, r->claim.block);
	text_addf(d->out, "### Ports of %s\n\n", r->claim.project);
	if (r->stack->description)
		text_addf(d->out, "%s\n\n", r->stack->description);
	text_addf(d->out, "Block %d, ports %u-%u. Instance N has the ten ports from %u + 10 * (N - 1) "
		"on.\n\n", r->claim.block, first, first + BLOCK_PORTS - 1, first);
	add_heading(d);
	for (int i = 0; i < r->port_count; i++)
		add_row(d, &r->ports[i]);
	add_reserved(d);
}

/* ---- JSON ---- */

static json_t *row_json(const struct resolved *r, const struct port *row)
{
	const struct claim *claim = &r->claim;
	OWNED_TEXT variable = {0}, source = {0};
	json_t *instances = json_object();
	add_variable(&variable, row);
	add_source(&source, row);
	for (int i = 1; i <= INSTANCES; i++) {
		uint16_t number = number_in(claim, row, i);
		char key[16];
		snprintf(key, sizeof key, "%d", i);
		if (begins_range(claim, i))
			json_object_set_new(
				instances, key, number ? json_integer(number) : json_null());
	}
	return json_pack("{s:s, s:s?, s:s, s:s, s:s, s:s, s:s?, s:o}", "service", row->service,
		"description", description_of(r, row), "name", row->name, "source", port_source_word(row->source), "port", text_string(&source),
		"variable", text_string(&variable), "env_var", row->env_var, "instances", instances);
}

static void show_json(const struct resolved *r)
{
	json_t *rows = json_array();
	for (int i = 0; i < r->port_count; i++)
		json_array_append_new(rows, row_json(r, &r->ports[i]));
	out_json(json_pack("{s:i, s:s, s:s?, s:i, s:o}", "version", 1, "project", r->claim.project,
		"description", r->stack->description, "block", r->claim.block, "ports", rows));
}

/* As the file has it: what a run or a plan has moved comes home again. */
static int plan_ports(struct resolved *r, struct error *e)
{
	int count;
	const struct port *rows = draft_ports(r->draft, &count);
	struct claim claim = r->claim;
	claim.moved_count = 0;
	r->ports = arena_copy(r->arena, rows, (size_t)count * sizeof *rows);
	return claim_preview(&claim, r->ports, (size_t)count, e);
}

int verb_ports_docs(struct context *context, struct error *e)
{
	struct resolved r;
	OWNED_TEXT out = {0};
	struct page d = {.resolved = &r, .out = &out};
	int result = resolve_checked(context, &r, e);
	if (!result)
		result = plan_ports(&r, e);
	if (!result && context->json) {
		show_json(&r);
	} else if (!result) {
		write_markdown(&d);
		out_document(&out);
	}
	resolved_release(&r);
	return result;
}
