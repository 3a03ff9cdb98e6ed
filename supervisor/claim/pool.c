#include "claim/pool.h"

#include <string.h>

#include "ports/policy.h"

static bool block_is_owned(const struct claim *claim, int block)
{
	for (size_t i = 0; i < claim->block_count; i++)
		if (claim->blocks[i].block == block)
			return true;
	return false;
}

static int pool_block(const struct claim *claim)
{
	int block = BLOCK_MOST;
	if (!block_is_owned(claim, 0))
		return 0;
	while (block > 0 && (!block_is_automatic(claim->ports_base, block) ||
				    block_is_owned(claim, block)))
		block--;
	return block;
}

static bool is_in_foreign_block(const struct claim *claim, uint16_t port)
{
	for (size_t i = 0; i < claim->block_count; i++)
		if (claim->blocks[i].block == block_of_port(claim->ports_base, port))
			return claim->blocks[i].project_id != claim->project_id;
	return false;
}

static bool may_have(const struct claim *claim, const struct port *row, uint16_t port)
{
	return port >= row->range_low && port <= row->range_high &&
		!claim_avoids(claim, row, port) && !is_in_foreign_block(claim, port);
}

static bool is_of(const struct claim *claim, const struct pool_row *kept, const struct port *row)
{
	return kept->project_id == claim->project_id && kept->instance == claim->instance &&
		!strcmp(kept->service, row->service) && !strcmp(kept->name, row->name);
}

static const struct pool_row *keeper_of(const struct claim *claim, uint16_t port)
{
	for (size_t i = 0; i < claim->pool_count; i++)
		if (claim->pool[i].port == port)
			return &claim->pool[i];
	return NULL;
}

/* Of the run that goes on: its own record is newer than what was read when it began. */
static uint16_t place_now(const struct claim *claim, const struct port *row)
{
	const struct port_place *place = claim_place(claim, row);
	return place ? place->wanted : 0;
}

uint16_t pool_home(const struct claim *claim, const struct port *row)
{
	uint16_t home = place_now(claim, row);
	uint16_t reserved = claim_reserved_port(claim, row);
	if (home && may_have(claim, row, home))
		return home;
	if (reserved && may_have(claim, row, reserved))
		return reserved;
	for (size_t i = 0; i < claim->pool_count; i++)
		if (is_of(claim, &claim->pool[i], row) &&
			may_have(claim, row, claim->pool[i].port))
			return claim->pool[i].port;
	return 0;
}

uint16_t pool_next(struct pool_walk *walk)
{
	const struct claim *claim = walk->claim;
	const struct port *row = walk->row;
	while (!walk->lends && row->range_low + walk->next <= row->range_high) {
		uint16_t port = (uint16_t)(row->range_low + walk->next++);
		if (may_have(claim, row, port) && !keeper_of(claim, port))
			return port;
	}
	if (!walk->lends)
		walk->next = 0;
	walk->lends = true;
	while ((size_t)walk->next < claim->pool_count) {
		const struct pool_row *kept = &claim->pool[walk->next++];
		if (may_have(claim, row, kept->port))
			return kept->port;
	}
	return 0;
}

static bool is_wanted(const struct port *ports, size_t count, const struct port *row, uint16_t port)
{
	for (size_t i = 0; i < count; i++)
		if (&ports[i] != row && ports[i].number == port)
			return true;
	return false;
}

/* One that cannot be had says so by its number: the claim finds out who is in the way. */
static uint16_t first_choice(const struct claim *claim, const struct port *ports, size_t count,
	const struct port *row)
{
	struct pool_walk walk = {claim, row, false, 0};
	uint16_t port;
	while ((port = pool_next(&walk)))
		if (!is_wanted(ports, count, row, port))
			return port;
	port = row->range_low;
	while (port < row->range_high && is_wanted(ports, count, row, port))
		port++;
	return port;
}

void pool_preview(const struct claim *claim, struct port *ports, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct port *row = &ports[i];
		if (row->source != PORT_POOL)
			continue;
		if (!row->range_low) {
			row->range_low = block_port(claim->ports_base, pool_block(claim));
			row->range_high = (uint16_t)(row->range_low + BLOCK_PORTS - 1);
		}
		row->number = pool_home(claim, row);
	}
	for (size_t i = 0; i < count; i++) {
		struct port *row = &ports[i];
		if (row->source == PORT_POOL &&
			(!row->number || is_wanted(ports, count, row, row->number)))
			row->number = first_choice(claim, ports, count, row);
	}
}
