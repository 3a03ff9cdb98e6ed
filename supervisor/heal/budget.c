#include "heal/budget.h"

int budget_used(const struct budget *b, const struct restart_policy *policy, int64_t now_ms)
{
	int used = 0;
	for (int i = 1; i <= b->count; i++) {
		int64_t at = b->times[(b->next - i + BUDGET_MOST) % BUDGET_MOST];
		if (now_ms - at >= policy->limit_window_ms)
			break;
		used++;
	}
	return used;
}

bool budget_take(struct budget *b, const struct restart_policy *policy, int64_t now_ms)
{
	if (budget_used(b, policy, now_ms) >= policy->limit)
		return false;
	b->times[b->next] = now_ms;
	b->next = (b->next + 1) % BUDGET_MOST;
	if (b->count < BUDGET_MOST)
		b->count++;
	return true;
}

void budget_reset(struct budget *b)
{
	*b = (struct budget){0};
}
