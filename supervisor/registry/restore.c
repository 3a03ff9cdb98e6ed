#include "registry/restore.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "registry/backup.h"
#include "registry/history.h"
#include "registry/host.h"
#include "registry/instances.h"
#include "registry/lock.h"
#include "registry/place.h"
#include "registry/projects.h"
#include "registry/record.h"
#include "registry/sql.h"

struct job {
	struct registry *source; /* the file */
	struct restore *out;
	struct arena *arena;
	const char *path;
};

static struct restore_change *add_change(
	struct job *job, enum restore_outcome outcome, sqlite3_stmt *row)
{
	struct restore_change *change =
		arena_append(job->arena, job->out->changes, job->out->count);
	*change = (struct restore_change){.outcome = outcome,
		.project_id = sqlite3_column_int64(row, 0),
		.project = sql_text(row, 1, job->arena),
		.instance = sql_int(row, 2)};
	return change;
}

/* ---- what runs stays as it is ---- */

/* Here, as its lock byte tells, or on another machine, as its row does. */
static bool runs(const struct registry *r, sqlite3_stmt *row)
{
	const char *host = (const char *)sqlite3_column_text(row, 5);
	return instance_is_alive(r->state, sqlite3_column_int64(row, 0), sqlite3_column_int(row, 3)) ||
		(sql_int(row, 4) && host && !host_is_self(host) && !place_is_local(r->state));
}

static int note_running(struct registry *r, struct job *job, struct error *e)
{
	sqlite3_stmt *row;
	int64_t last = 0;
	int got = sql_first(r, e, &row,
		"SELECT p.id, p.name, 0, i.instance, i.status = 'running', i.host FROM "
		"current.instances AS i "
		"JOIN current.projects AS p ON p.id = i.project_id ORDER BY p.id",
		"");
	for (; got == 1; got = sql_next(r, e, &row)) {
		int64_t id = sqlite3_column_int64(row, 0);
		if (id == last || !runs(r, row))
			continue;
		add_change(job, RESTORE_KEPT, row);
		last = id;
	}
	return got;
}

static int fail_running(const char *project, struct error *e)
{
	error_hint(e, "end it first: stackup down -p %s --all", project);
	return -1;
}

/* Who in the copy has what the running project has: an id, a name, a directory or a block. */
static int check_contradiction(
	struct registry *r, const struct restore_change *kept, struct error *e)
{
	sqlite3_stmt *row;
	int got = sql_first(r, e, &row,
		"SELECT o.name FROM main.projects AS o, current.projects AS k WHERE k.id = ?1 AND ("
		"(o.id = k.id AND o.created_at != k.created_at) OR (o.id != k.id AND (o.name = "
		"k.name OR "
		"(o.path = k.path AND o.stack_name = k.stack_name) OR EXISTS ("
		"SELECT 1 FROM main.blocks AS a JOIN current.blocks AS b ON a.block = b.block "
		"WHERE a.project_id = o.id AND b.project_id = k.id))))",
		"i", kept->project_id);
	if (got == 1) {
		fail(e, EXIT_FAILED,
			"'%s' runs, and in the copy '%s' has its place (its name, its "
			"directory or a block of ports)",
			kept->project, sqlite3_column_text(row, 0));
		fail_running(kept->project, e);
	}
	sqlite3_finalize(row);
	return got ? -1 : 0;
}

static int check_base(struct registry *r, const struct restore_change *kept, struct error *e)
{
	sqlite3_stmt *row;
	int got = sql_first(r, e, &row,
		"SELECT o.value, k.value FROM main.settings AS o JOIN current.settings AS k USING "
		"(name) "
		"WHERE name = 'ports_base' AND o.value != k.value",
		"");
	if (got == 1) {
		fail(e, EXIT_FAILED,
			"'%s' runs on ports that are counted from %d; in the copy they are "
			"counted from %d",
			kept->project, sql_int(row, 1), sql_int(row, 0));
		fail_running(kept->project, e);
	}
	sqlite3_finalize(row);
	return got ? -1 : 0;
}

/* Every table whose rows belong to a project, those of later versions, too. */
static int take_tables(struct registry *r, int64_t project_id, struct error *e)
{
	sqlite3_stmt *row;
	int result = 0;
	int got = sql_first(r, e, &row,
		"SELECT DISTINCT printf('INSERT OR REPLACE INTO main.\"%w\" SELECT * FROM "
		"current.\"%w\" "
		"WHERE project_id = %d', m.name, m.name, ?1) FROM main.sqlite_master AS m, "
		"pragma_foreign_key_list(m.name) AS f WHERE f.\"table\" = 'projects'",
		"i", project_id);
	for (; got == 1 && !result; got = sql_next(r, e, &row))
		result = sql_script(r, (const char *)sqlite3_column_text(row, 0), e);
	sqlite3_finalize(row);
	return result ? result : got;
}

static int keep(struct registry *r, const struct restore_change *kept, struct error *e)
{
	if (check_contradiction(r, kept, e) || check_base(r, kept, e) ||
		sql_run(r, e, "DELETE FROM main.projects WHERE id = ?1", "i", kept->project_id) ||
		sql_run(r, e,
			"INSERT INTO main.projects SELECT * FROM current.projects WHERE id = ?1",
			"i", kept->project_id))
		return -1;
	return take_tables(r, kept->project_id, e);
}

static int keep_running(struct registry *r, struct job *job, struct error *e)
{
	static const char ended[] = "UPDATE main.instances SET status = 'stopped' "
				    "WHERE status = 'running'; DELETE FROM main.leases";
	if (note_running(r, job, e) || sql_script(r, ended, e))
		return -1;
	for (size_t i = 0; i < job->out->count; i++)
		if (keep(r, &job->out->changes[i], e))
			return -1;
	return 0;
}

static int keep_ids(struct registry *r, struct error *e)
{
	return sql_script(r,
		"UPDATE main.sqlite_sequence SET seq = max(seq, coalesce((SELECT c.seq FROM "
		"current.sqlite_sequence AS c WHERE c.name = main.sqlite_sequence.name), 0));"
		"INSERT INTO main.sqlite_sequence (name, seq) SELECT name, seq FROM "
		"current.sqlite_sequence WHERE name NOT IN (SELECT name FROM main.sqlite_sequence)",
		e);
}

/* The documents of now go on to be written, and none of them shows what will be there. */
static int keep_exports(struct registry *r, struct error *e)
{
	return sql_script(r,
		"INSERT OR IGNORE INTO main.exports SELECT * FROM current.exports;"
		"UPDATE main.exports SET behind = behind + 1",
		e);
}

/* ---- what becomes different ---- */

#define SAME_PROJECT "b.path = a.path AND b.stack_name = a.stack_name"
#define PROJECTS_WITHOUT(with, without)                                                            \
	"SELECT a.id, a.name, 0 FROM " with                                                        \
	".projects AS a WHERE NOT EXISTS (SELECT 1 FROM " without                                  \
	".projects AS b WHERE " SAME_PROJECT ")"
#define INSTANCES_WITHOUT(with, without)                                                           \
	"SELECT a.id, a.name, i.instance FROM " with ".projects AS a JOIN " with                   \
	".instances AS i "                                                                         \
	"ON i.project_id = a.id WHERE NOT EXISTS (SELECT 1 FROM " without                          \
	".projects AS b JOIN " without                                                             \
	".instances AS j ON j.project_id = b.id AND j.instance = i.instance WHERE " SAME_PROJECT   \
	")"
#define WITHOUT(with, without)                                                                     \
	PROJECTS_WITHOUT(with, without)                                                            \
	" UNION ALL " INSTANCES_WITHOUT(with, without) " ORDER BY 2, 3"

static int compare(struct registry *r, struct job *job, struct error *e)
{
	static const struct {
		enum restore_outcome outcome;
		const char *query;
	} sides[] = {{RESTORE_GAINED, WITHOUT("main", "current")},
		{RESTORE_LOST, WITHOUT("current", "main")}};
	for (size_t i = 0; i < sizeof sides / sizeof sides[0]; i++) {
		sqlite3_stmt *row;
		int got = sql_first(r, e, &row, sides[i].query, "");
		for (; got == 1; got = sql_next(r, e, &row))
			add_change(job, sides[i].outcome, row);
		if (got)
			return -1;
	}
	return 0;
}

/* ---- the new file ---- */

static int fill_in(struct registry *r, struct job *job, struct error *e)
{
	if (sql_script(r, "BEGIN IMMEDIATE", e) || registry_run_steps(r, job->source->version, e) ||
		keep_running(r, job, e) || keep_ids(r, e) || keep_exports(r, e) ||
		compare(r, job, e))
		return -1;
	return sql_script(r, "COMMIT", e);
}

/* r is open on the new file; r->path is that of the present registry. */
static int fill_restored(struct registry *r, void *data, struct error *e)
{
	struct job *job = data;
	if (registry_copy_pages(job->source, r->db, r->path, e) ||
		sql_run(r, e, "ATTACH ?1 AS current", "s", r->path) ||
		sql_script(r, "PRAGMA foreign_keys=ON", e) || fill_in(r, job, e))
		return -1;
	return sql_script(r, "DETACH current", e);
}

/* ---- the records beside it ---- */

static int write_records(struct registry *r, struct arena *arena, struct error *e)
{
	struct instance *rows;
	struct project project = {0};
	size_t count;
	uint16_t base;
	if (ports_base_get(r, &base, e) || instance_list(r, 0, arena, &rows, &count, e) ||
		record_write_machine(r, e))
		return -1;
	for (size_t i = 0; i < count; i++) {
		if (rows[i].project_id != project.id &&
			project_find_by_id(r, rows[i].project_id, arena, &project, e) != 1)
			return -1;
		if (record_write(r->state, base, &project, &rows[i], e))
			return -1;
	}
	return 0;
}

static void remove_records(const struct registry *r, const struct restore *restore)
{
	for (size_t i = 0; i < restore->count; i++) {
		const struct restore_change *change = &restore->changes[i];
		if (change->outcome == RESTORE_LOST && change->instance)
			record_drop(r->state, change->project_id, change->instance);
	}
}

/* Who opens it next must not find the records of before. */
static int put(struct registry *r, struct job *job, struct error *e)
{
	if (backup_aside(r->state, "before-restore", &job->out->aside, e) ||
		registry_put_fresh(r, e) ||
		registry_open_file(r, r->path, SQLITE_OPEN_READWRITE, e))
		return -1;
	remove_records(r, job->out);
	(void)write_records(r, job->arena, NULL);
	return 0;
}

static int restore_locked(struct registry *r, struct job *job, bool dry, struct error *e)
{
	/* All of it into the file: the log's place will belong to the new one. */
	if (sqlite3_wal_checkpoint_v2(r->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) !=
		SQLITE_OK)
		return sql_fail(r, e);
	registry_close_file(r);
	int result = registry_make_fresh(r, fill_restored, job, e);
	if (!result && !dry)
		result = put(r, job, e);
	registry_drop_fresh(r);
	return result;
}

static int tell(struct registry *r, const struct job *job, struct error *e)
{
	if (registry_begin(r, e))
		return -1;
	if (!history_audit(r, 0, 0, "restored", job->path, "registry restore", e))
		return registry_commit(r, e);
	registry_rollback(r);
	return -1;
}

int registry_restore(const char *state, const char *path, bool dry, struct arena *arena,
	struct restore *out, struct error *e)
{
	*out = (struct restore){0};
	struct job job = {.out = out, .arena = arena, .path = path};
	job.source = registry_open_source(path, e);
	if (!job.source)
		return -1;
	out->version = job.source->version;
	int result = -1;
	struct registry *r =
		registry_open(state, REGISTRY_WRITE, REGISTRY_BOOT_MS, &out->notices, e);
	if (r && !registry_lock(r, e)) {
		result = restore_locked(r, &job, dry, e);
		registry_unlock(r);
	}
	if (!result && !dry)
		result = tell(r, &job, e);
	registry_close(r);
	registry_close(job.source);
	return result;
}

void restore_release(struct restore *restore)
{
	text_release(&restore->aside);
	text_release(&restore->notices);
}
