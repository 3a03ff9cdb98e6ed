/*
 * registry.h - the machine-wide registry: one SQLite file, its connection, its transactions.
 *
 * This room is the only one with SQL. Facts it is built on:
 *
 * - SQLite before 3.51.3 can corrupt a WAL database when two connections write and checkpoint at the
 *   same moment. So automatic checkpoints are off (also the one on close), and every write
 *   transaction and every checkpoint happens inside one file lock, locks/registry.lock. Readers
 *   never need it.
 * - Writers use BEGIN IMMEDIATE: a deferred transaction that reads and then writes fails at once
 *   when another one committed in between, whatever the busy timeout.
 * - WAL needs shared memory and one host. On a network file system the rollback journal is used.
 * - A connection must not cross a fork. Open after it; in the child of a process that has one open
 *   every call fails.
 *
 * How to use it:
 *	1. struct registry *r = registry_open(state, REGISTRY_WRITE, 10000, &notices, e);
 *	2. registry_begin(r, e); ...calls of projects.h, instances.h, leases.h, history.h...;
 *	   registry_commit(r, e), or registry_rollback(r).  Nothing slow in between.
 *	3. registry_close(r).
 * Every function fails with EXIT_REGISTRY and a sentence. What queries return lives in the arena
 * given to them.
 *
 * A damaged file is set aside as registry.db.corrupt-TIME, a new one is made from the records of the
 * instances (record.h), and a notice says so; also for those who only read. A file of a newer stackup is
 * never written:
 * registry_open(REGISTRY_WRITE) fails and tells the versions; REGISTRY_READ reads what is known.
 */
#ifndef REGISTRY_REGISTRY_H
#define REGISTRY_REGISTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"

struct registry;

enum registry_mode {
	REGISTRY_READ, /* writes nothing, but mends; where nothing was ever registered it is empty */
	REGISTRY_WRITE, /* creates, repairs, migrates */
	REGISTRY_APPEND, /* writes into what is there as it is, or fails; for those nobody watches */
};

enum { REGISTRY_BOOT_MS = 10000, REGISTRY_LOOP_MS = 2000 };

/* Is there one at all? Where nothing was ever registered, nothing needs to be opened. */
bool registry_exists(const char *state);

/*
 * state is the directory that holds registry.db and locks/. It is created 0700; one that belongs to
 * somebody else, that others may write, or a file that is a symbolic link is refused. notices gets
 * one line per thing the user should hear; with NULL the listener hears it.
 */
struct registry *registry_open(const char *state, enum registry_mode mode, int busy_ms,
	struct text *notices, struct error *e);
void registry_close(struct registry *r);
/* Who hears the notices that nobody asked for; said once, before the first thread. */
void registry_notices_to(void (*listener)(const char *lines));

int registry_begin(struct registry *r, struct error *e);
/* On failure the transaction is rolled back. */
int registry_commit(struct registry *r, struct error *e);
void registry_rollback(struct registry *r);

/* Moves the write-ahead log into the database when it has grown; under the lock, bounded. */
int registry_checkpoint(struct registry *r, struct error *e);

/* Version of the schema in the file, and the one this program writes. */
int registry_version(const struct registry *r);
enum { REGISTRY_VERSION = 9 };
/* Whether the file is in WAL mode; false on a network file system and for readers of a snapshot. */
bool registry_is_wal(const struct registry *r);

#endif
