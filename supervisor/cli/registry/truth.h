/*
 * truth.h - the registry of this machine, verified: what upkeep/verify.h sees, with what supervisors
 * say of their services.
 */
#ifndef CLI_REGISTRY_TRUTH_H
#define CLI_REGISTRY_TRUTH_H

#include "upkeep/verify.h"

struct context;

struct truth {
	struct verify_facts facts; /* owns */
	struct verification found; /* in the arena of the facts */
	size_t mute; /* supervisors that did not answer: of their services nothing is expected */
};
/* What differs is looked at twice. Released in any case. */
int truth_find(const struct context *context, struct truth *truth, struct error *e);
void truth_release(struct truth *truth);

#endif
