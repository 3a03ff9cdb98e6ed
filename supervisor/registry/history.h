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
	const char *action; /* moved, stopped, failed, warned */
	uint16_t moved_to; /* 0 where not */
};

int history_conflict(struct registry *r, const struct conflict_note *note, struct error *e);
/* service_id is of the table `services`; change_type: assigned, moved, returned. */
int history_port(struct registry *r, int64_t service_id, uint16_t old_value, uint16_t new_value,
	const char *change_type, struct error *e);
int history_event(struct registry *r, int64_t project_id, int instance, const char *kind,
	const char *text, struct error *e);
/* Everything stackup did to somebody's process. */
int history_audit(struct registry *r, int64_t project_id, int instance, const char *action,
	const char *target, const char *reason, struct error *e);
int history_incident(struct registry *r, int64_t project_id, int instance, const char *kind,
	const char *text, struct error *e);

#endif
