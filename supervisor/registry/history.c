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
