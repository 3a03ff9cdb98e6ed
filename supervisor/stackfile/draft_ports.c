/*
 * What the services want of ports, in file order. A slot belongs to one service; which slot an
 * `auto` gets is decided by the claim, which remembers it.
 */
#include <string.h>

#include "base/number.h"
#include "model/names.h"
#include "stackfile/draft_inside.h"

struct wanting {
	struct draft *draft;
	struct complaints *complaints;
	int *slot_owner; /* row that has the slot, NO_PORT while free */
	int autos;
};

static const char *row_name(const struct draft *draft, const struct port *port)
{
	if (!strcmp(port->name, "main"))
		return port->service;
	return arena_format(draft->arena, "%s.%s", port->service, port->name);
}

/* ---- one row ---- */

static const char *early_or_null(struct wanting *w, int service, enum key_id id,
	const struct entry *entry)
{
	return entry ? draft_early(w->draft, service, schema_key(id), entry, w->complaints) : NULL;
}

static int choice(struct wanting *w, int service, enum key_id id, int fallback)
{
	struct draft *draft = w->draft;
	const struct key *key = schema_key(id);
	const struct entry *entry = draft->services[service].values[id];
	if (!entry)
		return fallback;
	const char *text = draft_early(draft, service, key, entry, w->complaints);
	struct site site = draft_site(draft, draft->arena, key, entry, w->complaints);
	int index = fallback;
	if (text)
		value_choice(&site, text, &index);
	return index;
}

static bool boolean(struct wanting *w, int service, enum key_id id)
{
	struct draft *draft = w->draft;
	const struct key *key = schema_key(id);
	const struct entry *entry = draft->services[service].values[id];
	const char *text = draft_early(draft, service, key, entry, w->complaints);
	struct site site = draft_site(draft, draft->arena, key, entry, w->complaints);
	bool value = false;
	return text && value_boolean(&site, text, &value) && value;
}

static bool speaks_http(const struct draft_service *service)
{
	static const enum key_id keys[] = {KEY_HEALTH, KEY_READY};
	for (size_t i = 0; i < 2; i++) {
		const struct entry *entry = service->values[keys[i]];
		if (entry && !strncmp(entry->value, "http", 4) &&
			strchr(" \t\n", entry->value[4]))
			return true;
	}
	return false;
}

/* What all ports of a service have in common. */
static struct port common_row(struct wanting *w, int index)
{
	struct draft_service *service = &w->draft->services[index];
	bool http = speaks_http(service);
	return (struct port){
		.service = service->name,
		.service_index = index,
		.slot = NO_SLOT,
		.immutable = boolean(w, index, KEY_IMMUTABLE),
		.optional = boolean(w, index, KEY_OPTIONAL),
		.on_conflict =
			(enum port_conflict_rule)choice(w, index, KEY_ON_CONFLICT, CONFLICT_AUTO),
		.hold = (enum hold_mode)choice(w, index, KEY_HOLD, HOLD_AUTO),
		.protocol = (enum protocol)choice(
			w, index, KEY_PROTOCOL, http ? PROTOCOL_HTTP : PROTOCOL_TCP),
	};
}

static void refuse_range(struct wanting *w, const struct site *site, const char *text)
{
	const char *nearest = draft_nearest_range(w->draft, text);
	value_refuse(site, text);
	if (nearest)
		complaint_hint(w->complaints, "did you mean '%s'?", nearest);
	else if (name_is_service(text))
		complaint_hint(w->complaints,
			"write 'range.%s = 8000-8099' under [ports], or the ports themselves", text);
}

static void find_range(struct wanting *w, int service, const struct entry *entry, struct port *row)
{
	struct draft *draft = w->draft;
	const char *text = early_or_null(w, service, KEY_RANGE, entry);
	if (!text)
		return;
	struct site site =
		draft_site(draft, draft->arena, schema_key(KEY_RANGE), entry, w->complaints);
	const struct named_range *range = draft_range(draft, text);
	if (range) {
		row->range_name = text;
		row->range_low = range->low;
		row->range_high = range->high;
	} else if (*text >= '0' && *text <= '9') {
		value_port_range(&site, text, &row->range_low, &row->range_high);
	} else {
		refuse_range(w, &site, text);
	}
}

/* The caller's variable decides the port. */
static void override(struct wanting *w, const struct entry *entry, struct port *row)
{
	const char *text = draft_caller(w->draft, row->env_var);
	if (!text || !*text)
		return;
	const char *file = w->draft->document->label;
	int64_t number;
	if (!number_parse(text, 1, 65535, &number)) {
		complaint_error(w->complaints, file, entry->line, entry->key,
			"the environment has %s=%.32s, which is not a port", row->env_var, text);
		complaint_hint(w->complaints, "set it to a number 1 to 65535, or unset it");
		return;
	}
	if (row->range_low && (number < row->range_low || number > row->range_high)) {
		complaint_error(w->complaints, file, entry->line, entry->key,
			"the environment has %s=%s, which is outside of the range %s%s%u-%u",
			row->env_var, text, row->range_name ? row->range_name : "",
			row->range_name ? " " : "", row->range_low, row->range_high);
		complaint_hint(w->complaints, "set it to a port of the range, or unset it");
		return;
	}
	row->source = PORT_FIXED;
	row->slot = NO_SLOT;
	row->fixed = row->number = (uint16_t)number;
	row->overridden = true;
}

static void check_reserved(struct wanting *w, const struct port *row)
{
	for (size_t i = 0; row->fixed && i < w->draft->reserve_count; i++) {
		const struct pair *reserve = &w->draft->reserves[i];
		int64_t port = 0;
		number_parse(reserve->name, 1, 65535, &port);
		if (port != row->fixed)
			continue;
		complaint_error(w->complaints, w->draft->document->label, row->line, NULL,
			"service '%s' wants port %u, which is reserved (%s): %s", row->service,
			row->fixed, reserve->origin, reserve->value);
		complaint_hint(w->complaints, "take another port, or a slot");
	}
}

static void apply_wish(struct wanting *w, struct port *row, const struct wish *wish)
{
	switch (wish->kind) {
	case WISH_SLOT:
		row->source = PORT_SLOT;
		row->slot = wish->number;
		break;
	case WISH_AUTO:
		row->source = PORT_AUTO;
		w->autos++;
		break;
	case WISH_PORT:
		row->source = PORT_FIXED;
		row->fixed = (uint16_t)wish->number;
		break;
	case WISH_POOL:
		row->source = PORT_POOL;
		if (!row->range_low) {
			row->range_low = w->draft->pool.low;
			row->range_high = w->draft->pool.high;
		}
		break;
	}
}

int draft_add_port(struct draft *draft, struct port row)
{
	struct draft_service *service = &draft->services[row.service_index];
	int index = draft->port_count;
	size_t count = (size_t)draft->port_count;
	*arena_append(draft->arena, draft->ports, count) = row;
	draft->port_count = (int)count;
	*arena_append(draft->arena, service->port_rows, service->port_row_count) = index;
	return index;
}

/* ---- the main port ---- */

static bool wish_of(struct wanting *w, int service, const struct key *key,
	const struct entry *entry, struct wish *out)
{
	const char *text = draft_early(w->draft, service, key, entry, w->complaints);
	struct site site = draft_site(w->draft, w->draft->arena, key, entry, w->complaints);
	return text && value_wish(&site, text, out);
}

static bool main_wish(struct wanting *w, int index, struct wish *out, int *line)
{
	const struct draft_service *service = &w->draft->services[index];
	const struct entry *slot = service->values[KEY_SLOT];
	const struct entry *port = service->values[KEY_PORT];
	*line = slot ? slot->line : port ? port->line : service->section->line;
	if (slot)
		return wish_of(w, index, schema_key(KEY_SLOT), slot, out);
	if (port)
		return wish_of(w, index, schema_key(KEY_PORT), port, out);
	*out = (struct wish){WISH_SLOT, slot_by_name(service->name)};
	return out->number != NO_SLOT;
}

static void add_main(struct wanting *w, int index, const struct port *common)
{
	struct draft *draft = w->draft;
	struct draft_service *service = &draft->services[index];
	struct port row = *common;
	struct wish wish;
	if (!main_wish(w, index, &wish, &row.line))
		return;
	row.name = "main";
	find_range(w, index, service->values[KEY_RANGE], &row);
	const struct entry *env_var = service->values[KEY_ENV_VAR];
	const char *variable = early_or_null(w, index, KEY_ENV_VAR, env_var);
	if (variable) {
		struct site site = draft_site(draft, draft->arena, schema_key(KEY_ENV_VAR), env_var,
			w->complaints);
		if (value_variable(&site, variable))
			row.env_var = variable;
	}
	if (row.env_var)
		override(w, env_var, &row);
	if (!row.overridden)
		apply_wish(w, &row, &wish);
	service->main_port = draft_add_port(w->draft, row);
}

static void add_further(struct wanting *w, int index, const struct port *common)
{
	struct draft_service *service = &w->draft->services[index];
	for (size_t i = 0; i < service->ports.count; i++) {
		const struct member *member = &service->ports.items[i];
		struct port row = *common;
		struct wish wish;
		if (!wish_of(w, index, member->key, member->entry, &wish))
			continue;
		row.name = member->name;
		row.line = member->entry->line;
		if (!service->values[KEY_PROTOCOL])
			row.protocol = PROTOCOL_TCP;
		apply_wish(w, &row, &wish);
		draft_add_port(w->draft, row);
	}
}

/* A key about the port, written for this service, needs one; in [defaults] it is for the others. */
static void check_needless(struct wanting *w, int index)
{
	static const enum key_id keys[] = {
		KEY_RANGE, KEY_ENV_VAR, KEY_IMMUTABLE, KEY_ON_CONFLICT, KEY_HOLD, KEY_PROTOCOL};
	const struct draft_service *service = &w->draft->services[index];
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		const struct entry *entry = service->values[keys[i]];
		if (!entry || draft_is_default(w->draft, entry))
			continue;
		complaint_error(w->complaints, w->draft->document->label, entry->line, entry->key,
			"'%s' is about a port, and service '%s' has none", entry->key,
			service->name);
		complaint_hint(
			w->complaints, "write 'slot = auto' or 'port = NUMBER', or remove it");
	}
}

/* Whether `slot` or `port` is there and was refused: then the service is not without a port. */
static bool asks_for_port(const struct draft_service *service)
{
	return service->values[KEY_SLOT] || service->values[KEY_PORT] || service->ports.count;
}

static void want_service(struct wanting *w, int index)
{
	struct draft_service *service = &w->draft->services[index];
	struct port common = common_row(w, index);
	add_main(w, index, &common);
	add_further(w, index, &common);
	if (!service->port_row_count && !asks_for_port(service))
		check_needless(w, index);
}

/* ---- all of them ---- */

static void check_slots(struct wanting *w)
{
	struct draft *draft = w->draft;
	int taken = 0;
	for (int i = 0; i < draft->port_count; i++) {
		struct port *row = &draft->ports[i];
		if (row->source != PORT_SLOT)
			continue;
		int *owner = &w->slot_owner[row->slot];
		taken += *owner == NO_PORT;
		if (*owner == NO_PORT) {
			*owner = i;
			continue;
		}
		const struct port *other = &draft->ports[*owner];
		complaint_error(w->complaints, draft->document->label, row->line, NULL,
			"'%s' and '%s' (line %d) are both on slot %d (%s)", row_name(draft, row),
			row_name(draft, other), other->line, row->slot,
			slot_name(row->slot % SLOTS));
		if (!strcmp(row->name, "main"))
			complaint_hint(
				w->complaints, "write 'slot = auto' in [service %s]", row->service);
		else
			complaint_hint(w->complaints, "write 'port.%s = auto'", row->name);
	}
	if (taken + w->autos <= draft->slots)
		return;
	complaint_error(w->complaints, draft->document->label, 0, NULL,
		"the services want %d slots, an instance has %d", taken + w->autos, draft->slots);
	complaint_hint(w->complaints, "write 'instances = %d' under [stack]",
		(taken + w->autos + SLOTS - 1) / SLOTS);
}

static void check_fixed(struct wanting *w)
{
	struct draft *draft = w->draft;
	int *owner = arena_take(draft->arena, 65536 * sizeof *owner);
	for (int i = 0; i < draft->port_count; i++) {
		struct port *row = &draft->ports[i];
		if (row->source != PORT_FIXED)
			continue;
		check_reserved(w, row);
		if (!owner[row->fixed]) {
			owner[row->fixed] = i + 1;
			continue;
		}
		const struct port *other = &draft->ports[owner[row->fixed] - 1];
		complaint_error(w->complaints, draft->document->label, row->line, NULL,
			"'%s' and '%s' (line %d) both want port %u", row_name(draft, row),
			row_name(draft, other), other->line, row->fixed);
		complaint_hint(w->complaints, "give one of them another port or a slot");
	}
}

static bool any_fixed(const struct draft *draft)
{
	for (int i = 0; i < draft->port_count; i++)
		if (draft->ports[i].source == PORT_FIXED)
			return true;
	return false;
}

void draft_want_ports(struct draft *draft, struct complaints *complaints)
{
	struct wanting w = {.draft = draft, .complaints = complaints};
	w.slot_owner = arena_take(draft->arena, (size_t)draft->slots * sizeof *w.slot_owner);
	for (int i = 0; i < draft->slots; i++)
		w.slot_owner[i] = NO_PORT;
	for (int i = 0; i < draft->service_count; i++)
		want_service(&w, i);
	size_t before = complaints->errors;
	check_slots(&w);
	if (any_fixed(draft))
		check_fixed(&w);
	draft->ports_clash = complaints->errors > before;
}
