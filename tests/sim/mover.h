/*
 * mover.h - one service takes its own place in the walk, in the order of plan/handover.h, as the
 * daemon has it done when a port moves or a service is restarted without a gap.
 *
 *	mover_begin(&m, w, service, kind, fails);
 *	mover_continue(&m, w);			// after every turn, until !m.active
 */
#ifndef SIM_MOVER_H
#define SIM_MOVER_H

#include "plan/handover.h"
#include "world.h"

struct mover {
	bool active;
	struct handover plan;
	int service; /* row */
	int followers[WORLD_SERVICES]; /* rows */
	int64_t fails; /* bits of steps that fail by themselves: the port cannot be leased */
	bool begun; /* the present step */
	bool second; /* the second row is ours */
	uint64_t generation; /* of whoever is awaited, before */
	int64_t deadline_ms;
	int steps; /* taken so far */
};

/* False: it does not run, or somebody else has the second row. */
bool mover_begin(struct mover *m, struct world *w, int service, enum handover_kind kind,
	int64_t fails);
void mover_continue(struct mover *m, struct world *w);

#endif
