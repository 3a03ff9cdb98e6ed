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
	/* Who leased ports since the last commit; one instance at a time does. 0: nobody. */
	int64_t leased_project;
	int leased_instance;
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

/* open.c */
struct registry *registry_new(const char *state, const char *path, int busy_ms, struct error *e);
int registry_open_file(struct registry *r, const char *path, int flags, struct error *e);
/* Closes the database, not the lock. */
void registry_close_file(struct registry *r);
int registry_lock(struct registry *r, struct error *e);
void registry_unlock(struct registry *r);
int registry_read_pragma(struct registry *r, const char *text, char *out, size_t size,
	struct error *e);
/* Into r->version. */
int registry_read_version(struct registry *r, struct error *e);
/* Is it one that this program may write? */
int registry_check_version(const struct registry *r, struct error *e);

/* sound.c: is damage what SQLite said last? */
bool registry_is_damaged(const struct registry *r);
/*
 * Looks at every page of a file that a query found damaged, and of a short one that has changed since
 * any process last did (registry.db-sound says when), or an hour ago.
 */
bool registry_is_sound(struct registry *r);
/*
 * Is the log gone that stays beside a file in WAL mode, even when it is empty? The last commits
 * went with it. Ask before the file is opened.
 */
bool registry_lost_log(const struct registry *r);
/* A query met a damaged page: whoever opens the file next looks at all of it. */
void registry_suspect(const struct registry *r);

/* open_read.c: r->path as it is. */
int registry_open_to_read(struct registry *r, struct error *e);
/* Any file, to be read as it is; closed by registry_close(). */
struct registry *registry_open_snapshot(const char *path, struct error *e);
/* Empty tables in memory, as that version has them. */
struct registry *registry_open_model(int version, struct error *e);

/* repair.c: under the lock. Makes a new registry and puts it into the place of r->path. */
int registry_create(struct registry *r, size_t *restored, struct error *e);
/* Renames the damaged file away and creates a new one, unless somebody else just did. */
int registry_set_aside(struct registry *r, struct text *notices, struct error *e);
/* Brings an open database to the current version; what it was is kept (backup.h). */
int registry_migrate(struct registry *r, struct error *e);
/* In a transaction: the steps from that version on. */
int registry_run_steps(struct registry *r, int from, struct error *e);
/*
 * A new file beside r->path, filled by fill() with r open on it, in r's mode of the journal, and
 * closed. Then it is put in its place, or dropped.
 */
typedef int registry_fill(struct registry *r, void *data, struct error *e);
int registry_make_fresh(struct registry *r, registry_fill *fill, void *data, struct error *e);
int registry_put_fresh(struct registry *r, struct error *e);
void registry_drop_fresh(struct registry *r);

/* exports.c: after a commit, without the lock. */
void exports_follow(struct registry *r);

/* backup.c: the pages of a registry replace those of an open database; path is for the sentence. */
int registry_copy_pages(struct registry *from, sqlite3 *to, const char *path, struct error *e);

/* restore_source.c: a file that can be restored, open to be read; NULL when it cannot. */
struct registry *registry_open_source(const char *path, struct error *e);

#endif
