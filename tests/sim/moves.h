/*
 * moves.h - the table of the service machine: which event may lead from which state to which.
 * Written from what the states mean (watch/service.h), not from the code; the walk compares the
 * two, and counts how often each move was seen.
 *
 * An event that the table does not have for a state cannot come there. The walk feeds it all the
 * same, as a stray, and it must change nothing.
 */
#ifndef SIM_MOVES_H
#define SIM_MOVES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "watch/service.h"

#define X(name, word) +1
enum { STATES = SERVICE_STATES(X), EVENTS = SERVICE_EVENTS(X) };
#undef X

bool moves_possible(enum service_state from, enum service_event_kind event);
bool moves_allow(enum service_state from, enum service_event_kind event, enum service_state to);

struct coverage {
	uint64_t moves[STATES][EVENTS][STATES];
	uint64_t strays[STATES][EVENTS];
	uint64_t events;
	uint64_t walks;
	uint64_t handovers; /* that ended */
	uint64_t back; /* ... and of them those that were undone */
	uint64_t answers; /* to clients */
};

/* What was seen in this process since the start. */
extern struct coverage seen;

void coverage_add(struct coverage *sum, const struct coverage *part);
/* The matrix: how often each event came in each state; "-": cannot, "stray 12": was made to. */
void coverage_print(const struct coverage *c, FILE *out);
/* Names every move and every stray that was never seen; returns their number. */
int coverage_gaps(const struct coverage *c, FILE *out);

#endif
