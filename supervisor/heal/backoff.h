/*
 * backoff.h - how long to wait before the next start. Pure.
 *
 * The n-th delay is delay * 2^(n-1), capped at max_delay, then spread by up to a quarter either way
 * so that fifty services that lost the same database do not come back in one instant. The spread
 * never goes above max_delay and never below half of delay.
 */
#ifndef HEAL_BACKOFF_H
#define HEAL_BACKOFF_H

#include <stdint.h>

#include "model/policy.h"

struct backoff {
	int attempt; /* failed starts in a row */
};

/* One more failure: the delay in ms before the next try. `random` is uniform in [0, 2^32). */
int64_t backoff_next(struct backoff *b, const struct restart_policy *policy, uint32_t random);
/* A good run: begin anew. */
void backoff_reset(struct backoff *b);

#endif
