#include "ports/policy.h"

bool block_is_valid(int block)
{
	return block >= 0 && block <= BLOCK_MOST &&
		(block < BLOCK_EMERGENCY_LOW || block > BLOCK_EMERGENCY_HIGH);
}

bool block_is_automatic(int block)
{
	return block >= 1 && block_is_valid(block);
}

int block_choose(const bool *taken)
{
	for (int block = 1; block < BLOCKS; block++)
		if (block_is_automatic(block) && !taken[block])
			return block;
	return -1;
}

uint16_t block_port(int block)
{
	return (uint16_t)(PORTS_BASE + BLOCK_PORTS * block);
}

int block_of_port(uint16_t port)
{
	if (port < PORTS_BASE || port >= PORTS_BASE + BLOCK_PORTS * BLOCKS)
		return -1;
	return (port - PORTS_BASE) / BLOCK_PORTS;
}

int instance_block_ordinal(int instance)
{
	return (instance - 1) / INSTANCES;
}

uint16_t instance_port(int block, int instance)
{
	return (uint16_t)(block_port(block) + SLOTS * ((instance - 1) % INSTANCES));
}

bool instance_is_valid(int instance, int spans)
{
	return instance >= 1 && instance <= INSTANCE_MOST && spans >= 1 && spans <= INSTANCES &&
		(instance - 1) % INSTANCES + spans <= INSTANCES;
}

bool instance_overlaps(int a, int a_spans, int b, int b_spans)
{
	return a < b + b_spans && b < a + a_spans;
}

int instance_slots(int spans)
{
	return SLOTS * spans;
}
