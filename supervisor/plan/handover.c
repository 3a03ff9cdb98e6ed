#include "plan/handover.h"

#include <string.h>

#include "base/words.h"
#include "plan/order.h"

WORDS(handover_step_word, handover_step, HANDOVER_STEPS)

enum { STEPS_MOST = 7 };

struct ways {
	enum handover_step there[STEPS_MOST];
	enum handover_step back[STEPS_MOST];
};

static const struct ways ways_of[] = {
	[HANDOVER_OVERLAP] = {{HANDOVER_LEASE, HANDOVER_START, HANDOVER_SWITCH, HANDOVER_FOLLOW,
				      HANDOVER_RETIRE, HANDOVER_FORWARD, HANDOVER_END},
		{HANDOVER_BACK, HANDOVER_FOLLOW, HANDOVER_DISMISS, HANDOVER_RELEASE, HANDOVER_END}},
	[HANDOVER_SAME] = {{HANDOVER_START, HANDOVER_SWITCH, HANDOVER_FOLLOW, HANDOVER_RETIRE,
				   HANDOVER_END},
		{HANDOVER_BACK, HANDOVER_FOLLOW, HANDOVER_DISMISS, HANDOVER_END}},
	[HANDOVER_STOP_FIRST] = {{HANDOVER_LEASE, HANDOVER_SWITCH, HANDOVER_RESTART,
					 HANDOVER_FOLLOW, HANDOVER_FORWARD, HANDOVER_END},
		{HANDOVER_BACK, HANDOVER_RESTART, HANDOVER_FOLLOW, HANDOVER_RELEASE,
			HANDOVER_END}},
	[HANDOVER_LOST] = {{HANDOVER_SWITCH, HANDOVER_RESTART, HANDOVER_FOLLOW, HANDOVER_END},
		{HANDOVER_END}},
};

static unsigned bit(enum handover_step step)
{
	return 1u << step;
}

/* What fails after it has begun has to be undone all the same. */
static bool begins_something(enum handover_step step)
{
	return step == HANDOVER_START || step == HANDOVER_RESTART || step == HANDOVER_FOLLOW;
}

static bool is_needed(const struct handover *h, enum handover_step step)
{
	switch (step) {
	case HANDOVER_FOLLOW:
		return h->followers > 0;
	case HANDOVER_BACK:
		return h->reached & bit(HANDOVER_SWITCH);
	case HANDOVER_DISMISS:
		return h->reached & bit(HANDOVER_START);
	case HANDOVER_RELEASE:
		return h->reached & bit(HANDOVER_LEASE);
	case HANDOVER_RESTART:
		return !h->back || (h->reached & bit(HANDOVER_RESTART));
	case HANDOVER_LEASE:
	case HANDOVER_START:
	case HANDOVER_SWITCH:
	case HANDOVER_RETIRE:
	case HANDOVER_FORWARD:
	case HANDOVER_END:
		return true;
	}
	return true;
}

/* To the first step from h->at on that is needed. */
static void settle(struct handover *h)
{
	const struct ways *ways = &ways_of[h->kind];
	const enum handover_step *way = h->back ? ways->back : ways->there;
	while (!is_needed(h, way[h->at]))
		h->at++;
	h->step = way[h->at];
	h->follower = 0;
}

void handover_begin(struct handover *h, enum handover_kind kind, int followers)
{
	*h = (struct handover){.kind = kind, .followers = followers};
	settle(h);
}

static void turn_round(struct handover *h)
{
	h->followers = h->reached & bit(HANDOVER_FOLLOW) ? h->follower + 1 : 0;
	h->back = true;
	h->at = 0;
	settle(h);
}

void handover_next(struct handover *h, bool ok)
{
	if (h->step == HANDOVER_END)
		return;
	if (ok || begins_something(h->step))
		h->reached |= bit(h->step);
	if (!ok && !h->back) {
		turn_round(h);
		return;
	}
	if (h->step == HANDOVER_FOLLOW && h->follower + 1 < h->followers) {
		h->follower++;
		return;
	}
	h->at++;
	settle(h);
}

/* ---- who follows ---- */

static void mark_changed(const struct stack *before, const struct stack *after, const bool *running,
	bool *marks)
{
	for (int i = 0; i < after->service_count; i++)
		marks[i] = running[i] && strcmp(before->services[i].fingerprint,
						 after->services[i].fingerprint) != 0;
}

static bool follows_one(const struct graph *g, int service, const bool *marks)
{
	struct edges needs = graph_needs(g, service);
	for (size_t i = 0; i < needs.count; i++)
		if (marks[needs.services[i]])
			return true;
	return false;
}

/* A restart goes on to dependents that ask for it, and from them to theirs. */
static void mark_dependents(const struct graph *g, const struct stack *stack, const bool *running,
	bool *marks)
{
	for (bool found = true; found;) {
		found = false;
		for (int i = 0; i < stack->service_count; i++) {
			bool asks = stack->services[i].policy.on_dependency == DEPENDENCY_RESTART;
			if (marks[i] || !running[i] || !asks || !follows_one(g, i, marks))
				continue;
			marks[i] = found = true;
		}
	}
}

int handover_followers(struct arena *arena, const struct graph *g, const struct stack *before,
	const struct stack *after, int service, const bool *running, const int **followers)
{
	bool *marks = arena_take(arena, ((size_t)after->service_count + 1) * sizeof *marks);
	mark_changed(before, after, running, marks);
	marks[service] = true;
	mark_dependents(g, after, running, marks);
	marks[service] = false;
	struct order order = order_new(arena, after, g, marks);
	*followers = order.services;
	return (int)order.count;
}
