#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "ports/claim_parts.h"
#include "ports/policy.h"

static bool may_move(const struct boarding *b, const struct port *row)
{
	if (row->immutable || b->options->strict || row->on_conflict == CONFLICT_FAIL)
		return false;
	if (row->overridden)
		return row->on_conflict == CONFLICT_MOVE && row->range_low;
	return port_has_slot(row) || row->range_low;
}

bool boarding_wants(const struct boarding *b, uint16_t port, bool udp)
{
	for (size_t i = 0; i < b->count; i++)
		if (b->ports[i].number == port && port_is_udp(&b->ports[i]) == udp)
			return true;
	return false;
}

/* A port of [low, high] that no row wants and that we have or can have. 0: none. */
static uint16_t find_place(struct boarding *b, int row, uint16_t low, uint16_t high)
{
	bool udp = port_is_udp(&b->ports[row]);
	for (int port = low; port <= high; port++) {
		struct pooled *known = boarding_find(b, (uint16_t)port, udp);
		struct pooled item = {.hold = HOLD_NONE, .fresh = true, .row = row};
		if (claim_avoids(b->claim, &b->ports[row], (uint16_t)port) ||
			boarding_wants(b, (uint16_t)port, udp) || (known && known->row >= 0))
			continue;
		if (known) {
			known->row = row;
			return (uint16_t)port;
		}
		if (hold_take(&item.hold, (uint16_t)port, udp, NULL))
			continue;
		if (list_push(&b->pool, item))
			return (uint16_t)port;
		hold_close(&item.hold);
	}
	return 0;
}

static void move(struct boarding *b, struct trouble *t)
{
	struct port *row = &b->ports[t->row];
	uint16_t low = row->range_low, high = row->range_high;
	if (port_has_slot(row) && !row->overridden) {
		low = b->claim->base_port;
		high = (uint16_t)(low + instance_slots(b->claim->spans) - 1);
	}
	t->moved_to = find_place(b, t->row, low, high);
	if (!t->moved_to)
		return;
	row->moved_from = row->moved_from ? row->moved_from : t->port;
	row->number = t->moved_to;
	if (port_has_slot(row))
		row->slot = t->moved_to - b->claim->base_port;
}

static void add_sentence(const struct boarding *b, const struct trouble *t, struct text *out)
{
	text_addf(out, "port %u", t->port);
	if (t->row >= 0) {
		const struct port *row = &b->ports[t->row];
		bool main_port = !strcmp(row->name, "main");
		text_addf(out, " of service '%s'%s%s%s", row->service, main_port ? "" : " (port.",
			main_port ? "" : row->name, main_port ? "" : ")");
	}
	text_add(out, " is ");
	port_verdict_add(out, &t->verdict, t->lease);
}

/* A stranger on a port of the range that nobody needs is worth a word, a lingering connection not. */
static bool is_worth_a_word(const struct trouble *t)
{
	switch (t->verdict.class) {
	case CLASS_OTHER_INSTANCE:
	case CLASS_OTHER_PROJECT:
	case CLASS_OTHER_REGISTRY:
	case CLASS_FOREIGN:
	case CLASS_OTHER_USER:
	case CLASS_CONTAINER:
	case CLASS_PROTECTED:
	case CLASS_WRONG_FAMILY:
	case CLASS_OWN_STALE:
		return true;
	case CLASS_FREE:
	case CLASS_OWN_LIVE:
	case CLASS_LEASED:
	case CLASS_RESERVED:
	case CLASS_EPHEMERAL:
	case CLASS_TIME_WAIT:
	case CLASS_PRIVILEGED:
	case CLASS_UNKNOWN:
		return false;
	}
	return false;
}

/* Nobody is told to stop what the stack file protects. */
static bool may_be_stopped(const struct boarding *b)
{
	for (size_t i = 0; i < b->troubles.count; i++) {
		const struct trouble *t = &b->troubles.items[i];
		if (t->row >= 0 && !t->moved_to && claim_protects(b->claim, t->port))
			return false;
	}
	return true;
}

/* The error's text has an end: whole sentences that fit, and how many more there are. */
static int fail_conflicts(const struct boarding *b, size_t count, struct error *e)
{
	const char *all = text_string(&b->claim->conflicts);
	size_t used = 0, told = 0;
	for (const char *line = all; *line; told++) {
		size_t length = strcspn(line, "\n") + 1;
		if (used + length > ERROR_TEXT_SIZE - 80)
			break;
		used += length;
		line += length;
	}
	if (told == count || !told)
		fail(e, EXIT_CONFLICT, "%.*s", (int)(used ? used - 1 : ERROR_TEXT_SIZE - 1), all);
	else
		fail(e, EXIT_CONFLICT, "%.*sand %zu more", (int)used, all, count - told);
	error_hint(e, "%slet the service move (a slot, or `range = LOW-HIGH` for a fixed port), or change "
		"the stack file", may_be_stopped(b) ? "stop what has the port, " : "");
	return -1;
}

/* Moves what may move; 0 when every row has a port. */
int boarding_resolve(struct boarding *b, struct error *e)
{
	size_t stuck = 0;
	text_clear(&b->claim->conflicts);
	for (size_t i = 0; i < b->troubles.count; i++) {
		struct trouble *t = &b->troubles.items[i];
		OWNED_TEXT sentence = {0};
		if (t->row >= 0 && may_move(b, &b->ports[t->row]))
			move(b, t);
		add_sentence(b, t, &sentence);
		if (t->moved_to)
			text_addf(&b->claim->notices, "%s; it gets port %u\n", text_string(&sentence),
				t->moved_to);
		else if (t->row < 0 && is_worth_a_word(t))
			text_addf(&b->claim->notices, "%s; no service uses it\n",
				text_string(&sentence));
		if (t->row < 0 || t->moved_to)
			continue;
		text_addf(&b->claim->conflicts, "%s\n", text_string(&sentence));
		stuck++;
	}
	return stuck ? fail_conflicts(b, stuck, e) : 0;
}
