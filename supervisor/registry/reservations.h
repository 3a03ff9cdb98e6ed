/*
 * reservations.h - ports kept for those who do not run now.
 *
 * A reservation is somebody's word that a port is theirs, for a service of a project's instance or for
 * anything else. Every claim on the machine leaves it alone, except that of the service it is for. It
 * stays until it is released; no lease, no lock and no process stands behind it.
 *
 * A pool port is the number that a service with `port = pool` had last. It is a preference: who wants
 * it may have it when the pool has no other left and its instance does not run.
 *
 * A file of version 1 reads as one without either.
 */
#ifndef REGISTRY_RESERVATIONS_H
#define REGISTRY_RESERVATIONS_H

#include "registry/registry.h"

struct reservation {
	uint16_t port;
	int64_t project_id; /* 0: not for a service of ours */
	int instance;
	const char *project; /* name, "" where project_id is 0; filled by queries */
	const char *service;
	const char *name; /* of the port: "main" ... */
	const char *owner; /* for whom */
	const char *note;
	const char *created_at; /* filled by queries */
};

/* 1: found and *out filled, 0: not reserved, -1. */
int reservation_find(struct registry *r, uint16_t port, struct arena *arena,
	struct reservation *out, struct error *e);
/* All, by port. */
int reservation_list(struct registry *r, struct arena *arena, struct reservation **out,
	size_t *count, struct error *e);
/* When a service had such a port last, for those reserved ports that one ever had; by port. */
struct reservation_use {
	uint16_t port;
	const char *last_used_at;
};
int reservation_uses(struct registry *r, struct arena *arena, struct reservation_use **out,
	size_t *count, struct error *e);
/* Inserts, or replaces that of the same port: ask reservation_find() whose it is first. */
int reservation_put(struct registry *r, const struct reservation *reservation, struct error *e);
int reservation_drop(struct registry *r, uint16_t port, struct error *e);
/* Those of a project's service in all instances; of all its services with "". */
int reservation_drop_of(struct registry *r, int64_t project_id, const char *service,
	struct error *e);

struct pool_row {
	uint16_t port;
	int64_t project_id;
	int instance;
	const char *service;
	const char *name;
};

/* All of the machine; the one not used for the longest time first. */
int pool_list(struct registry *r, struct arena *arena, struct pool_row **out, size_t *count,
	struct error *e);
/* The service has this port now; who else had it, has none any more. */
int pool_record(struct registry *r, const struct pool_row *row, struct error *e);
int pool_drop_of(struct registry *r, int64_t project_id, const char *service, struct error *e);

#endif
