/*
 * leases.h - which port is meant for which service of which instance, and what was learned about it.
 *
 * There is at most one lease for (network namespace, protocol, port). A lease counts only while the
 * lock byte of its instance is held; a lease without it is stale and may be taken over.
 */
#ifndef REGISTRY_LEASES_H
#define REGISTRY_LEASES_H

#include "registry/registry.h"

#define LEASE_KINDS(X)                                                                             \
	X(LEASE_HOME, "home") /* where the policy puts it */                                       \
	X(LEASE_MOVED, "moved") /* another port, until `down` */                                   \
	X(LEASE_FIXED, "fixed") /* of the stack file, or the caller's variable */                  \
	X(LEASE_SPARE, "spare") /* a port of the range that no service uses */
#define X(name, word) name,
enum lease_kind { LEASE_KINDS(X) };
#undef X
const char *lease_kind_word(enum lease_kind kind);

struct lease {
	uint64_t netns;
	bool udp;
	uint16_t port;
	int64_t project_id;
	int instance;
	const char *project; /* name; filled by queries */
	const char *service; /* "" for a spare port */
	const char *name; /* "main", or NAME of port.NAME */
	int slot; /* -1 where none */
	enum lease_kind kind;
};

int lease_find(struct registry *r, uint64_t netns, bool udp, uint16_t port, struct arena *arena,
	struct lease *out, struct error *e);
/* Of one instance; of a project with instance 0; of all with project_id 0. By port. */
int lease_list(struct registry *r, int64_t project_id, int instance, struct arena *arena,
	struct lease **out, size_t *count, struct error *e);
/* How many an instance has, and since when; by project and instance. Without those that have none. */
struct lease_count {
	int64_t project_id;
	const char *project; /* name */
	int instance;
	int leases;
	const char *since; /* the newest */
};
int lease_counts(struct registry *r, struct arena *arena, struct lease_count **out, size_t *count,
	struct error *e);
/* TCP leases of the ports low to high; by port. */
int lease_list_range(struct registry *r, uint64_t netns, uint16_t low, uint16_t high,
	struct arena *arena, struct lease **out, size_t *count, struct error *e);
/* Takes the port over from whoever has it in the table: ask the lock byte first. */
int lease_put(struct registry *r, const struct lease *lease, struct error *e);
/* All leases of an instance. */
int lease_drop(struct registry *r, int64_t project_id, int instance, struct error *e);
/* One of them, whoever has it. */
int lease_drop_port(struct registry *r, uint64_t netns, bool udp, uint16_t port, struct error *e);
/* Those of ports that were moved; of one service, or of all with "". */
int lease_drop_moved(struct registry *r, int64_t project_id, int instance, const char *service,
	struct error *e);

/* Auto slots: the slot a service's port got, kept per project. By slot. */
struct slot_row {
	const char *service;
	const char *name;
	int slot;
};
int slot_list(struct registry *r, int64_t project_id, struct arena *arena, struct slot_row **out,
	size_t *count, struct error *e);
int slot_record(struct registry *r, int64_t project_id, const char *service, const char *name,
	int slot, struct error *e);
/* Of one service, or of all with "". */
int slot_drop_of(struct registry *r, int64_t project_id, const char *service, struct error *e);

/* The way of holding that worked for a service, a word of HOLD_MODES. */
struct hold_mode_row {
	const char *service;
	const char *mode;
};
int hold_mode_list(struct registry *r, int64_t project_id, struct arena *arena,
	struct hold_mode_row **out, size_t *count, struct error *e);
int hold_mode_record(struct registry *r, int64_t project_id, const char *service, const char *mode,
	struct error *e);
/* Of one service, or of all with "". */
int hold_mode_drop_of(struct registry *r, int64_t project_id, const char *service,
	struct error *e);

/* One port of one service: its row in `services`, and in port_history when the port changed. */
struct service_row {
	int64_t project_id;
	int instance;
	const char *service;
	const char *name; /* of the port */
	uint16_t wanted_port; /* what the policy or the stack file says */
	uint16_t port; /* what it got */
	const char *protocol;
	const char *config_files;
};
/* All that are recorded as active; by project, instance and name. */
int service_list_active(struct registry *r, struct arena *arena, struct service_row **out,
	size_t *count, struct error *e);
int service_put(struct registry *r, const struct service_row *service, struct error *e);
/* 1: *port is what project, instance, service and name of the row had last, 0: nothing, -1. */
int service_find_port(struct registry *r, const struct service_row *service, uint16_t *port,
	struct error *e);

#endif
