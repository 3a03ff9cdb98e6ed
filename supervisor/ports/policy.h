/*
 * policy.h - the arithmetic of ports: blocks, instances, slots. Pure; no system call.
 *
 * Block b is ports base + 100*b to +99; the base is PORTS_BASE unless the user set another one before
 * the first project. Block 0 belongs to the machine; projects get the lowest free one from 1. Ids up
 * to 354 may be asked for, less those in the emergency ports (100-109), as long as the block ends at
 * 65535 or below. Instance n of a block is its ten ports from block + 10*(n-1) on. An
 * instance that spans several ranges takes the ranges of the following numbers, so instance 3 with
 * two spans is +20 to +39 and there is no instance 4 beside it. Numbers above ten continue in the
 * project's further blocks: 11 to 20 in its second, and so on.
 */
#ifndef PORTS_POLICY_H
#define PORTS_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "model/names.h"

enum {
	BLOCK_MOST = 354,
	BLOCKS = BLOCK_MOST + 1,
	INSTANCE_TESTS = 2, /* for tests and CI */
	INSTANCE_FEATURES = 3, /* from here on linked worktrees get theirs */
};

/* Can a project ask for this id? Block 0 can be asked for, too. */
bool block_is_valid(uint16_t base, int block);
/* Can a project be given this id without asking? 1 and up, inside the kernel's usual range last. */
bool block_is_automatic(uint16_t base, int block);
/* Lowest free id from 1, -1 when all are taken. taken has BLOCKS entries. */
int block_choose(uint16_t base, const bool *taken);
uint16_t block_port(uint16_t base, int block);
/* Block of a port, -1 for a port outside all blocks. */
int block_of_port(uint16_t base, uint16_t port);

/* Which of a project's blocks instance n is in, 0 for 1..10. */
int instance_block_ordinal(int instance);
/* First port of instance n in that block. */
uint16_t instance_port(uint16_t base, int block, int instance);
/* 1..INSTANCE_MOST, and all its spans in one block. */
bool instance_is_valid(int instance, int spans);
/* Do (instance, spans) a and b share a range? */
bool instance_overlaps(int a, int a_spans, int b, int b_spans);
/*
 * Do browsers refuse to fetch from it? The "bad ports" of the Fetch standard
 * (https://fetch.spec.whatwg.org/#port-blocking).
 */
bool port_is_browser_blocked(uint16_t port);
/* Offsets 0 .. this - 1 are slots of one instance. */
int instance_slots(int spans);

#endif
