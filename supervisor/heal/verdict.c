#include "heal/verdict.h"

#include "base/words.h"

WORDS(health_word, health, HEALTHS)

static bool become(struct verdict *v, enum health health)
{
	bool changed = v->health != health;
	v->health = health;
	return changed;
}

void verdict_reset(struct verdict *v, const struct health_policy *policy)
{
	*v = (struct verdict){.health = policy->present ? HEALTH_UNKNOWN : HEALTH_NONE};
}

bool verdict_success(struct verdict *v, const struct health_policy *policy)
{
	v->failures = 0;
	v->succeeded_once = true;
	if (v->successes < policy->successes)
		v->successes++;
	/* Readiness believes the very first success; health wants all of them. */
	if (v->successes < policy->successes)
		return false;
	return become(v, HEALTH_HEALTHY);
}

bool verdict_failure(struct verdict *v, const struct health_policy *policy, int64_t age_ms)
{
	v->successes = 0;
	if (!v->succeeded_once || age_ms < policy->start_period_ms)
		return false;
	if (v->failures < policy->retries)
		v->failures++;
	return v->failures >= policy->retries && become(v, HEALTH_UNHEALTHY);
}

bool verdict_imposter(struct verdict *v)
{
	v->successes = 0;
	return become(v, HEALTH_IMPOSTER);
}
