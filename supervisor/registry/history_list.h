/*
 * history_list.h - questions about what happened.
 *
 * Every question is answered by an index (schema_6.sql) from its newest row on, so that its time goes by the
 * rows it gives and not by those that there are. Answers are in the order of time, the oldest first.
 */
#ifndef REGISTRY_HISTORY_LIST_H
#define REGISTRY_HISTORY_LIST_H

#include "registry/registry.h"

struct history_filter {
	int64_t project_id; /* 0: all */
	int instance; /* 0: all; with a project, of history_events_of() only */
	const char *service; /* "": all; of history_events_of() with a project only */
	uint16_t port; /* 0: all; of history_ports() only */
	const char *since; /* ISO, UTC; "": from the beginning */
	int64_t most; /* the newest so many; -1: all */
};

/* From the life of instances and services. */
struct event_row {
	int64_t id;
	const char *time; /* ISO, UTC */
	const char *project; /* "": forgotten since */
	int instance;
	const char *service; /* "": the instance itself */
	const char *kind;
	const char *old_value;
	const char *new_value;
	const char *text;
};
int history_events_of(struct registry *r, const struct history_filter *filter, struct arena *arena,
	struct event_row **out, size_t *count, struct error *e);

/* The services of a project that events are about, by name. */
int history_services(struct registry *r, int64_t project_id, struct arena *arena,
	const char ***out, size_t *count, struct error *e);

/* What happened to ports. */
struct port_event {
	const char *time; /* ISO, UTC */
	const char *project; /* "" where none */
	int instance;
	const char *service;
	const char *name; /* of the port; "" where it does not matter */
	const char *kind; /* assigned, moved, returned; conflict; of an incident; the action of an audit row */
	uint16_t old_port; /* of a conflict: the port; 0 where none */
	uint16_t new_port; /* 0 where none */
	const char *text; /* who was in the way, why */
};
int history_ports(struct registry *r, const struct history_filter *filter, struct arena *arena,
	struct port_event **out, size_t *count, struct error *e);

/* How often somebody was in the way of a port since then; by port. */
struct conflict_count {
	uint16_t port;
	int times;
	const char *holder; /* the last one, as a line */
};
int history_conflict_counts(struct registry *r, const char *since, struct arena *arena,
	struct conflict_count **out, size_t *count, struct error *e);

/* Of what kind the incidents since then are; the most frequent first. */
struct incident_count {
	const char *kind;
	int64_t times;
};
int history_incident_counts(struct registry *r, const char *since, struct arena *arena,
	struct incident_count **out, size_t *count, struct error *e);

struct incident_row {
	const char *time; /* ISO, UTC */
	const char *project; /* "": forgotten since */
	int instance;
	const char *kind;
	const char *text;
};
/* The last `most` of them. */
int history_incidents(struct registry *r, const char *since, int most, struct arena *arena,
	struct incident_row **out, size_t *count, struct error *e);

/*
 * The text of the query, for tests that ask SQLite how it will answer it. ?1 project, ?2 service, ?3 port or
 * instance, ?4 since, ?5 most. version is that of the file.
 */
extern const char history_services_query[];
void history_events_query(const struct history_filter *filter, int version, struct text *out);
void history_ports_query(const struct history_filter *filter, struct text *out);

#endif
