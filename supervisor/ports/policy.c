#include "ports/policy.h"

#include <stddef.h>

bool block_is_valid(uint16_t base, int block)
{
	int first = base + BLOCK_PORTS * block;
	int last = first + BLOCK_PORTS - 1;
	return block >= 0 && block <= BLOCK_MOST && last <= UINT16_MAX &&
		(last < EMERGENCY_LOW || first > EMERGENCY_HIGH);
}

bool block_is_automatic(uint16_t base, int block)
{
	return block >= 1 && block_is_valid(base, block);
}

int block_choose(uint16_t base, const bool *taken)
{
	for (int block = 1; block < BLOCKS; block++)
		if (block_is_automatic(base, block) && !taken[block])
			return block;
	return -1;
}

uint16_t block_port(uint16_t base, int block)
{
	return (uint16_t)(base + BLOCK_PORTS * block);
}

int block_of_port(uint16_t base, uint16_t port)
{
	if (port < base || port >= base + BLOCK_PORTS * BLOCKS)
		return -1;
	return (port - base) / BLOCK_PORTS;
}

int instance_block_ordinal(int instance)
{
	return (instance - 1) / INSTANCES;
}

uint16_t instance_port(uint16_t base, int block, int instance)
{
	return (uint16_t)(block_port(base, block) + SLOTS * ((instance - 1) % INSTANCES));
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

bool port_is_browser_blocked(uint16_t port)
{
	static const uint16_t blocked[] = {1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43,
		53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135,
		137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548,
		554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045,
		4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080};
	for (size_t i = 0; i < sizeof blocked / sizeof blocked[0]; i++)
		if (blocked[i] == port)
			return true;
	return false;
}
