/*
 * records.h - what waits to be written into the registry, and how it is written. Private to the recorder.
 *
 * A record is an event, an incident, how the ports of a service are held with success, or that we supervise now. It belongs to the
 * queue it is in.
 */
#ifndef DAEMON_RECORDS_H
#define DAEMON_RECORDS_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/recorder.h"

enum record_what { RECORD_EVENT, RECORD_INCIDENT, RECORD_HOLD, RECORD_OWNER };

struct record {
	struct record *next;
	enum record_what what;
	enum incident_kind incident;
	enum hold_mode hold;
	const char *kind; /* of an event, like the states */
	const char *old_state;
	const char *new_state;
	const char *text; /* behind the name */
	int64_t wall_ms;
	char service[];
};

struct records {
	struct record *first; /* owns, each the next */
	struct record **end;
	size_t count;
};

/* Copies both; either may be NULL. NULL: out of memory. */
struct record *record_new(const char *service, const char *text);

void records_init(struct records *records);
void records_clear(struct records *records);
void records_push(struct records *records, struct record *record);
struct record *records_pop(struct records *records);
/* All of *more before what is there; *more is empty then. */
void records_put_back(struct records *records, struct records *more);

enum { RECORDS_TOGETHER = 512 }; /* of a transaction: others wait for the registry meanwhile */
/*
 * At most so many, in one transaction, after a row that says how many before them are lost. Opens the
 * registry for it.
 */
int records_write(const struct records *records, const struct recorder_place *place, size_t lost,
	struct error *e);

#endif
