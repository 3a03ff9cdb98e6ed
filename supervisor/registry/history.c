#include "registry/history.h"

#include "registry/sql.h"

/* Ids only grow, so the oldest rows are those far below the newest id: no count, no scan. */
#define PRUNE(table)                                                                               \
	sql_run(r, e, "DELETE FROM " table " WHERE id <= (SELECT max(id) FROM " table ") - ?1", "i", \
		(int64_t)HISTORY_KEEP)

int history_conflict(struct registry *r, const struct conflict_note *note, struct error *e)
{
	char now[32];
	if (sql_run(r, e,
		    "INSERT INTO conflicts (project_id, instance, service, port, class, holder, action, "
		    "moved_to, timestamp) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
		    "iisisssis", note->project_id, (int64_t)note->instance, note->service,
		    (int64_t)note->port, note->class, note->holder, note->action,
		    (int64_t)note->moved_to, sql_now(now)))
		return -1;
	return PRUNE("conflicts");
}

int history_port(struct registry *r, int64_t service_id, uint16_t old_value, uint16_t new_value,
	const char *change_type, struct error *e)
{
	char now[32];
	if (sql_run(r, e,
		    "INSERT INTO port_history (service_id, old_value, new_value, change_type, "
		    "timestamp) VALUES (?1, ?2, ?3, ?4, ?5)",
		    "iiiss", service_id, (int64_t)old_value, (int64_t)new_value, change_type,
		    sql_now(now)))
		return -1;
	return PRUNE("port_history");
}

int history_event(struct registry *r, int64_t project_id, int instance, const char *kind,
	const char *text, struct error *e)
{
	char now[32];
	if (sql_run(r, e,
		    "INSERT INTO events (project_id, instance, kind, text, timestamp) "
		    "VALUES (?1, ?2, ?3, ?4, ?5)",
		    "iisss", project_id, (int64_t)instance, kind, text, sql_now(now)))
		return -1;
	return PRUNE("events");
}

int history_audit(struct registry *r, int64_t project_id, int instance, const char *action,
	const char *target, const char *reason, struct error *e)
{
	char now[32];
	if (sql_run(r, e,
		    "INSERT INTO audit (project_id, instance, action, target, reason, timestamp) "
		    "VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
		    "iissss", project_id, (int64_t)instance, action, target, reason, sql_now(now)))
		return -1;
	return PRUNE("audit");
}

int history_incident(struct registry *r, int64_t project_id, int instance, const char *kind,
	const char *text, struct error *e)
{
	char now[32];
	if (sql_run(r, e,
		    "INSERT INTO incidents (project_id, instance, kind, text, timestamp) "
		    "VALUES (?1, ?2, ?3, ?4, ?5)",
		    "iisss", project_id, (int64_t)instance, kind, text, sql_now(now)))
		return -1;
	return PRUNE("incidents");
}

/* One query, so that the three tables come out in one order. */
static const char list_query[] =
	"SELECT h.timestamp AS at, p.name, s.instance, s.service_name, s.port_name, h.change_type, "
	"h.old_value, h.new_value, '' FROM port_history AS h "
	"JOIN services AS s ON s.id = h.service_id JOIN projects AS p ON p.id = s.project_id "
	"WHERE ?1 IN (0, s.project_id) AND ?2 IN ('', s.service_name) AND "
	"?3 IN (0, h.old_value, h.new_value) AND h.timestamp >= ?4 "
	"UNION ALL "
	"SELECT c.timestamp, p.name, c.instance, c.service, '', 'conflict', c.port, c.moved_to, "
	"c.holder || ': ' || c.action FROM conflicts AS c "
	"LEFT JOIN projects AS p ON p.id = c.project_id "
	"WHERE ?1 IN (0, c.project_id) AND ?2 IN ('', c.service) AND "
	"?3 IN (0, c.port, c.moved_to) AND c.timestamp >= ?4 "
	"UNION ALL "
	"SELECT a.timestamp, p.name, a.instance, '', '', a.action, "
	"CAST(substr(a.target, 6) AS INTEGER), 0, "
	"a.target || CASE a.reason WHEN '' THEN '' ELSE ': ' END || a.reason FROM audit AS a "
	"LEFT JOIN projects AS p ON p.id = a.project_id "
	"WHERE a.target LIKE 'port%' AND ?1 IN (0, a.project_id) AND "
	"(?2 = '' OR instr(a.target, char(39) || ?2 || char(39))) AND "
	"?3 IN (0, CAST(substr(a.target, 6) AS INTEGER)) AND a.timestamp >= ?4 "
	"ORDER BY at";

int history_list(struct registry *r, const struct port_event_filter *filter, struct arena *arena,
	struct port_event **out, size_t *count, struct error *e)
{
	sqlite3_stmt *row;
	*out = NULL;
	*count = 0;
	int got = sql_first(r, e, &row, list_query, "isis", filter->project_id, filter->service,
		(int64_t)filter->port, filter->since);
	for (; got == 1; got = sql_next(r, e, &row))
		*arena_append(arena, *out, *count) = (struct port_event){
			.time = sql_text(row, 0, arena),
			.project = sql_text(row, 1, arena),
			.instance = sql_int(row, 2),
			.service = sql_text(row, 3, arena),
			.name = sql_text(row, 4, arena),
			.kind = sql_text(row, 5, arena),
			.old_port = (uint16_t)sql_int(row, 6),
			.new_port = (uint16_t)sql_int(row, 7),
			.text = sql_text(row, 8, arena),
		};
	return got;
}

int history_conflict_counts(struct registry *r, const char *since, struct arena *arena,
	struct conflict_count **out, size_t *count, struct error *e)
{
	sqlite3_stmt *row;
	*out = NULL;
	*count = 0;
	/* With max() the other columns are those of its row: https://sqlite.org/lang_select.html */
	int got = sql_first(r, e, &row,
		"SELECT port, count(*), holder, max(id) FROM conflicts WHERE timestamp >= ?1 "
		"GROUP BY port ORDER BY port",
		"s", since);
	for (; got == 1; got = sql_next(r, e, &row))
		*arena_append(arena, *out, *count) = (struct conflict_count){
			.port = (uint16_t)sql_int(row, 0),
			.times = sql_int(row, 1),
			.holder = sql_text(row, 2, arena),
		};
	return got;
}
