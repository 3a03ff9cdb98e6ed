/*
 * members.h - what JSON says of a project and of an instance, the same in every document that has them.
 *
 * The members only: the caller opens the object, may add more, and closes it.
 */
#ifndef REGISTRY_MEMBERS_H
#define REGISTRY_MEMBERS_H

#include "base/text.h"
#include "registry/instances.h"
#include "registry/projects.h"

/* blocks: all it owns, its first one first. base_port: where that one begins. */
void members_of_project(struct text *out, const struct project *row, const int *blocks, size_t block_count,
	uint16_t base_port);
/* base_port: the first of its ports. */
void members_of_instance(struct text *out, const struct instance *row, uint16_t base_port);

#endif
