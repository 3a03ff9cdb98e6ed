/*
 * journey.h - a walk that is being gone: its moves (play.c), then the end of all faults, after
 * which everything must heal, be restarted, and go down without leaving anything (healing.c).
 */
#ifndef SIM_JOURNEY_H
#define SIM_JOURNEY_H

#include "clients.h"
#include "mover.h"
#include "walk.h"
#include "world.h"

struct journey {
	const struct walk *walk;
	struct world *world;
	int second_of; /* whose second run the last row is for */
	struct mover mover;
	struct clients clients;
};

static inline int second_row(const struct journey *j)
{
	return (int)j->walk->services;
}

void journey_heal(struct journey *j);

#endif
