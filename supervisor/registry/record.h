/*
 * record.h - small files beside the lock files, from which a lost registry is rebuilt.
 *
 * locks/p<ID>-<N>.json	which project (id, name, path, block) and instance it is; written by its claim
 * locks/machine.json	the rows of no instance: projects with their status and notes, blocks, slots,
 *			reservations, kept pool ports, planned reassignments; written by every commit
 *			that changed one of them (sql_change() in sql.h)
 * locks/p<ID>-<N>.leases	the ports of its run; written by every commit that leased one
 * locks/p<ID>-<N>.ended	the run that was stopped while the registry could not be written
 *
 * Ids are kept: the lock files of running supervisors are named after them. Records are a memory,
 * not an authority: they are read only when a registry is made anew or its log is gone. An instance
 * whose lock byte is held then is running, any other one stopped.
 */
#ifndef REGISTRY_RECORD_H
#define REGISTRY_RECORD_H

#include "registry/instances.h"
#include "registry/projects.h"

/* ports_base is that of the registry (projects.h). */
int record_write(const char *state, uint16_t ports_base, const struct project *project,
	const struct instance *instance, struct error *e);
/* Under the lock. registry_commit() does it; who puts another file in the registry's place has to. */
int record_write_machine(struct registry *r, struct error *e);
int record_write_leases(struct registry *r, int64_t project_id, int instance, struct error *e);
/* That run (NULL: none) was stopped in order, and the registry could not be told. Best effort. */
void record_write_end(const char *state, int64_t project_id, int instance, const char *run_id);
/* Its row says that it runs: has it ended so? */
bool record_has_ended(const char *state, int64_t project_id, int instance, const char *run_id);
/* After the commit that gave the number back: nothing is rebuilt from it. */
void record_drop(const char *state, int64_t project_id, int instance);
/* Inside the transaction that makes a new registry. *count is the number of instances found. */
int record_restore(struct registry *r, const char *state, size_t *count, struct error *e);

#endif
