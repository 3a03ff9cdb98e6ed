#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "registry/bytelock.h"
#include "registry/place.h"
#include "registry/record.h"
#include "registry/schema.h"
#include "registry/sql.h"

enum {
	/*
	 * A log longer than this is moved into the database by the commit that sees it. It is also what
	 * the next process reads first when nobody has the registry open.
	 */
	CHECKPOINT_BYTES = 512 * 1024,
	CHECKPOINT_WAIT_MS = 50,
};

/* Once a process: from the second time on SQLite refuses. */
static void set_up_library(void)
{
	/* Nobody asks how much memory is in use; without that count an allocation takes no lock. */
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	/* A statement is undone by a few pages: 64 KiB for each would grow and shrink the heap. */
	(void)sqlite3_config(SQLITE_CONFIG_STMTJRNL_SPILL, -1);
}

int registry_open_file(struct registry *r, const char *path, int flags, struct error *e)
{
	struct stat st;
	set_up_library();
	r->inode = stat(path, &st) ? 0 : st.st_ino;
	if (sqlite3_open_v2(path, &r->db, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		return r->db ? sql_fail(r, e) : fail(e, EXIT_REGISTRY, "out of memory");
	sqlite3_extended_result_codes(r->db, 0);
	sqlite3_busy_timeout(r->db, r->busy_ms);
	sqlite3_db_config(r->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	return 0;
}

void registry_close_file(struct registry *r)
{
	sqlite3_finalize(r->ready);
	r->ready = NULL;
	sqlite3_close(r->db);
	r->db = NULL;
}

int registry_read_pragma(struct registry *r, const char *text, char *out, size_t size,
	struct error *e)
{
	sqlite3_stmt *statement;
	int got = sql_first(r, e, &statement, text, "");
	if (got < 0)
		return -1;
	const unsigned char *value = got ? sqlite3_column_text(statement, 0) : NULL;
	snprintf(out, size, "%s", value ? (const char *)value : "");
	sqlite3_finalize(statement);
	return 0;
}

int registry_read_version(struct registry *r, struct error *e)
{
	sqlite3_stmt *statement;
	int got = sql_first(r, e, &statement, "PRAGMA user_version", "");
	if (got < 0)
		return -1;
	r->version = got ? sql_int(statement, 0) : 0;
	sqlite3_finalize(statement);
	return 0;
}

/* The mode is in the file; another one is set once, under the lock, when the disk asks for it. */
static int choose_journal(struct registry *r, struct text *notices, struct error *e)
{
	char mode[32];
	bool local = place_is_local(r->state);
	if (registry_read_pragma(r, "PRAGMA journal_mode", mode, sizeof mode, e))
		return -1;
	r->wal = !strcmp(mode, "wal");
	if (r->wal != local) {
		if (registry_lock(r, e))
			return -1;
		int result = registry_read_pragma(r,
			local ? "PRAGMA journal_mode=WAL" : "PRAGMA journal_mode=DELETE", mode,
			sizeof mode, e);
		registry_unlock(r);
		if (result)
			return -1;
		r->wal = !strcmp(mode, "wal");
		if (!local && notices)
			text_addf(notices, "%s is not on a local disk; launches at the same time "
				"will be slower\n", r->state);
	}
	/* Without synchronous=FULL the rollback journal could lose more than the last commit. */
	return sql_script(r,
		r->wal ? "PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=0; "
			 "PRAGMA foreign_keys=ON"
		       : "PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON",
		e);
}

int registry_check_version(const struct registry *r, struct error *e)
{
	if (r->version <= REGISTRY_VERSION)
		return 0;
	fail(e, EXIT_REGISTRY,
		"the registry %s has version %d, written by a newer stackup; this one knows version "
		"%d and does not write it", r->path, r->version, REGISTRY_VERSION);
	error_hint(e, "use the newer stackup, or another STACKUP_HOME");
	return -1;
}

static bool is_there(const char *state, const char *name)
{
	OWNED_TEXT path = {0};
	struct stat st;
	text_addf(&path, "%s/%s", state, name);
	/* What cannot be asked is left to registry_open(), which says why. */
	return !text_ok(&path) || !lstat(text_string(&path), &st) || errno != ENOENT;
}

/* Who is recorded and not known comes back. */
static int refill(struct registry *r, struct text *notices, struct error *e)
{
	size_t count = 0;
	if (registry_begin(r, e))
		return -1;
	int before = sqlite3_total_changes(r->db);
	if (record_restore(r, r->state, &count, e)) {
		registry_rollback(r);
		return -1;
	}
	if (sqlite3_total_changes(r->db) != before && notices)
		text_add(notices, "the registry's log was gone; what the instances' records know was "
			"added again\n");
	return registry_commit(r, e);
}

/* Opens what is there; creates or repairs it first. */
static int open_to_write(struct registry *r, struct text *notices, struct error *e)
{
	int there = place_check_file(r->path, e);
	if (there < 0)
		return -1;
	if (!there) {
		size_t restored = 0;
		if (registry_lock(r, e))
			return -1;
		int result = access(r->path, F_OK) ? registry_create(r, &restored, e) : 0;
		registry_unlock(r);
		if (result)
			return -1;
		if (restored && notices)
			text_addf(notices, "the registry was gone; a new one was made from the "
				"records of %zu instance%s\n", restored, restored == 1 ? "" : "s");
	}
	bool incomplete = registry_lost_log(r);
	if (registry_open_file(r, r->path, SQLITE_OPEN_READWRITE, e))
		return -1;
	if (!registry_is_sound(r) &&
		(registry_set_aside(r, notices, e) ||
			registry_open_file(r, r->path, SQLITE_OPEN_READWRITE, e)))
		return -1;
	if (registry_read_version(r, e) || registry_check_version(r, e) ||
		choose_journal(r, notices, e))
		return -1;
	if (r->version < REGISTRY_VERSION && registry_migrate(r, e))
		return -1;
	return incomplete ? refill(r, notices, e) : 0;
}

/*
 * As it is: making, mending and migrating are left to those who may tell somebody. But a log that is gone
 * need be no damage: any other SQLite program takes it along when it is the last one to close the file.
 */
static int open_to_append(struct registry *r, struct error *e)
{
	int there = place_check_file(r->path, e);
	if (there <= 0)
		return there < 0 ? -1 : fail(e, EXIT_REGISTRY, "the registry %s is gone", r->path);
	bool incomplete = registry_lost_log(r);
	if (registry_open_file(r, r->path, SQLITE_OPEN_READWRITE, e) ||
		registry_read_version(r, e) || registry_check_version(r, e))
		return -1;
	if (r->version < REGISTRY_VERSION)
		return fail(e, EXIT_REGISTRY, "the registry %s is of an older version, or empty", r->path);
	if (choose_journal(r, NULL, e))
		return -1;
	return incomplete ? refill(r, NULL, e) : 0;
}

static int prepare_to_write(struct registry *r, struct error *e)
{
	OWNED_TEXT locks = {0}, lock = {0};
	text_addf(&locks, "%s/locks", r->state);
	text_addf(&lock, "%s/locks/registry.lock", r->state);
	if (!text_ok(&locks) || !text_ok(&lock))
		return fail(e, EXIT_REGISTRY, "out of memory");
	if (place_make_private(r->state, e) || place_make_private(text_string(&locks), e))
		return -1;
	r->lock_fd = bytelock_open(text_string(&lock), e);
	return r->lock_fd < 0 ? -1 : 0;
}

bool registry_exists(const char *state)
{
	/* One that was removed is made anew from its records. */
	return is_there(state, "registry.db") || is_there(state, "locks/machine.json");
}

struct registry *registry_new(const char *state, const char *path, int busy_ms, struct error *e)
{
	struct registry *r = calloc(1, sizeof *r);
	if (r)
		*r = (struct registry){.lock_fd = -1, .busy_ms = busy_ms, .pid = getpid(),
			.state = strdup(state), .path = strdup(path)};
	if (r && r->state && r->path)
		return r;
	fail(e, EXIT_REGISTRY, "out of memory");
	registry_close(r);
	return NULL;
}

/* A reader changes nothing, unless there is nothing sound to read. */
static int open_sound(struct registry *r, struct text *notices, struct error *e)
{
	bool there = is_there(r->state, "registry.db");
	if (!there && !registry_exists(r->state))
		return registry_open_to_read(r, e);
	bool incomplete = there && registry_lost_log(r) && place_is_writable(r->state);
	if (there && !incomplete) {
		int result = registry_open_to_read(r, e);
		if (result ? !registry_is_damaged(r) : registry_is_sound(r))
			return result;
	}
	if (!place_is_writable(r->state))
		return there ? fail(e, EXIT_REGISTRY, "the registry %s is damaged, and %s cannot be "
			"written to mend it", r->path, r->state) : registry_open_to_read(r, e);
	registry_close_file(r);
	struct registry *writer = registry_open(r->state, REGISTRY_WRITE, r->busy_ms, notices, e);
	registry_close(writer);
	return writer ? registry_open_to_read(r, e) : -1;
}

static int open_in_mode(struct registry *r, enum registry_mode mode, struct text *notices,
	struct error *e)
{
	if (mode == REGISTRY_READ)
		return open_sound(r, notices, e);
	r->appends = mode == REGISTRY_APPEND;
	if (r->appends && !registry_exists(r->state))
		return fail(e, EXIT_REGISTRY, "the registry %s is gone", r->path);
	if (prepare_to_write(r, e))
		return -1;
	return r->appends ? open_to_append(r, e) : open_to_write(r, notices, e);
}

static void (*hear)(const char *lines);

void registry_notices_to(void (*listener)(const char *lines))
{
	hear = listener;
}

struct registry *registry_open(const char *state, enum registry_mode mode, int busy_ms,
	struct text *notices, struct error *e)
{
	OWNED_TEXT path = {0}, heard = {0};
	text_addf(&path, "%s/registry.db", state);
	struct registry *r = registry_new(state, text_string(&path), busy_ms, e);
	if (!r)
		return NULL;
	struct error why = {0};
	int result = open_in_mode(r, mode, notices ? notices : &heard, &why);
	if (heard.length && hear)
		hear(text_string(&heard));
	if (!result)
		return r;
	if (!why.hint[0] && mode == REGISTRY_WRITE && !place_is_writable(state))
		error_hint(&why, "make %s a directory that you can write, or set STACKUP_HOME to one",
			state);
	if (e)
		*e = why;
	registry_close(r);
	return NULL;
}

void registry_close(struct registry *r)
{
	if (!r)
		return;
	/* Closing in a forked child would touch the parent's locks and files. */
	if (r->pid == getpid()) {
		if (r->in_transaction)
			registry_rollback(r);
		registry_close_file(r);
	}
	if (r->lock_fd >= 0)
		close(r->lock_fd);
	free(r->path);
	free(r->state);
	free(r);
}

int registry_lock(struct registry *r, struct error *e)
{
	int got = bytelock_wait(r->lock_fd, 0, 1, r->busy_ms, e);
	if (got > 0)
		return 0;
	if (got < 0)
		return fail_while(e, "the registry %s", r->path);
	fail(e, EXIT_REGISTRY, "the registry %s cannot be used: another stackup has had it locked for "
		"%d s", r->path, r->busy_ms / 1000);
	error_hint(e, "see who holds it: fuser %s/locks/registry.lock", r->state);
	return -1;
}

void registry_unlock(struct registry *r)
{
	bytelock_free(r->lock_fd, 0, 1);
}

/* Somebody removed or replaced the file while it was open here: writes would go into the void. */
static int follow_file(struct registry *r, struct error *e)
{
	struct stat st;
	if (!stat(r->path, &st) && st.st_ino == r->inode)
		return 0;
	registry_close_file(r);
	registry_unlock(r);
	int result = r->appends ? open_to_append(r, e) : open_to_write(r, NULL, e);
	return result || registry_lock(r, e) ? -1 : 0;
}

int registry_begin(struct registry *r, struct error *e)
{
	if (r->pid != getpid())
		return fail(e, EXIT_REGISTRY, "the registry's connection was carried across a fork");
	if (r->lock_fd < 0)
		return fail(e, EXIT_REGISTRY, "the registry %s is open for reading only", r->path);
	if (registry_lock(r, e))
		return -1;
	if (follow_file(r, e) || sql_script(r, "BEGIN IMMEDIATE", e)) {
		registry_unlock(r);
		return -1;
	}
	r->in_transaction = true;
	return 0;
}

static bool log_is_long(const struct registry *r)
{
	OWNED_TEXT wal = {0};
	text_addf(&wal, "%s-wal", r->path);
	struct stat st;
	return r->wal && text_ok(&wal) && !stat(text_string(&wal), &st) &&
		st.st_size > CHECKPOINT_BYTES;
}

/*
 * Truncating, because our connections are short: a log that was only copied counts as new again for
 * whoever opens it after the last one was closed, and would grow for ever. It waits for readers, a
 * little; then the next commit tries again.
 */
static void move_log(struct registry *r)
{
	sqlite3_busy_timeout(r->db, CHECKPOINT_WAIT_MS);
	(void)sqlite3_wal_checkpoint_v2(r->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	sqlite3_busy_timeout(r->db, r->busy_ms);
}

/* For the day the registry is lost: without it nothing is worse today. */
static void remember_machine(struct registry *r)
{
	if (r->has_changed)
		(void)record_write_machine(r, NULL);
	r->has_changed = false;
}

/* Nobody else leases for that instance: the lock is not needed. */
static void remember_leases(struct registry *r)
{
	if (r->leased_project)
		(void)record_write_leases(r, r->leased_project, r->leased_instance, NULL);
	r->leased_project = 0;
}

int registry_commit(struct registry *r, struct error *e)
{
	if (sql_script(r, "COMMIT", e)) {
		registry_rollback(r);
		return -1;
	}
	r->in_transaction = false;
	remember_machine(r);
	if (log_is_long(r))
		move_log(r);
	registry_unlock(r);
	remember_leases(r);
	exports_follow(r);
	return 0;
}

void registry_rollback(struct registry *r)
{
	if (!r->in_transaction)
		return;
	r->in_transaction = false;
	r->has_changed = false;
	r->leased_project = 0;
	/* SQLite has rolled back by itself after some errors; this one then fails and means nothing. */
	(void)sqlite3_exec(r->db, "ROLLBACK", NULL, NULL, NULL);
	registry_unlock(r);
}

int registry_checkpoint(struct registry *r, struct error *e)
{
	if (registry_lock(r, e))
		return -1;
	move_log(r);
	registry_unlock(r);
	return 0;
}

int registry_version(const struct registry *r)
{
	return r->version;
}

bool registry_is_wal(const struct registry *r)
{
	return r->wal;
}
