#include <string.h>

#include "base/own.h"
#include "claim/parts.h"
#include "claim/pool.h"
#include "ports/policy.h"

/* Which slots the rows use so far. */
struct slots {
	bool used[SLOTS * INSTANCES];
	bool kept[SLOTS * INSTANCES]; /* by a service that is not in the stack now */
	bool avoided[SLOTS * INSTANCES]; /* reserved or protected: not for auto slots */
	int count;
};

static bool is_row(const struct port *row, const char *service, const char *name)
{
	return !strcmp(row->service, service) && !strcmp(row->name, name);
}

static int kept_slot(const struct claim *claim, const struct port *row)
{
	int reserved = claim_reserved_port(claim, row) - claim->base_port;
	if (reserved >= 0 && reserved < instance_slots(claim->spans))
		return reserved;
	for (size_t i = 0; i < claim->slot_count; i++)
		if (is_row(row, claim->slots[i].service, claim->slots[i].name))
			return claim->slots[i].slot;
	return NO_SLOT;
}

static void mark_kept(const struct claim *claim, const struct port *ports, size_t count,
	struct slots *slots)
{
	for (size_t i = 0; i < claim->slot_count; i++) {
		const struct slot_row *kept = &claim->slots[i];
		bool present = false;
		for (size_t k = 0; k < count && !present; k++)
			present = is_row(&ports[k], kept->service, kept->name);
		if (!present && kept->slot >= 0 && kept->slot < slots->count)
			slots->kept[kept->slot] = true;
	}
}

static int lowest_free(const struct slots *slots)
{
	for (int slot = 0; slot < slots->count; slot++)
		if (!slots->used[slot] && !slots->avoided[slot] && !slots->kept[slot])
			return slot;
	for (int slot = 0; slot < slots->count; slot++)
		if (!slots->used[slot] && !slots->avoided[slot])
			return slot;
	return NO_SLOT;
}

static int take_slot(struct port *row, struct slots *slots, uint16_t base, struct error *e)
{
	if (row->slot < 0 || row->slot >= slots->count)
		return fail(e, EXIT_BAD_FILE, "service '%s': slot %d is outside of the instance's %d "
			"ports", row->service, row->slot, slots->count);
	slots->used[row->slot] = true;
	row->number = (uint16_t)(base + row->slot);
	return 0;
}

/* Fixed ports that happen to lie in the range. */
static void mark_numbers(const struct claim *claim, const struct port *ports, size_t count,
	struct slots *slots)
{
	for (size_t i = 0; i < count; i++) {
		int slot = ports[i].number - claim->base_port;
		if (ports[i].number && slot >= 0 && slot < slots->count)
			slots->used[slot] = true;
	}
}

static void mark_avoided(const struct claim *claim, struct slots *slots)
{
	for (int slot = 0; slot < slots->count; slot++)
		slots->avoided[slot] =
			claim_avoids(claim, NULL, (uint16_t)(claim->base_port + slot));
}

/* Explicit slots first, then the kept auto slots, then the rest from the lowest free one. */
static int place_slots(const struct claim *claim, struct port *ports, size_t count,
	struct error *e)
{
	struct slots slots = {.count = instance_slots(claim->spans)};
	mark_kept(claim, ports, count, &slots);
	mark_numbers(claim, ports, count, &slots);
	mark_avoided(claim, &slots);
	for (size_t i = 0; i < count; i++)
		if (ports[i].source == PORT_SLOT && !ports[i].overridden &&
			take_slot(&ports[i], &slots, claim->base_port, e))
			return -1;
	for (size_t i = 0; i < count; i++) {
		struct port *row = &ports[i];
		int slot = row->source == PORT_AUTO ? kept_slot(claim, row) : NO_SLOT;
		row->slot = row->source == PORT_AUTO ? NO_SLOT : row->slot;
		if (slot < 0 || slot >= slots.count || slots.used[slot] || row->overridden ||
			claim_avoids(claim, row, (uint16_t)(claim->base_port + slot)))
			continue;
		row->slot = slot;
		take_slot(row, &slots, claim->base_port, NULL);
	}
	for (size_t i = 0; i < count; i++) {
		struct port *row = &ports[i];
		if (row->source != PORT_AUTO || row->overridden || row->slot != NO_SLOT)
			continue;
		row->slot = lowest_free(&slots);
		if (row->slot == NO_SLOT) {
			fail(e, EXIT_BAD_FILE, "service '%s': all %d ports of the instance are taken",
				row->service, slots.count);
			error_hint(e, "set `instances = %d` in [stack] for more ports",
				claim->spans + 1);
			return -1;
		}
		take_slot(row, &slots, claim->base_port, NULL);
	}
	return 0;
}

static bool same_protocol(const struct port *a, const struct port *b)
{
	return (a->protocol == PROTOCOL_UDP) == (b->protocol == PROTOCOL_UDP);
}

static int check_distinct(const struct port *ports, size_t count, struct error *e)
{
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < i; k++)
			if (ports[i].number == ports[k].number && same_protocol(&ports[i], &ports[k]))
				return fail(e, EXIT_BAD_FILE,
					"services '%s' and '%s' both want port %u", ports[k].service,
					ports[i].service, ports[i].number);
	return 0;
}

static bool is_taken(const struct port *ports, size_t count, const struct port *row, uint16_t number)
{
	for (size_t i = 0; i < count; i++)
		if (&ports[i] != row && ports[i].number == number && same_protocol(&ports[i], row))
			return true;
	return false;
}

int claim_slot_of(const struct claim *claim, uint16_t port)
{
	int slot = port - claim->base_port;
	return slot >= 0 && slot < instance_slots(claim->spans) ? slot : NO_SLOT;
}

/* A range of the stack file's own is the bound; the emergency ports lie outside of all. */
static bool may_have_moved_to(const struct claim *claim, const struct port *row, uint16_t port)
{
	bool in_own = port >= row->range_low && port <= row->range_high;
	bool emergency = port >= claim->emergency_low && port <= claim->emergency_high;
	return port_has_slot(row) || !row->range_low || in_own || emergency;
}

/*
 * A substitution of a run that ended without `down`, or one that somebody planned for the next run,
 * stays when it still makes sense.
 */
static void follow_moves(const struct claim *claim, struct port *ports, size_t count)
{
	for (size_t i = 0; i < claim->moved_count; i++) {
		const struct lease *moved = &claim->moved[i];
		for (size_t k = 0; k < count; k++) {
			struct port *row = &ports[k];
			if (!is_row(row, moved->service, moved->name) || row->immutable ||
				row->overridden || row->number == moved->port ||
				!may_have_moved_to(claim, row, moved->port) ||
				claim_avoids(claim, row, moved->port) ||
				is_taken(ports, count, row, moved->port))
				continue;
			row->moved_from = row->number;
			row->number = moved->port;
			if (port_has_slot(row))
				row->slot = claim_slot_of(claim, moved->port);
		}
	}
}

int claim_preview(const struct claim *claim, struct port *ports, size_t count, struct error *e)
{
	for (size_t i = 0; i < count; i++) {
		struct port *row = &ports[i];
		/* A move changed the slot: the same table may come a second time. */
		if (row->source == PORT_SLOT && row->moved_from && !row->overridden)
			row->slot = row->moved_from - claim->base_port;
		row->moved_from = 0;
		row->lost = false;
		if (!row->overridden)
			row->number = row->source == PORT_FIXED ? row->fixed : 0;
	}
	if (place_slots(claim, ports, count, e))
		return -1;
	pool_preview(claim, ports, count);
	if (check_distinct(ports, count, e))
		return -1;
	follow_moves(claim, ports, count);
	return 0;
}
