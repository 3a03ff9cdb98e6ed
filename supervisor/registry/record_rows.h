/*
 * record_rows.h - rows of any table as JSON, in a file and back. Private to this room.
 */
#ifndef REGISTRY_RECORD_ROWS_H
#define REGISTRY_RECORD_ROWS_H

#include <jansson.h>

#include "registry/registry.h"

/*
 * Replaces the file in one step, unless it says the same; 0600. Not synced: what a power cut loses is
 * written again.
 */
int record_replace(const char *path, const char *content, struct error *e);
/* What a query answers: one object a row. ?1 and ?2 are the numbers, unless the first is 0. */
json_t *record_rows(struct registry *r, const char *query, int64_t first, int64_t second,
	struct error *e);
/* Rows that the tables do not allow, or that are there, are left out. NULL is none. */
int record_insert(struct registry *r, const char *table, json_t *rows, struct error *e);

#endif
