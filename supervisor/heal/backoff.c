#include "heal/backoff.h"

enum { SPREAD_PARTS = 4 }; /* a quarter */

int64_t backoff_next(struct backoff *b, const struct restart_policy *policy, uint32_t random)
{
	int64_t delay = policy->delay_ms;
	for (int i = 0; i < b->attempt && delay < policy->max_delay_ms; i++)
		delay *= 2;
	if (b->attempt < INT32_MAX)
		b->attempt++;
	if (delay > policy->max_delay_ms)
		delay = policy->max_delay_ms;
	int64_t spread = delay / SPREAD_PARTS;
	delay += (int64_t)(random % (uint32_t)(2 * spread + 1)) - spread;
	return delay > policy->max_delay_ms ? policy->max_delay_ms : delay;
}

void backoff_reset(struct backoff *b)
{
	b->attempt = 0;
}
