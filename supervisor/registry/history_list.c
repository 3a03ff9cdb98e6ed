#include "registry/history_list.h"

#include "base/own.h"
#include "registry/sql.h"

/* As in the indexes of schema_6.sql: SQLite takes one only for the same expression. */
#define AUDIT_OF_PORTS "substr(a.target, 1, 4) = 'port'"
#define AUDIT_PORT "CAST(substr(a.target, 6) AS INTEGER)"
#define AUDIT_SERVICE                                                                              \
	"substr(a.target, instr(a.target, '''') + 1, length(a.target) - instr(a.target, '''') - 1)"

static void add_if(struct text *out, bool wanted, const char *condition)
{
	if (wanted)
		text_addf(out, " AND %s", condition);
}

/* The oldest of a list is its last: who asks for the newest rows gets them newest first. */
static void reverse(void *rows, size_t count, size_t size)
{
	char *low = rows, *high = low + (count ? count - 1 : 0) * size;
	for (; low < high; low += size, high -= size)
		for (size_t i = 0; i < size; i++) {
			char byte = low[i];
			low[i] = high[i];
			high[i] = byte;
		}
}

/* ---- events ---- */

void history_events_query(const struct history_filter *filter, int version, struct text *out)
{
	bool of_service = filter->service[0];
	text_addf(out, "SELECT e.id, e.timestamp, p.name, e.instance, %s, e.kind, %s, e.text "
		"FROM events AS e LEFT JOIN projects AS p ON p.id = e.project_id "
		"WHERE e.timestamp >= ?4", version >= 6 ? "e.service" : "''",
		version >= 6 ? "e.old_value, e.new_value" : "'', ''");
	add_if(out, filter->project_id, "e.project_id = ?1");
	add_if(out, of_service, version >= 6 ? "e.service = ?2" : "?2 = ''");
	/* The + keeps it out of the choice of an index: that of services has the instance, too. */
	add_if(out, filter->instance, of_service ? "+e.instance = ?3" : "e.instance = ?3");
	text_addf(out, " ORDER BY e.timestamp DESC, %se.id DESC LIMIT ?5",
		of_service ? "e.instance DESC, " : ""); /* as that index has them */
}

int history_events_of(struct registry *r, const struct history_filter *filter, struct arena *arena,
	struct event_row **out, size_t *count, struct error *e)
{
	sqlite3_stmt *row;
	OWNED_TEXT query = {0};
	*out = NULL;
	*count = 0;
	history_events_query(filter, registry_version(r), &query);
	if (!text_ok(&query))
		return fail(e, EXIT_REGISTRY, "out of memory");
	int got = sql_first(r, e, &row, text_string(&query), "isisi", filter->project_id,
		filter->service, (int64_t)filter->instance, filter->since, filter->most);
	for (; got == 1; got = sql_next(r, e, &row))
		*arena_append(arena, *out, *count) = (struct event_row){
			.id = sqlite3_column_int64(row, 0),
			.time = sql_text(row, 1, arena),
			.project = sql_text(row, 2, arena),
			.instance = sql_int(row, 3),
			.service = sql_text(row, 4, arena),
			.kind = sql_text(row, 5, arena),
			.old_value = sql_text(row, 6, arena),
			.new_value = sql_text(row, 7, arena),
			.text = sql_text(row, 8, arena),
		};
	reverse(*out, *count, sizeof **out);
	return got;
}

/* From one name to the next by the index, however many rows each has. */
const char history_services_query[] =
	"WITH RECURSIVE s(name) AS (SELECT min(service) FROM events WHERE project_id = ?1 UNION ALL "
	"SELECT (SELECT min(service) FROM events WHERE project_id = ?1 AND service > s.name) FROM s "
	"WHERE s.name IS NOT NULL) SELECT name FROM s WHERE name > ''";

int history_services(struct registry *r, int64_t project_id, struct arena *arena,
	const char ***out, size_t *count, struct error *e)
{
	sqlite3_stmt *row;
	*out = NULL;
	*count = 0;
	if (registry_version(r) < 6)
		return 0;
	int got = sql_first(r, e, &row, history_services_query, "i", project_id);
	for (; got == 1; got = sql_next(r, e, &row))
		*arena_append(arena, *out, *count) = sql_text(row, 0, arena);
	return got;
}

/* ---- ports ---- */

/*
 * One query, so that the tables come out in one order. Each arm comes in that order by its index; the rank
 * of a table is the last term of it, where that costs nothing.
 */
static void next_arm(struct text *out)
{
	if (out->length)
		text_add(out, " UNION ALL ");
}

/*
 * CROSS JOIN: SQLite keeps this order.
 * https://sqlite.org/optoverview.html#manual_control_of_query_plans_using_cross_join
 */
static void add_changes(struct text *out, const struct history_filter *filter, const char *of_port)
{
	bool of_service = filter->service[0];
	bool by_service = !filter->port && (of_service || filter->project_id);
	next_arm(out);
	text_addf(out, "SELECT h.timestamp AS at, 2 AS rank, h.id AS id, p.name, s.instance, "
		"s.service_name, s.port_name, h.change_type, h.old_value, h.new_value, '' "
		"FROM %s AS %s CROSS JOIN %s AS %s CROSS JOIN projects AS p WHERE s.id = h.service_id AND p.id = s.project_id AND "
		"h.timestamp >= ?4", by_service ? "services" : "port_history", by_service ? "s" : "h",
		by_service ? "port_history" : "services", by_service ? "h" : "s");
	add_if(out, filter->project_id, "s.project_id = ?1");
	/* The + leaves the choice of the index to the project. */
	add_if(out, of_service, filter->project_id ? "+s.service_name = ?2" : "s.service_name = ?2");
	add_if(out, filter->port, of_port);
}

static void add_conflicts(struct text *out, const struct history_filter *filter, const char *of_port)
{
	next_arm(out);
	text_add(out, "SELECT c.timestamp AS at, 1 AS rank, c.id AS id, p.name, c.instance, c.service, "
		"'', 'conflict', c.port, c.moved_to, c.holder || ': ' || c.action FROM conflicts AS c "
		"LEFT JOIN projects AS p ON p.id = c.project_id WHERE c.timestamp >= ?4");
	add_if(out, filter->port, of_port);
	/* With a + where the port chooses the index. */
	add_if(out, filter->service[0], filter->port ? "+c.service = ?2" : "c.service = ?2");
	add_if(out, filter->project_id, filter->port ? "+c.project_id = ?1" : "c.project_id = ?1");
}

static void add_audit(struct text *out, const struct history_filter *filter, const char *of_project)
{
	next_arm(out);
	text_add(out, "SELECT a.timestamp AS at, 3 AS rank, a.id AS id, p.name, a.instance, '', '', "
		"a.action, " AUDIT_PORT ", 0, a.target || CASE a.reason WHEN '' THEN '' ELSE ': ' END || a.reason "
		"FROM audit AS a LEFT JOIN projects AS p ON p.id = a.project_id "
		"WHERE " AUDIT_OF_PORTS " AND a.timestamp >= ?4");
	add_if(out, filter->port, AUDIT_PORT " = ?3");
	add_if(out, filter->service[0], AUDIT_SERVICE " = ?2");
	add_if(out, filter->project_id, of_project);
}

/* They are about no port of their own: only where all is asked for. */
static void add_incidents(struct text *out, const struct history_filter *filter)
{
	next_arm(out);
	text_add(out, "SELECT i.timestamp AS at, 4 AS rank, i.id AS id, p.name, i.instance, '', '', "
		"i.kind, 0, 0, i.text FROM incidents AS i LEFT JOIN projects AS p ON p.id = i.project_id "
		"WHERE i.timestamp >= ?4");
	add_if(out, filter->project_id, "i.project_id = ?1");
}

void history_ports_query(const struct history_filter *filter, struct text *out)
{
	add_changes(out, filter, "h.new_value = ?3");
	add_conflicts(out, filter, "c.port = ?3");
	if (filter->port) {
		add_changes(out, filter, "h.old_value = ?3 AND +h.new_value <> ?3");
		add_conflicts(out, filter, "c.moved_to = ?3 AND +c.port <> ?3");
	}
	add_audit(out, filter, filter->port ? "+a.project_id = ?1" : "a.project_id = ?1");
	/* Bare ports are nobody's, and so everybody's. */
	if (filter->project_id && !filter->port && !filter->service[0])
		add_audit(out, filter, "a.project_id = 0");
	if (!filter->port && !filter->service[0])
		add_incidents(out, filter);
	text_add(out, " ORDER BY at DESC, id DESC, rank DESC LIMIT ?5");
}

int history_ports(struct registry *r, const struct history_filter *filter, struct arena *arena,
	struct port_event **out, size_t *count, struct error *e)
{
	sqlite3_stmt *row;
	OWNED_TEXT query = {0};
	*out = NULL;
	*count = 0;
	history_ports_query(filter, &query);
	if (!text_ok(&query))
		return fail(e, EXIT_REGISTRY, "out of memory");
	int got = sql_first(r, e, &row, text_string(&query), "isisi", filter->project_id,
		filter->service, (int64_t)filter->port, filter->since, filter->most);
	for (; got == 1; got = sql_next(r, e, &row))
		*arena_append(arena, *out, *count) = (struct port_event){
			.time = sql_text(row, 0, arena),
			.project = sql_text(row, 3, arena),
			.instance = sql_int(row, 4),
			.service = sql_text(row, 5, arena),
			.name = sql_text(row, 6, arena),
			.kind = sql_text(row, 7, arena),
			.old_port = (uint16_t)sql_int(row, 8),
			.new_port = (uint16_t)sql_int(row, 9),
			.text = sql_text(row, 10, arena),
		};
	reverse(*out, *count, sizeof **out);
	return got;
}

/* ---- conflicts by port ---- */

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

/* ---- incidents ---- */

int history_incident_counts(struct registry *r, const char *since, struct arena *arena,
	struct incident_count **out, size_t *count, struct error *e)
{
	sqlite3_stmt *row;
	*out = NULL;
	*count = 0;
	int got = sql_first(r, e, &row,
		"SELECT kind, count(*) FROM incidents WHERE timestamp >= ?1 "
		"GROUP BY kind ORDER BY count(*) DESC, kind",
		"s", since);
	for (; got == 1; got = sql_next(r, e, &row))
		*arena_append(arena, *out, *count) = (struct incident_count){
			.kind = sql_text(row, 0, arena),
			.times = sqlite3_column_int64(row, 1),
		};
	return got;
}

int history_incidents(struct registry *r, const char *since, int most, struct arena *arena,
	struct incident_row **out, size_t *count, struct error *e)
{
	sqlite3_stmt *row;
	*out = NULL;
	*count = 0;
	int got = sql_first(r, e, &row,
		"SELECT i.timestamp, p.name, i.instance, i.kind, i.text FROM incidents AS i "
		"LEFT JOIN projects AS p ON p.id = i.project_id WHERE i.timestamp >= ?1 "
		"ORDER BY i.timestamp DESC, i.id DESC LIMIT ?2",
		"si", since, (int64_t)most);
	for (; got == 1; got = sql_next(r, e, &row))
		*arena_append(arena, *out, *count) = (struct incident_row){
			.time = sql_text(row, 0, arena),
			.project = sql_text(row, 1, arena),
			.instance = sql_int(row, 2),
			.kind = sql_text(row, 3, arena),
			.text = sql_text(row, 4, arena),
		};
	reverse(*out, *count, sizeof **out);
	return got;
}
