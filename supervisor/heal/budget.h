/*
 * budget.h - "10 restarts in 5 minutes", exactly: a sliding window over the times of the last
 * restarts. Pure.
 *
 * The window remembers at most BUDGET_MOST restarts, which is also the largest limit that the stack
 * file accepts.
 */
#ifndef HEAL_BUDGET_H
#define HEAL_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "model/policy.h"

enum { BUDGET_MOST = 64 };

struct budget {
	int64_t times[BUDGET_MOST]; /* ring of restart times, oldest at next - count */
	int next;
	int count;
};

/* Restarts within the window that ends now. */
int budget_used(const struct budget *b, const struct restart_policy *policy, int64_t now_ms);
/* Takes one restart out of the budget; false when the limit is reached already. */
bool budget_take(struct budget *b, const struct restart_policy *policy, int64_t now_ms);
void budget_reset(struct budget *b);

#endif
