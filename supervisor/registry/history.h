/*
 * history.h - what happened, for later: append only, pruned to the newest rows of each table.
 */
#ifndef REGISTRY_HISTORY_H
#define REGISTRY_HISTORY_H

#include "registry/registry.h"

enum { HISTORY_KEEP = 100000 }; /* rows a table keeps */

struct conflict_note {
	int64_t project_id;
	int instance;
	const char *service;
	uint16_t port;
	const char *class; /* word of PORT_CLASSES */
	const char *holder; /* one line about it */
	const char *action; /* moved, emergency, stopped, waited, asked, failed, warned */
	uint16_t moved_to; /* 0 where not */
};

int history_conflict(struct registry *r, const struct conflict_note *note, struct error *e);
/* service_id is of the table `services`; change_type: assigned, moved, returned. */
int history_port(struct registry *r, int64_t service_id, uint16_t old_value, uint16_t new_value,
	const char *change_type, struct error *e);
int history_event(struct registry *r, int64_t project_id, int instance, const char *kind,
	const char *text, struct error *e);
/*
 * Everything stackup did to somebody's process, and what people did to the registry. A target that
 * begins with "port N" is found by history_list().
 */
int history_audit(struct registry *r, int64_t project_id, int instance, const char *action,
	const char *target, const char *reason, struct error *e);
/* What happened to ports, for people and scripts: the oldest first. */
struct port_event {
	const char *time; /* ISO, UTC */
	const char *project; /* "" where none */
	int instance;
	const char *service;
	const char *name; /* of the port; "" where it does not matter */
	const char *kind; /* assigned, moved, returned; conflict; the action of an audit row */
	uint16_t old_port; /* of a conflict: the port; 0 where none */
	uint16_t new_port; /* 0 where none */
	const char *text; /* who was in the way, why */
};
struct port_event_filter {
	int64_t project_id; /* 0: all */
	const char *service; /* "": all */
	uint16_t port; /* 0: all */
	const char *since; /* ISO, UTC; "": from the beginning */
};
int history_list(struct registry *r, const struct port_event_filter *filter, struct arena *arena,
	struct port_event **out, size_t *count, struct error *e);

/* How often somebody was in the way of a port since then; by port. */
struct conflict_count {
	uint16_t port;
	int times;
	const char *holder; /* the last one, as a line */
};
int history_conflict_counts(struct registry *r, const char *since, struct arena *arena,
	struct conflict_count **out, size_t *count, struct error *e);

int history_incident(struct registry *r, int64_t project_id, int instance, const char *kind,
	const char *text, struct error *e);

#endif
