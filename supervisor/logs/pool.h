/*
 * pool.h - inside logs/: what the intakes of one instance decide together.
 */
#ifndef LOGS_POOL_H
#define LOGS_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "logs/intake.h"

enum { PART_LEAST = 4096 }; /* bytes; smaller limits count as this */

/* Opens the directory again after somebody removed it. -1 with errno. */
int pool_reopen(struct intake_pool *pool);

/* The wall clock, never back behind what was given out before. */
int64_t pool_time(struct intake_pool *pool, int64_t wall_ms);

/* Bytes were added; removes the oldest rotated files while all together are over log.total. */
void pool_added(struct intake_pool *pool, uint64_t bytes);
/* Removes the oldest rotated file; returns its size, 0 when there is none. */
int64_t pool_drop_oldest(struct intake_pool *pool);

/* A part's size limit, so that the current files alone stay below log.total. */
int64_t pool_part_size(const struct intake_pool *pool, int64_t max_size);
/* A pipe's size, so that all services together stay below the user's share of pipe memory. */
int pool_pipe_size(const struct intake_pool *pool);

#endif
