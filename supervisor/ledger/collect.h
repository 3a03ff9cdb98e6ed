/*
 * collect.h - the registry's rows for a document.
 */
#ifndef LEDGER_COLLECT_H
#define LEDGER_COLLECT_H

#include "ledger/ledger.h"

/*
 * All of it, as it is recorded; only an instance that is recorded as running and whose lock byte
 * nobody holds has crashed. r may be in a transaction. *out is filled from {0}; strings are in the
 * arena. What only JSON says (services, slots, leases, reservations) is read for that format alone.
 */
int ledger_collect(struct registry *r, const char *state, enum ledger_format format,
	struct arena *arena, struct ledger *out, struct error *e);
/* The same by a connection of its own. */
int ledger_collect_state(const char *state, enum ledger_format format, struct arena *arena,
	struct ledger *out, struct error *e);

#endif
