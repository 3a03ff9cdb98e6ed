/*
 * history.h - what happened, for later: append only, the newest rows of each table.
 *
 * What a table keeps is a row of HISTORY_RULES. Whoever writes rows removes a few of the oldest ones that
 * are over, in the same transaction: no commit ever has much to remove, and a table that is over (after a
 * change of the rule) shrinks by every row that comes.
 *
 * The questions are in history_list.h.
 */
#ifndef REGISTRY_HISTORY_H
#define REGISTRY_HISTORY_H

#include "registry/registry.h"

/* Table, rows it keeps, days it keeps them. */
#define HISTORY_RULES(X)                                                                           \
	X(HISTORY_EVENTS, "events", 1000000, 90)                                                   \
	X(HISTORY_PORTS, "port_history", 200000, 730)                                              \
	X(HISTORY_CONFLICTS, "conflicts", 200000, 730)                                             \
	X(HISTORY_INCIDENTS, "incidents", 100000, 730)                                             \
	X(HISTORY_AUDIT, "audit", 200000, 730)                                                     \
	X(HISTORY_LAUNCHES, "launches", 200000, 730)
#define X(name, table, rows, days) name,
enum history_table { HISTORY_RULES(X) };
#undef X

#define CONFLICT_OF_BLOCK "block" /* a class like those of ports: two projects want the same one */

struct conflict_note {
	int64_t project_id;
	int instance;
	const char *service;
	uint16_t port;
	const char *class; /* word of PORT_CLASSES; CONFLICT_OF_BLOCK, with the block's first port */
	const char *holder; /* one line about it */
	const char *action; /* moved, emergency, stopped, waited, asked, failed, warned */
	uint16_t moved_to; /* 0 where not */
};
int history_conflict(struct registry *r, const struct conflict_note *note, struct error *e);

/* service_id is of the table `services`; change_type: assigned, moved, returned. */
int history_port(struct registry *r, int64_t service_id, uint16_t old_value, uint16_t new_value,
	const char *change_type, struct error *e);

/* From the life of an instance and its services. */
struct event_note {
	int64_t project_id;
	int instance;
	const char *service; /* "": the instance itself */
	const char *kind; /* word of EVENT_KINDS */
	const char *old_value; /* states; both "" where nothing changed */
	const char *new_value;
	const char *text; /* one line */
	int64_t wall_ms; /* when; 0: now */
};
int history_events(struct registry *r, const struct event_note *notes, size_t count,
	struct error *e);
/* One that has happened now, to the instance. */
int history_event(struct registry *r, int64_t project_id, int instance, const char *kind,
	const char *text, struct error *e);

/*
 * Everything stackup did to somebody's process, and what people did to the registry. A target that
 * begins with "port N" or "ports", and the service in it in single quotes at the end, are found by
 * history_ports().
 */
int history_audit(struct registry *r, int64_t project_id, int instance, const char *action,
	const char *target, const char *reason, struct error *e);

/* What somebody should look at later. The words are what queries and reports have. */
#define INCIDENT_KINDS(X)                                                                          \
	X(INCIDENT_CRASHED, "crashed") /* a supervisor that nobody had stopped */                  \
	X(INCIDENT_RESUMED, "resumed") /* another one has taken the place of one that died */       \
	X(INCIDENT_FAILED, "service_failed") /* it is not started again by itself */               \
	X(INCIDENT_PORT_LOST, "port_lost") /* to a stranger, while the instance ran */             \
	X(INCIDENT_EMERGENCY, "emergency_port")                                                    \
	X(INCIDENT_EMERGENCY_LEFT, "emergency_port_left")
#define X(name, word) name,
enum incident_kind { INCIDENT_KINDS(X) };
#undef X
const char *incident_kind_word(enum incident_kind kind);

struct incident_note {
	int64_t project_id;
	int instance;
	enum incident_kind kind;
	const char *text; /* one line */
	int64_t wall_ms; /* when; 0: now */
};
int history_incident(struct registry *r, const struct incident_note *note, struct error *e);
/* A supervisor died without being stopped: an event and an incident. */
int history_crash(
	struct registry *r, int64_t project_id, int instance, const char *text, struct error *e);

/* For who writes rows himself: count rows have come, and a few more than that may go. */
int history_prune(struct registry *r, enum history_table table, size_t count, struct error *e);

#endif
