#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/own.h"
#include "registry/place.h"
#include "registry/record.h"
#include "registry/schema.h"
#include "registry/sql.h"

static int run_steps(struct registry *r, int from, struct error *e)
{
	for (int step = from; schema_step(step); step++)
		if (sql_script(r, schema_step(step), e))
			return -1;
	char set[48];
	snprintf(set, sizeof set, "PRAGMA user_version=%d", REGISTRY_VERSION);
	return sql_script(r, set, e);
}

int registry_migrate(struct registry *r, struct error *e)
{
	if (registry_begin(r, e))
		return -1;
	/* Somebody else may have done it while we waited for the lock. */
	sqlite3_stmt *statement;
	int got = sql_first(r, e, &statement, "PRAGMA user_version", "");
	if (got == 1)
		r->version = sql_int(statement, 0);
	sqlite3_finalize(statement);
	if (got < 0 || run_steps(r, r->version, e)) {
		registry_rollback(r);
		return fail_while(e, "bringing it from version %d to %d", r->version,
			REGISTRY_VERSION);
	}
	r->version = REGISTRY_VERSION;
	r->has_changed = true;
	return registry_commit(r, e);
}

static int fill_new(struct registry *r, size_t *restored, struct error *e)
{
	if (sql_script(r, "PRAGMA foreign_keys=ON; BEGIN IMMEDIATE", e) || run_steps(r, 0, e) ||
		record_restore(r, r->state, restored, e) || sql_script(r, "COMMIT", e))
		return -1;
	return place_is_local(r->state) ? sql_script(r, "PRAGMA journal_mode=WAL", e) : 0;
}

/* A log or journal of another database in this place would be played back into the new one. */
static void remove_companions(const char *path)
{
	static const char *const ends[] = {"-wal", "-shm", "-journal"};
	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		OWNED_TEXT name = {0};
		text_addf(&name, "%s%s", path, ends[i]);
		if (text_ok(&name))
			unlink(text_string(&name));
	}
}

static int make_file(struct registry *r, const char *path, size_t *restored, struct error *e)
{
	unlink(path);
	remove_companions(path);
	OWNED_FD fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return fail_errno(e, EXIT_REGISTRY, "cannot create the registry %s", r->path);
	if (registry_open_file(r, path, SQLITE_OPEN_READWRITE, e))
		return -1;
	int result = fill_new(r, restored, e);
	/* The last close of a database without a checkpoint leaves the log beside it. */
	if (!result)
		(void)sqlite3_wal_checkpoint_v2(r->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	registry_close_file(r);
	return result;
}

int registry_create(struct registry *r, size_t *restored, struct error *e)
{
	OWNED_TEXT fresh = {0};
	text_addf(&fresh, "%s.new", r->path);
	if (!text_ok(&fresh))
		return fail(e, EXIT_REGISTRY, "out of memory");
	int result = make_file(r, text_string(&fresh), restored, e);
	if (!result) {
		remove_companions(text_string(&fresh));
		remove_companions(r->path);
		if (rename(text_string(&fresh), r->path))
			result = fail_errno(e, EXIT_REGISTRY, "cannot create the registry %s", r->path);
	}
	if (result) {
		registry_close_file(r);
		unlink(text_string(&fresh));
	}
	return result;
}

/* registry.db.corrupt-20260102T030405Z, with -2 and so on when there is one already. */
static int rename_away(const char *path, struct text *aside, struct error *e)
{
	char stamp[32];
	time_t now = (time_t)(clock_wall_ms() / 1000);
	struct tm tm;
	gmtime_r(&now, &tm);
	strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &tm);
	for (int i = 1; i < 100; i++) {
		text_clear(aside);
		text_addf(aside, "%s.corrupt-%s", path, stamp);
		if (i > 1)
			text_addf(aside, "-%d", i);
		if (!text_ok(aside))
			return fail(e, EXIT_REGISTRY, "out of memory");
		if (!link(path, text_string(aside)))
			return unlink(path) ? fail_errno(e, EXIT_REGISTRY, "cannot set %s aside", path)
					    : 0;
		if (errno != EEXIST && !rename(path, text_string(aside)))
			return 0;
	}
	return fail(e, EXIT_REGISTRY, "cannot set the damaged %s aside", path);
}

int registry_set_aside(struct registry *r, struct text *notices, struct error *e)
{
	registry_close_file(r);
	if (registry_lock(r, e))
		return -1;
	struct stat st;
	OWNED_TEXT aside = {0};
	size_t restored = 0;
	int result = 0;
	if (!stat(r->path, &st) && st.st_ino == r->inode)
		result = rename_away(r->path, &aside, e);
	if (!result && access(r->path, F_OK))
		result = registry_create(r, &restored, e);
	registry_unlock(r);
	if (!result && aside.length && notices)
		text_addf(notices, "the registry was damaged; it is kept as %s, and a new one was made "
			"from the records of %zu instance%s\n", text_string(&aside), restored,
			restored == 1 ? "" : "s");
	return result;
}
