/*
 * found.h - services that stand in a project's files, as a scan has seen them: rows of `services` with the status
 * `found` and without an instance (0). They say what the files say, and nothing of it runs; what claims record
 * (leases.h) is never touched by them, and who asks for what runs does not see them.
 */
#ifndef REGISTRY_FOUND_H
#define REGISTRY_FOUND_H

#include "registry/registry.h"

struct found_service {
	const char *service;
	const char *name; /* of the port: "main", or its number where the service has more */
	const char *external_ip; /* "" where none is named */
	uint16_t internal_port; /* the container's side; the same where there is none */
	uint16_t external_port;
	const char *protocol; /* tcp, udp */
	const char *config_files; /* one a line, below the project */
};

/* Of one project, by service and name. */
int found_list(struct registry *r, int64_t project_id, struct arena *arena, struct found_service **out, size_t *count,
	struct error *e);
/* These instead of what was found before; of two with the same service and name the first. In a transaction. */
int found_replace(struct registry *r, int64_t project_id, const struct found_service *rows, size_t count,
	struct error *e);

#endif
