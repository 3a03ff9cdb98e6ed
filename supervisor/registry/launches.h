/*
 * launches.h - how launches got their ports: one row each, of which the report makes its figures.
 *
 * A row is written by the transaction that writes the leases, or after the one of a launch that was refused
 * its block, and pruned as history.h says. Times
 * are ISO, UTC; `since` is the earliest that counts, "" for all. A file before version 5 reads as
 * one without.
 */
#ifndef REGISTRY_LAUNCHES_H
#define REGISTRY_LAUNCHES_H

#include "registry/registry.h"

struct launch_note {
	int64_t project_id;
	int instance;
	bool assigned; /* false: it failed for want of a port, or of its block */
	int conflicts; /* ports of its services, or its block, that somebody else had */
	int64_t assign_us; /* what the registry, the holds and the conflicts took */
};
int launch_record(struct registry *r, const struct launch_note *note, struct error *e);

struct launch_figures {
	int64_t count;
	int64_t undisturbed; /* without a conflict */
	int64_t failed;
	int64_t median_us; /* of those that were assigned; 0 where there are none */
	int64_t p99_us;
};
int launch_figures(
	struct registry *r, const char *since, struct launch_figures *out, struct error *e);

struct month_figures {
	const char *month; /* "2026-01" */
	int64_t launches;
	int64_t undisturbed;
	int64_t conflicts; /* ports of services and blocks, however they were settled */
};
/* The newest `most` months in which there was anything, the newest first. */
int month_figures(struct registry *r, int most, struct arena *arena, struct month_figures **out,
	size_t *count, struct error *e);

struct launch_count {
	int64_t project_id;
	int instance;
	int64_t launches;
};
/* Of each instance that was launched; the busiest first. */
int launch_counts(struct registry *r, const char *since, struct arena *arena,
	struct launch_count **out, size_t *count, struct error *e);

#endif
