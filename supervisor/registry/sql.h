/*
 * sql.h - the connection's inside, and statements without ceremony. Private to this room.
 *
 * Values are bound by a string of letters: i for int64_t, s for const char * (NULL is ""). All
 * functions fail with EXIT_REGISTRY and a sentence that names the file and the cause.
 */
#ifndef REGISTRY_SQL_H
#define REGISTRY_SQL_H

#include <sqlite3.h>
#include <stdbool.h>
#include <sys/types.h>

#include "registry/registry.h"

struct registry {
	sqlite3 *db; /* owns */
	char *state; /* owns */
	char *path; /* owns; of the database */
	int lock_fd; /* owns; -1 for readers */
	int busy_ms;
	int version;
	pid_t pid; /* of the process that opened it */
	ino_t inode; /* of the file that is open */
	bool wal;
	bool in_transaction;
	bool appends; /* REGISTRY_APPEND */
	bool is_following; /* exports.c writes documents by this connection */
	bool has_changed; /* since the last commit: the record of the machine, too */
	/*
	 * The statement that sql_run() ran last, for the next one with the same text (the same string
	 * in memory): preparing takes longer than running, and rows are written in groups.
	 */
	const char *ready_text;
	sqlite3_stmt *ready; /* owns; reset */
};

int sql_run(struct registry *r, struct error *e, const char *text, const char *types, ...);
/* The same for tables that are kept in the record of the machine (record.h): every change of a row. */
int sql_change(struct registry *r, struct error *e, const char *text, const char *types, ...);
/* A statement at its first row: 1 with *out, 0 without a row, -1. *out is NULL unless 1. */
int sql_first(struct registry *r, struct error *e, sqlite3_stmt **out, const char *text,
	const char *types, ...);
/* 1: *statement is at its next row; 0 or -1: it has been ended and is NULL. */
int sql_next(struct registry *r, struct error *e, sqlite3_stmt **statement);
/* Several statements, no values. */
int sql_script(struct registry *r, const char *text, struct error *e);
/* For what sqlite said last. */
int sql_fail(struct registry *r, struct error *e);

const char *sql_text(sqlite3_stmt *statement, int column, struct arena *arena);
int sql_int(sqlite3_stmt *statement, int column);

/* Now, in the form of the tables. */
const char *sql_now(char buffer[32]);

/* repair.c: under the lock. Makes a new registry at r->path and renames it into place. */
int registry_create(struct registry *r, size_t *restored, struct error *e);
/* Renames the damaged file away and creates a new one, unless somebody else just did. */
int registry_set_aside(struct registry *r, struct text *notices, struct error *e);
/* Brings an open database to the current version. */
int registry_migrate(struct registry *r, struct error *e);

/* exports.c: after a commit, without the lock. */
void exports_follow(struct registry *r);

/* open.c */
int registry_open_file(struct registry *r, const char *path, int flags, struct error *e);
int registry_lock(struct registry *r, struct error *e);
void registry_unlock(struct registry *r);
/* Closes the database, not the lock. */
void registry_close_file(struct registry *r);

#endif
