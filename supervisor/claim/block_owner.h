/*
 * block_owner.h - whose block a port lies in, for who asks for one by its number: `ports reserve`,
 * `ports move`. What launches choose by themselves never lies in somebody else's.
 */
#ifndef CLAIM_BLOCK_OWNER_H
#define CLAIM_BLOCK_OWNER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

struct block_owner {
	int64_t project_id;
	const char *project; /* in the arena */
	int leased_to; /* the instance of the project that has a lease of the port, TCP or UDP; 0 */
};

/* 1: found; 0: nobody's block, or that of an archived project, which gives it up; -1. */
int block_owner_find(const char *state, uint16_t port, struct arena *arena,
	struct block_owner *out, struct error *e);

#endif
