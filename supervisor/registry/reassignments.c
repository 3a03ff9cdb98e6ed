#include "registry/reassignments.h"

#include "registry/history.h"
#include "registry/sql.h"

#define OF_ROW "project_id = ?1 AND instance = ?2 AND service = ?3 AND port_name = ?4"

/* Somebody who only reads does not bring an old file to this version. */
static bool has_table(const struct registry *r)
{
	return registry_version(r) >= 2;
}

int reassignment_list(struct registry *r, int64_t project_id, int instance, struct arena *arena,
	struct reassignment **out, size_t *count, struct error *e)
{
	sqlite3_stmt *row;
	*out = NULL;
	*count = 0;
	if (!has_table(r))
		return 0;
	int got = sql_first(r, e, &row,
		"SELECT project_id, instance, service, port_name, port, planned_port, created_at "
		"FROM reassignments WHERE ?1 IN (0, project_id) AND ?2 IN (0, instance) "
		"ORDER BY project_id, instance, service, port_name",
		"ii", project_id, (int64_t)instance);
	for (; got == 1; got = sql_next(r, e, &row))
		*arena_append(arena, *out, *count) = (struct reassignment){
			.project_id = sqlite3_column_int64(row, 0),
			.instance = sql_int(row, 1),
			.service = sql_text(row, 2, arena),
			.name = sql_text(row, 3, arena),
			.port = (uint16_t)sql_int(row, 4),
			.planned_port = (uint16_t)sql_int(row, 5),
			.created_at = sql_text(row, 6, arena),
		};
	return got;
}

/* 1: with this emergency port (any with 0), 0: not. */
static int is_planned(struct registry *r, const struct reassignment *row, uint16_t port,
	struct error *e)
{
	sqlite3_stmt *found;
	int got = sql_first(r, e, &found,
		"SELECT 1 FROM reassignments WHERE " OF_ROW " AND ?5 IN (0, port)", "iissi",
		row->project_id, (int64_t)row->instance, row->service, row->name, (int64_t)port);
	sqlite3_finalize(found);
	return got;
}

static int tell(struct registry *r, const struct reassignment *row, enum incident_kind kind,
	const char *text, struct error *e)
{
	const struct incident_note note = {.project_id = row->project_id,
		.instance = row->instance, .kind = kind, .text = text};
	return history_incident(r, &note, e);
}

int reassignment_plan(struct registry *r, const struct reassignment *row, const char *why,
	struct error *e)
{
	char now[32];
	int there = is_planned(r, row, row->port, e);
	if (there)
		return there < 0 ? -1 : 0;
	if (tell(r, row, INCIDENT_EMERGENCY, why, e))
		return -1;
	return sql_change(r, e,
		"INSERT OR REPLACE INTO reassignments (project_id, instance, service, port_name, port, "
		"planned_port, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
		"iissiis", row->project_id, (int64_t)row->instance, row->service, row->name,
		(int64_t)row->port, (int64_t)row->planned_port, sql_now(now));
}

int reassignment_end(struct registry *r, const struct reassignment *row, const char *how,
	struct error *e)
{
	int there = is_planned(r, row, 0, e);
	if (there <= 0)
		return there;
	if (tell(r, row, INCIDENT_EMERGENCY_LEFT, how, e))
		return -1;
	return sql_change(r, e, "DELETE FROM reassignments WHERE " OF_ROW, "iiss", row->project_id,
		(int64_t)row->instance, row->service, row->name);
}
