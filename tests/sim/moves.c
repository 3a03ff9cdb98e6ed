#include "moves.h"

#include <string.h>

#define B  (1u << STATE_BLOCKED)
#define S  (1u << STATE_STARTING)
#define R  (1u << STATE_READY)
#define U  (1u << STATE_UNHEALTHY)
#define C  (1u << STATE_COOLING)
#define P  (1u << STATE_STOPPING)
#define K  (1u << STATE_KILLING)
#define D  (1u << STATE_DOWN)
#define O  (1u << STATE_DONE)
#define F  (1u << STATE_FAILED)

/*
 * What is asked of something without a process. Answers to questions of its last one may still
 * come, and so may the end of its stop command that was reaped together with the leader.
 */
#define WITHOUT_PROCESS(self)                                                                      \
	[ON_WANT_UP] = B, [ON_RESTART] = B, [ON_WANT_DOWN] = self, [ON_KILL] = self,               \
	[ON_PROBE] = self, [ON_READY_SIGN] = self
#define RUNNING(self)                                                                              \
	[ON_WANT_UP] = self, [ON_WANT_DOWN] = self, [ON_RESTART] = P, [ON_KILL] = K,               \
	[ON_MAY_STOP] = P, [ON_EXITED] = D | C | O | F | B | P

static const uint16_t moves[STATES][EVENTS] = {
	[STATE_DOWN] = {WITHOUT_PROCESS(D), [ON_HOOK_EXITED] = D},
	[STATE_DONE] = {WITHOUT_PROCESS(O)},
	[STATE_FAILED] = {WITHOUT_PROCESS(F), [ON_HOOK_EXITED] = F},
	[STATE_BLOCKED] = {
		[ON_WANT_UP] = B, [ON_RESTART] = B, [ON_WANT_DOWN] = D, [ON_KILL] = D,
		[ON_HOOK_EXITED] = B,
		[ON_MAY_START] = B | C, [ON_DEPENDENCY_FAILED] = F, [ON_SPAWNED] = S,
		[ON_SHORTAGE] = C | F, [ON_PROBE] = B, [ON_READY_SIGN] = B},
	[STATE_COOLING] = {
		[ON_WANT_UP] = B, [ON_RESTART] = B, [ON_WANT_DOWN] = D, [ON_KILL] = D,
		[ON_TIME] = B, [ON_PROBE] = C, [ON_READY_SIGN] = C, [ON_HOOK_EXITED] = C},
	[STATE_STARTING] = {RUNNING(S),
		[ON_PROBE] = S | R, [ON_READY_SIGN] = S | R, [ON_TIME] = S | P},
	[STATE_READY] = {RUNNING(R),
		[ON_PROBE] = R | U | P, [ON_READY_SIGN] = R, [ON_TIME] = R},
	[STATE_UNHEALTHY] = {RUNNING(U),
		[ON_PROBE] = U | R | P, [ON_READY_SIGN] = U, [ON_TIME] = U},
	[STATE_STOPPING] = {
		[ON_WANT_UP] = P, [ON_WANT_DOWN] = P, [ON_RESTART] = P, [ON_KILL] = K,
		[ON_EXITED] = P | D | B | C | F, [ON_TREE] = P | D | B | C | O | F,
		[ON_HOOK_EXITED] = P, [ON_TIME] = P | K, [ON_PROBE] = P, [ON_READY_SIGN] = P},
	[STATE_KILLING] = {
		[ON_WANT_UP] = K, [ON_WANT_DOWN] = K, [ON_RESTART] = K, [ON_KILL] = K,
		[ON_EXITED] = K | D | B | C | F, [ON_TREE] = K | D | B | C | O | F,
		[ON_HOOK_EXITED] = K, [ON_TIME] = K, [ON_PROBE] = K, [ON_READY_SIGN] = K},
};

struct coverage seen;

bool moves_possible(enum service_state from, enum service_event_kind event)
{
	return moves[from][event] != 0;
}

bool moves_allow(enum service_state from, enum service_event_kind event, enum service_state to)
{
	return moves[from][event] & (1u << to);
}

void coverage_add(struct coverage *sum, const struct coverage *part)
{
	uint64_t *to = (uint64_t *)sum;
	const uint64_t *from = (const uint64_t *)part;
	for (size_t i = 0; i < sizeof *sum / sizeof *to; i++)
		to[i] += from[i];
}

static uint64_t visits(const struct coverage *c, int from, int event)
{
	uint64_t sum = 0;
	for (int to = 0; to < STATES; to++)
		sum += c->moves[from][event][to];
	return sum;
}

static void print_stray(FILE *out, uint64_t count)
{
	char text[24];
	snprintf(text, sizeof text, "(%llu)", (unsigned long long)count);
	fprintf(out, "%11s", text);
}

void coverage_print(const struct coverage *c, FILE *out)
{
	fprintf(out, "%-24s", "how often in state");
	for (int state = 0; state < STATES; state++)
		fprintf(out, "%11s", service_state_word((enum service_state)state));
	for (int event = 0; event < EVENTS; event++) {
		fprintf(out, "\n%-24s", service_event_word((enum service_event_kind)event));
		for (int state = 0; state < STATES; state++)
			if (moves[state][event])
				fprintf(out, "%11llu", (unsigned long long)visits(c, state, event));
			else
				print_stray(out, c->strays[state][event]);
	}
	fprintf(out, "\nin brackets: cannot come, came as a stray and changed nothing\n"
		     "%llu handovers, %llu of them undone; %llu clients got their answer\n",
		(unsigned long long)c->handovers, (unsigned long long)c->back,
		(unsigned long long)c->answers);
}

static int move_gaps(const struct coverage *c, int from, int event, FILE *out)
{
	int gaps = 0;
	for (int to = 0; to < STATES; to++) {
		if (!(moves[from][event] & (1u << to)) || c->moves[from][event][to])
			continue;
		fprintf(out, "never seen: %s, %s -> %s\n", service_state_word((enum service_state)from),
			service_event_word((enum service_event_kind)event),
			service_state_word((enum service_state)to));
		gaps++;
	}
	return gaps;
}

int coverage_gaps(const struct coverage *c, FILE *out)
{
	int gaps = 0;
	for (int from = 0; from < STATES; from++)
		for (int event = 0; event < EVENTS; event++) {
			if (moves[from][event])
				gaps += move_gaps(c, from, event, out);
			else if (!c->strays[from][event]) {
				fprintf(out, "never strayed: %s, %s\n",
					service_state_word((enum service_state)from),
					service_event_word((enum service_event_kind)event));
				gaps++;
			}
		}
	return gaps;
}
