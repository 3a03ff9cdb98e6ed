#include "registry/exports.h"

#include <stdatomic.h>

#include "registry/bytelock.h"
#include "registry/sql.h"

enum { EXPORTS_BYTE = 1 }; /* of locks/registry.lock; byte 0 is the writers' */

static const struct export_writer *export_writer;
static atomic_bool has_failed;

void exports_written_by(const struct export_writer *writer)
{
	export_writer = writer;
}

static bool has_tables(const struct registry *r)
{
	return registry_version(r) >= 7;
}

int export_list(struct registry *r, struct arena *arena, struct export_row **out, size_t *count,
	struct error *e)
{
	sqlite3_stmt *row;
	*out = NULL;
	*count = 0;
	if (!has_tables(r))
		return 0;
	int got = sql_first(r, e, &row, "SELECT path, format FROM exports ORDER BY path", "");
	for (; got == 1; got = sql_next(r, e, &row))
		*arena_append(arena, *out, *count) = (struct export_row){
			.path = sql_text(row, 0, arena),
			.format = sql_text(row, 1, arena),
		};
	return got;
}

int export_put(struct registry *r, const struct export_row *row, struct error *e)
{
	return sql_change(r, e, "INSERT OR REPLACE INTO exports (path, format) VALUES (?1, ?2)",
		"ss", row->path, row->format);
}

int export_drop(struct registry *r, const char *path, struct error *e)
{
	if (sql_change(r, e, "DELETE FROM exports WHERE path = ?1", "s", path))
		return -1;
	return sqlite3_changes(r->db) > 0;
}

/* ---- after a commit ---- */

static bool is_behind(struct registry *r)
{
	sqlite3_stmt *row;
	int got = sql_first(r, NULL, &row, "SELECT 1 FROM exports WHERE behind > 0", "");
	sqlite3_finalize(row);
	return got == 1;
}

static void tell(const struct export_row *row, int result, const struct error *e)
{
	if (!result)
		atomic_store(&has_failed, false);
	else if (!atomic_exchange(&has_failed, true))
		export_writer->failed(row, e);
}

/* One moment of the registry: what it counts as behind is what the document gets. */
static int write_one(struct registry *r, const struct export_row *row, int64_t *behind)
{
	struct error e = {0};
	sqlite3_stmt *found;
	int result = sql_script(r, "BEGIN", &e);
	if (result)
		return -1;
	int got = sql_first(
		r, &e, &found, "SELECT behind FROM exports WHERE path = ?1", "s", row->path);
	*behind = got == 1 ? sqlite3_column_int64(found, 0) : 0;
	sqlite3_finalize(found);
	if (*behind)
		result = export_writer->write(r, r->state, row, &e);
	(void)sqlite3_exec(r->db, "COMMIT", NULL, NULL, NULL);
	if (*behind)
		tell(row, result, &e);
	return result || !*behind ? -1 : 0;
}

static void note_written(struct registry *r, const struct export_row *row, int64_t behind)
{
	if (registry_begin(r, NULL))
		return;
	if (sql_run(r, NULL, "UPDATE exports SET behind = 0 WHERE path = ?1 AND behind = ?2", "si",
		    row->path, behind))
		registry_rollback(r);
	else
		(void)registry_commit(r, NULL);
}

void exports_follow(struct registry *r)
{
	struct export_row *rows;
	size_t count = 0;
	if (!export_writer || r->is_following || !is_behind(r))
		return;
	struct arena *arena = arena_new();
	if (!arena)
		return;
	r->is_following = true;
	bool locked = bytelock_wait(r->lock_fd, EXPORTS_BYTE, 1, r->busy_ms, NULL) > 0;
	if (locked && export_list(r, arena, &rows, &count, NULL))
		count = 0;
	for (size_t i = 0; i < count; i++) {
		int64_t behind;
		if (!write_one(r, &rows[i], &behind))
			note_written(r, &rows[i], behind);
	}
	if (locked)
		bytelock_free(r->lock_fd, EXPORTS_BYTE, 1);
	r->is_following = false;
	arena_free(arena);
}
