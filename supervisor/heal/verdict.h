/*
 * verdict.h - from single probe results to healthy or unhealthy. Pure.
 *
 * `retries` failures in a row make a service unhealthy, `successes` successes in a row make it
 * healthy, at the start and again later. Failures before the first success, or within start_period of the start, never
 * count: readiness decides about a service that has not come up. An unknown result changes nothing.
 */
#ifndef HEAL_VERDICT_H
#define HEAL_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#include "model/policy.h"

#define HEALTHS(X)                                                                                 \
	X(HEALTH_NONE, "none")                                                                     \
	X(HEALTH_UNKNOWN, "unknown")                                                               \
	X(HEALTH_HEALTHY, "healthy")                                                               \
	X(HEALTH_UNHEALTHY, "unhealthy")                                                           \
	X(HEALTH_IMPOSTER, "imposter")
#define X(name, word) name,
enum health { HEALTHS(X) };
#undef X
const char *health_word(enum health health);

struct verdict {
	enum health health;
	int failures; /* in a row */
	int successes; /* in a row */
	bool succeeded_once;
};

void verdict_reset(struct verdict *v, const struct health_policy *policy);
/* Each returns true when the health changed. age_ms is the time since the start. */
bool verdict_success(struct verdict *v, const struct health_policy *policy);
bool verdict_failure(struct verdict *v, const struct health_policy *policy, int64_t age_ms);
bool verdict_imposter(struct verdict *v);

#endif
