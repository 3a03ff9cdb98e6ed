/*
 * reset.h - `ports reset`: what the registry learned about a project's ports is forgotten, so that the
 * next `up` is back home.
 *
 * Forgotten are substitutions of runs that have ended, auto slots, pool ports, ways of holding that
 * worked, and reservations for its services. Leases of an instance that runs stay; they end with it.
 */
#ifndef CLAIM_RESET_H
#define CLAIM_RESET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

struct reset_item {
	const char *service;
	const char *what; /* "auto slot 3", "port 30105 instead of its own", ... */
	bool stays; /* an instance that runs has it until it is down */
};

struct reset_list {
	struct reset_item *items; /* in the arena */
	size_t count;
	size_t staying;
};

/* What would be forgotten; service "" is all of the project. Changes nothing. */
int reset_look(const char *state, int64_t project_id, const char *service, struct arena *arena,
	struct reset_list *out, struct error *e);
/* Forgets it, and says so in the audit. */
int reset_ports(const char *state, int64_t project_id, const char *service, struct error *e);

#endif
