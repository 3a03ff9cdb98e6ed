#include "registry/launches.h"

#include "registry/history.h"
#include "registry/sql.h"

/* Somebody who only reads does not bring an old file to this version. */
static bool has_table(const struct registry *r)
{
	return registry_version(r) >= 5;
}

int launch_record(struct registry *r, const struct launch_note *note, struct error *e)
{
	char now[32];
	if (sql_run(r, e,
		    "INSERT INTO launches (project_id, instance, assigned, conflicts, assign_us, "
		    "timestamp) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
		    "iiiiis", note->project_id, (int64_t)note->instance, (int64_t)note->assigned,
		    (int64_t)note->conflicts, note->assign_us, sql_now(now)))
		return -1;
	return history_prune(r, HISTORY_LAUNCHES, 1, e);
}

/* The slowest of the quickest `percent`. */
static int read_quantile(struct registry *r, const char *since, int64_t count, int percent,
	int64_t *out, struct error *e)
{
	sqlite3_stmt *row;
	if (!count)
		return 0;
	int64_t rank = (count * percent + 99) / 100;
	int got = sql_first(r, e, &row,
		"SELECT assign_us FROM launches WHERE assigned AND timestamp >= ?1 "
		"ORDER BY assign_us LIMIT 1 OFFSET ?2",
		"si", since, rank - 1);
	if (got == 1)
		*out = sqlite3_column_int64(row, 0);
	sqlite3_finalize(row);
	return got < 0 ? -1 : 0;
}

int launch_figures(
	struct registry *r, const char *since, struct launch_figures *out, struct error *e)
{
	sqlite3_stmt *row;
	*out = (struct launch_figures){0};
	if (!has_table(r))
		return 0;
	int got = sql_first(r, e, &row,
		"SELECT count(*), total(conflicts = 0), total(NOT assigned) FROM launches "
		"WHERE timestamp >= ?1",
		"s", since);
	if (got < 0)
		return -1;
	out->count = sqlite3_column_int64(row, 0);
	out->undisturbed = sqlite3_column_int64(row, 1);
	out->failed = sqlite3_column_int64(row, 2);
	sqlite3_finalize(row);
	int64_t assigned = out->count - out->failed;
	return read_quantile(r, since, assigned, 50, &out->median_us, e) ||
			read_quantile(r, since, assigned, 99, &out->p99_us, e)
		? -1
		: 0;
}

int month_figures(struct registry *r, int most, struct arena *arena, struct month_figures **out,
	size_t *count, struct error *e)
{
	sqlite3_stmt *row;
	*out = NULL;
	*count = 0;
	if (!has_table(r))
		return 0;
	int got = sql_first(r, e, &row,
		"SELECT month, sum(launches), sum(undisturbed), sum(conflicts) FROM ("
		"SELECT substr(timestamp, 1, 7) AS month, 1 AS launches, conflicts = 0 AS "
		"undisturbed, "
		"0 AS conflicts FROM launches UNION ALL "
		"SELECT substr(timestamp, 1, 7), 0, 0, 1 FROM conflicts "
		"WHERE service <> '' OR class = '" CONFLICT_OF_BLOCK "') "
		"GROUP BY month ORDER BY month DESC LIMIT ?1",
		"i", (int64_t)most);
	for (; got == 1; got = sql_next(r, e, &row))
		*arena_append(arena, *out, *count) = (struct month_figures){
			.month = sql_text(row, 0, arena),
			.launches = sqlite3_column_int64(row, 1),
			.undisturbed = sqlite3_column_int64(row, 2),
			.conflicts = sqlite3_column_int64(row, 3),
		};
	return got;
}

int launch_counts(struct registry *r, const char *since, struct arena *arena,
	struct launch_count **out, size_t *count, struct error *e)
{
	sqlite3_stmt *row;
	*out = NULL;
	*count = 0;
	if (!has_table(r))
		return 0;
	int got = sql_first(r, e, &row,
		"SELECT project_id, instance, count(*) FROM launches WHERE timestamp >= ?1 "
		"GROUP BY project_id, instance ORDER BY count(*) DESC, project_id, instance",
		"s", since);
	for (; got == 1; got = sql_next(r, e, &row))
		*arena_append(arena, *out, *count) = (struct launch_count){
			.project_id = sqlite3_column_int64(row, 0),
			.instance = sql_int(row, 1),
			.launches = sqlite3_column_int64(row, 2),
		};
	return got;
}
