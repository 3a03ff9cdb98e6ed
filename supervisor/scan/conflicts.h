/*
 * conflicts.h - what findings contradict: each other, and what the registry knows. Pure.
 *
 * A project holds a port of the machine where a file of it publishes it, or listens outside of a container; what only a
 * profile starts, comments and mentions do not count, and of ${PORT:-8000} the default does.
 *
 *	same_port         several projects hold it, or several services that one file lets run together
 *	foreign_block     a project holds a port in the block of another one
 *	nobody_listens    a file connects to a port of this machine that nobody holds, in no project and no lease; one per
 *	                  project and port
 *	registry          a file says something else than the registry (conflicts_integrity): the port is another project's
 *	                  lease or reservation, is another service's, or the service has another one
 */
#ifndef SCAN_CONFLICTS_H
#define SCAN_CONFLICTS_H

#include "scan/scan.h"

#define CONFLICT_KINDS(X)                                                                          \
	X(CONFLICT_SAME_PORT, "same_port")                                                         \
	X(CONFLICT_FOREIGN_BLOCK, "foreign_block")                                                 \
	X(CONFLICT_NOBODY_LISTENS, "nobody_listens")                                               \
	X(CONFLICT_REGISTRY, "registry")
#define X(name, word) name,
enum conflict_kind { CONFLICT_KINDS(X) };
#undef X
const char *conflict_kind_word(enum conflict_kind kind);

struct conflict {
	enum conflict_kind kind;
	uint16_t port;
	size_t *findings; /* indices into the scan's: the places it is about */
	size_t count;
	const char *text; /* a sentence without a full stop; with what files say: escape it */
};

/* ---- what the registry knows ---- */

struct known_project {
	int64_t id; /* of the project: its worktrees are several rows */
	const char *name;
	const char *path; /* absolute */
	bool is_main; /* worktree, not a linked one */
};
struct known_block {
	uint16_t first; /* of its 100 ports */
	int64_t project;
};
/* A lease, a reservation, or the last port of a service. */
struct known_port {
	uint16_t port;
	int64_t project; /* 0: of none of ours */
	const char *service;
	bool is_reservation;
};
struct known {
	const struct known_project *projects;
	size_t project_count;
	const struct known_block *blocks;
	size_t block_count;
	const struct known_port *ports;
	size_t port_count;
};

/* By kind and port. Everything lives in the scan's arena; of `known` {0} says that nothing is known. */
struct conflicts {
	struct conflict *items;
	size_t count;
};
void conflicts_find(struct scan *scan, const struct known *known, struct conflicts *out);
/* Adds what contradicts the registry. */
void conflicts_integrity(struct scan *scan, const struct known *known, struct conflicts *out);

/* Does it hold the port on this machine? */
bool finding_holds(const struct finding *f);
/* The registered project in which the file lies, 0: none. */
int64_t known_owner(const struct known *known, const struct finding *f);
/* Whose block the port lies in, 0: nobody's. */
int64_t known_block_owner(const struct known *known, uint16_t port);

#endif
