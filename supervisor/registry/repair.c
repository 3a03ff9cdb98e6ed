#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/own.h"
#include "registry/backup.h"
#include "registry/place.h"
#include "registry/record.h"
#include "registry/schema.h"
#include "registry/sql.h"

int registry_run_steps(struct registry *r, int from, struct error *e)
{
	for (int step = from; schema_step(step); step++)
		if (sql_script(r, schema_step(step), e))
			return -1;
	char set[48];
	snprintf(set, sizeof set, "PRAGMA user_version=%d", REGISTRY_VERSION);
	return sql_script(r, set, e);
}

/* Somebody else may have done it while we waited for the lock, also a newer stackup. */
static int migrate_locked(struct registry *r, struct error *e)
{
	OWNED_TEXT kind = {0}, aside = {0};
	if (registry_read_version(r, e) || registry_check_version(r, e))
		return -1;
	if (r->version == REGISTRY_VERSION)
		return 0;
	text_addf(&kind, "before-version-%d", REGISTRY_VERSION);
	int result = backup_aside(r->state, text_string(&kind), &aside, e);
	if (!result && registry_run_steps(r, r->version, e)) {
		unlink(text_string(&aside));
		result = -1;
	}
	if (result)
		return fail_while(e, "bringing the registry from version %d to %d", r->version,
			REGISTRY_VERSION);
	backup_prune(r->state);
	r->version = REGISTRY_VERSION;
	r->has_changed = true;
	return 0;
}

int registry_migrate(struct registry *r, struct error *e)
{
	if (registry_begin(r, e))
		return -1;
	if (!migrate_locked(r, e))
		return registry_commit(r, e);
	registry_rollback(r);
	return -1;
}

static int fill_new(struct registry *r, void *restored, struct error *e)
{
	if (sql_script(r, "PRAGMA foreign_keys=ON; BEGIN IMMEDIATE", e) ||
		registry_run_steps(r, 0, e) || record_restore(r, r->state, restored, e))
		return -1;
	return sql_script(r, "COMMIT", e);
}

/* A log or journal of another database in this place would be played back into the new one. */
static void remove_companions(const char *path)
{
	static const char *const ends[] = {"-wal", "-shm", "-journal", "-suspect", "-sound"};
	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		OWNED_TEXT name = {0};
		text_addf(&name, "%s%s", path, ends[i]);
		if (text_ok(&name))
			unlink(text_string(&name));
	}
}

static int fill_file(struct registry *r, const char *path, registry_fill *fill, void *data,
	struct error *e)
{
	if (registry_open_file(r, path, SQLITE_OPEN_READWRITE, e))
		return -1;
	int result = fill(r, data, e);
	if (!result && place_is_local(r->state))
		result = sql_script(r, "PRAGMA journal_mode=WAL", e);
	/* The last close of a database without a checkpoint leaves the log beside it. */
	if (!result)
		(void)sqlite3_wal_checkpoint_v2(r->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	registry_close_file(r);
	return result;
}

static int add_fresh(const struct registry *r, struct text *path, struct error *e)
{
	text_addf(path, "%s.new", r->path);
	return text_ok(path) ? 0 : fail(e, EXIT_REGISTRY, "out of memory");
}

int registry_make_fresh(struct registry *r, registry_fill *fill, void *data, struct error *e)
{
	OWNED_TEXT fresh = {0};
	if (add_fresh(r, &fresh, e))
		return -1;
	registry_drop_fresh(r);
	OWNED_FD fd = open(fresh.data, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return fail_errno(e, EXIT_REGISTRY, "cannot create the registry %s", r->path);
	int result = fill_file(r, fresh.data, fill, data, e);
	if (result)
		registry_drop_fresh(r);
	return result;
}

int registry_put_fresh(struct registry *r, struct error *e)
{
	OWNED_TEXT fresh = {0};
	if (add_fresh(r, &fresh, e))
		return -1;
	remove_companions(fresh.data);
	remove_companions(r->path);
	if (!rename(fresh.data, r->path))
		return 0;
	fail_errno(e, EXIT_REGISTRY, "cannot create the registry %s", r->path);
	registry_drop_fresh(r);
	return -1;
}

void registry_drop_fresh(struct registry *r)
{
	OWNED_TEXT fresh = {0};
	if (add_fresh(r, &fresh, NULL))
		return;
	unlink(fresh.data);
	remove_companions(fresh.data);
}

int registry_create(struct registry *r, size_t *restored, struct error *e)
{
	return registry_make_fresh(r, fill_new, restored, e) || registry_put_fresh(r, e) ? -1 : 0;
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
