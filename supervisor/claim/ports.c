#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/own.h"
#include "claim/parts.h"
#include "claim/pool.h"
#include "ports/policy.h"
#include "registry/history.h"

int boarding_no_memory(struct error *e)
{
	return fail(e, EXIT_FAILED, "out of memory");
}

struct pooled *boarding_find(struct boarding *b, uint16_t port, bool udp)
{
	for (size_t i = 0; i < b->pool.count; i++)
		if (b->pool.items[i].hold.port == port && b->pool.items[i].hold.udp == udp)
			return &b->pool.items[i];
	return NULL;
}

static int fill_pool(struct boarding *b, struct error *e)
{
	const struct claim *claim = b->claim;
	for (size_t i = 0; i < claim->hold_count + claim->spare_count; i++) {
		struct pooled item = {.row = -1};
		item.hold = i < claim->hold_count ? claim->holds[i]
						  : claim->spares[i - claim->hold_count];
		if (item.hold.state != HOLD_CLOSED && !list_push(&b->pool, item))
			return boarding_no_memory(e);
	}
	return 0;
}

/* 0: held (already or now), 1: it cannot be had and is a trouble, -1: no memory. */
static int hold_port(struct boarding *b, uint16_t port, bool udp, int row, struct error *e)
{
	struct pooled *known = boarding_find(b, port, udp);
	if (known) {
		known->row = row < 0 ? known->row : row;
		return 0;
	}
	struct error why = {0};
	struct pooled item = {.hold = HOLD_NONE, .fresh = true, .row = row};
	if (!hold_take(&item.hold, port, udp, &why)) {
		if (list_push(&b->pool, item))
			return 0;
		hold_close(&item.hold);
		return boarding_no_memory(e);
	}
	struct trouble trouble = {.port = port, .udp = udp, .row = row, .number = why.number};
	return list_push(&b->troubles, trouble) ? 1 : boarding_no_memory(e);
}

/* The row has no port of its own yet: the first of the pool that the kernel gives. */
static int hold_pool(struct boarding *b, int index, struct error *e)
{
	struct port *row = &b->ports[index];
	bool udp = port_is_udp(row);
	struct pool_walk walk = {.claim = b->claim, .row = row};
	uint16_t wanted = row->number;
	for (uint16_t port; (port = pool_next(&walk));) {
		struct pooled item = {.hold = HOLD_NONE, .fresh = true, .row = index};
		if (boarding_find(b, port, udp) || (port != wanted && boarding_wants(b, port, udp)) ||
			hold_take(&item.hold, port, udp, NULL))
			continue;
		row->number = port;
		if (list_push(&b->pool, item))
			return 0;
		hold_close(&item.hold);
		return boarding_no_memory(e);
	}
	return hold_port(b, wanted, udp, index, e);
}

static int hold_row(struct boarding *b, int index, struct error *e)
{
	const struct port *row = &b->ports[index];
	bool udp = port_is_udp(row);
	const struct reservation *reserved = claim_reserved(b->claim, row, row->number);
	bool open = row->source == PORT_POOL && !row->moved_from &&
		pool_home(b->claim, row) != row->number;
	if (open)
		return hold_pool(b, index, e);
	if (!reserved || boarding_find(b, row->number, udp))
		return hold_port(b, row->number, udp, index, e);
	struct trouble trouble = {.port = row->number, .udp = udp, .row = index, .reserved = reserved};
	return list_push(&b->troubles, trouble) ? 1 : boarding_no_memory(e);
}

/* Ports of the range that are reserved or protected are left to whom they belong. */
static int hold_all(struct boarding *b, struct error *e)
{
	for (size_t i = 0; i < b->count; i++)
		if (hold_row(b, (int)i, e) < 0)
			return -1;
	for (int slot = 0; slot < instance_slots(b->claim->spans); slot++) {
		uint16_t port = (uint16_t)(b->claim->base_port + slot);
		bool tried = claim_avoids(b->claim, NULL, port);
		for (size_t i = 0; i < b->troubles.count && !tried; i++)
			tried = b->troubles.items[i].port == port && !b->troubles.items[i].udp;
		if (!tried && hold_port(b, port, false, -1, e) < 0)
			return -1;
	}
	return 0;
}

static void drop_pool(struct boarding *b)
{
	for (size_t i = 0; i < b->pool.count; i++)
		if (b->pool.items[i].fresh)
			hold_close(&b->pool.items[i].hold);
}

static void free_places(struct port_place *places, size_t count)
{
	for (size_t i = 0; places && i < count; i++) {
		free(places[i].service);
		free(places[i].name);
	}
	free(places);
}

static struct port_place *make_places(const struct boarding *b)
{
	/* One more than needed: no port at all is a claim, too, and not "none yet". */
	struct port_place *places = calloc(b->count + 1, sizeof *places);
	bool complete = places != NULL;
	for (size_t i = 0; complete && i < b->count; i++) {
		const struct port *row = &b->ports[i];
		places[i] = (struct port_place){.service = strdup(row->service),
			.name = strdup(row->name), .udp = port_is_udp(row), .number = row->number,
			.wanted = row->moved_from ? row->moved_from : row->number};
		complete = places[i].service && places[i].name;
	}
	if (complete)
		return places;
	free_places(places, b->count);
	return NULL;
}

static bool in_range(const struct claim *claim, const struct hold *hold)
{
	int slot = hold->port - claim->base_port;
	return !hold->udp && slot >= 0 && slot < instance_slots(claim->spans);
}

/* A hold that its service had relaxed and that nobody uses now is exclusive again, or let go. */
static void share_out(struct boarding *b, struct hold *holds, struct hold *spares, size_t *spare_count)
{
	for (size_t i = 0; i < b->count; i++)
		holds[i] = (struct hold){.fd = -1, .port = b->ports[i].number,
			.udp = port_is_udp(&b->ports[i])};
	for (size_t i = 0; i < b->pool.count; i++) {
		struct pooled *item = &b->pool.items[i];
		if (item->row >= 0) {
			holds[item->row] = item->hold;
			continue;
		}
		if (!in_range(b->claim, &item->hold) || item->hold.state == HOLD_IS_LISTENING ||
			claim_avoids(b->claim, NULL, item->hold.port)) {
			hold_close(&item->hold);
			continue;
		}
		(void)hold_rearm(&item->hold, NULL);
		spares[(*spare_count)++] = item->hold;
	}
}

static int adopt(struct boarding *b, struct error *e)
{
	struct claim *claim = b->claim;
	struct port_place *places = make_places(b);
	struct hold *holds = calloc(b->count + 1, sizeof *holds);
	struct hold *spares = calloc(b->pool.count + 1, sizeof *spares);
	size_t spare_count = 0;
	if (!places || !holds || !spares) {
		free_places(places, b->count);
		free(holds);
		free(spares);
		return boarding_no_memory(e);
	}
	share_out(b, holds, spares, &spare_count);
	free_places(claim->places, claim->hold_count);
	free(claim->holds);
	free(claim->spares);
	claim->places = places;
	claim->holds = holds;
	claim->hold_count = b->count;
	claim->spares = spares;
	claim->spare_count = spare_count;
	return 0;
}

const struct port_place *claim_place(const struct claim *claim, const struct port *row)
{
	for (size_t i = 0; claim->places && i < claim->hold_count; i++) {
		const struct port_place *place = &claim->places[i];
		if (!strcmp(place->service, row->service) && !strcmp(place->name, row->name) &&
			place->udp == port_is_udp(row))
			return place;
	}
	return NULL;
}

/* A running service keeps the port it was moved to, as long as the file wants what it wanted. */
static void keep_places(struct boarding *b)
{
	for (size_t i = 0; i < b->count; i++) {
		struct port *row = &b->ports[i];
		const struct port_place *place = claim_place(b->claim, row);
		if (!place || row->immutable || place->wanted != row->number ||
			place->number == row->number ||
			boarding_wants(b, place->number, port_is_udp(row)))
			continue;
		row->moved_from = row->number;
		row->number = place->number;
		if (port_has_slot(row))
			row->slot = claim_slot_of(b->claim, place->number);
	}
}

/* What was reserved while we ran counts, too. */
static int refresh(struct boarding *b, struct error *e)
{
	if (!b->claim->places)
		return 0;
	struct registry *r = registry_open(b->state, REGISTRY_READ, REGISTRY_LOOP_MS, NULL, e);
	int result = r ? claim_load_machine(r, b->claim, e) : -1;
	registry_close(r);
	return result;
}

static int board(struct boarding *b, struct error *e)
{
	if (refresh(b, e))
		return -1;
	if (claim_preview(b->claim, b->ports, b->count, e))
		return -1;
	keep_places(b);
	if (b->claim->unclean && boarding_remove_leftovers(b, b->claim->instance, e))
		return -1;
	if (fill_pool(b, e) || hold_all(b, e))
		return -1;
	return b->troubles.count && boarding_free(b, e) ? -1 : 0;
}

static void release(struct boarding *b)
{
	list_release(&b->pool);
	list_release(&b->troubles);
	list_release(&b->settled);
	list_release(&b->seen);
	owners_release(&b->owners);
	sockets_release(&b->sockets);
}

static void tell_removed(struct claim *claim)
{
	for (size_t i = 0; i < claim->removed.count; i++) {
		text_add(&claim->notices, "ended a leftover of an earlier run: ");
		owner_add_line(&claim->notices, &claim->removed.items[i]);
		text_add_char(&claim->notices, '\n');
	}
}

int claim_ports(const char *state, struct claim *claim, struct port *ports, size_t count,
	const struct claim_options *options, struct error *e)
{
	static const struct claim_options none = {.strategy = STRATEGY_INTELLIGENT};
	struct boarding b = {.state = state, .claim = claim, .ports = ports, .count = count,
		.options = options ? options : &none, .began_us = clock_now_us()};
	sockets_init(&b.sockets);
	owners_release(&claim->removed);
	int result = board(&b, e);
	tell_removed(claim);
	if (!result)
		result = boarding_resolve(&b, e);
	/* A conflict is told even when the registry cannot be written now. */
	if (result)
		(void)boarding_write(&b, false, NULL);
	else
		result = boarding_write(&b, true, e);
	if (!result)
		result = adopt(&b, e);
	if (result)
		drop_pool(&b);
	if (!result && b.options->purpose)
		claim->purpose = arena_string(claim->arena, b.options->purpose);
	claim->unclean = result ? claim->unclean : false;
	release(&b);
	return result;
}
