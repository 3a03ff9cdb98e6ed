/*
 * reassignments.h - what is still to be put right: services that run on an emergency port because
 * nothing else was free, and the port they are meant to have.
 *
 * A row lives from the launch that found no other port until the service has another one: by `ports
 * resolve`, or by a later launch. Each of the two is told in the table of incidents, too.
 */
#ifndef REGISTRY_REASSIGNMENTS_H
#define REGISTRY_REASSIGNMENTS_H

#include "registry/registry.h"

struct reassignment {
	int64_t project_id;
	int instance;
	const char *service;
	const char *name; /* of the port: "main" ... */
	uint16_t port; /* the emergency port it has */
	uint16_t planned_port;
	const char *created_at; /* filled by queries */
};

/* Of one instance; of a project with instance 0; of all with project_id 0. */
int reassignment_list(struct registry *r, int64_t project_id, int instance, struct arena *arena,
	struct reassignment **out, size_t *count, struct error *e);
/* Inserts with an incident that says why; nothing when it is planned already. */
int reassignment_plan(struct registry *r, const struct reassignment *row, const char *why,
	struct error *e);
/* Removes it with an incident that tells the end; nothing when there is none. */
int reassignment_end(struct registry *r, const struct reassignment *row, const char *how,
	struct error *e);

#endif
