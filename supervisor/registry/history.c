#include "registry/history.h"

#include "base/clock.h"
#include "base/words.h"
#include "model/event.h"
#include "registry/sql.h"

/* Rows that may go for one that comes. */
enum { GONE_FOR_ONE = 4 };
static const int64_t DAY_MS = 24LL * 60 * 60 * 1000;

/*
 * Ids only grow, so the oldest rows have the lowest ones: no count, no scan. A row from a day when the clock
 * was ahead keeps those after it until the number of rows is reached.
 */
static const struct {
	const char *prune;
	int64_t rows;
	int64_t days;
} rules[] = {
#define X(name, table, rows, days)                                                                 \
	[name] = {"DELETE FROM " table " WHERE id IN (SELECT id FROM " table " ORDER BY id LIMIT ?1) " \
		  "AND (id <= (SELECT max(id) FROM " table ") - ?2 OR timestamp < ?3)", rows, days},
	HISTORY_RULES(X)
#undef X
};

int history_prune(struct registry *r, enum history_table table, size_t count, struct error *e)
{
	char before[CLOCK_ISO_SIZE];
	clock_iso(clock_wall_ms() - rules[table].days * DAY_MS, before);
	return sql_run(r, e, rules[table].prune, "iis", (int64_t)count * GONE_FOR_ONE,
		rules[table].rows, before);
}

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
	return history_prune(r, HISTORY_CONFLICTS, 1, e);
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
	return history_prune(r, HISTORY_PORTS, 1, e);
}

static int insert_event(struct registry *r, const struct event_note *note, struct error *e)
{
	char at[CLOCK_ISO_SIZE];
	return sql_run(r, e,
		"INSERT INTO events (project_id, instance, service, kind, old_value, new_value, text, "
		"timestamp) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
		"iissssss", note->project_id, (int64_t)note->instance, note->service, note->kind,
		note->old_value, note->new_value, note->text,
		clock_iso(note->wall_ms ? note->wall_ms : clock_wall_ms(), at));
}

int history_events(struct registry *r, const struct event_note *notes, size_t count,
	struct error *e)
{
	for (size_t i = 0; i < count; i++)
		if (insert_event(r, &notes[i], e))
			return -1;
	return history_prune(r, HISTORY_EVENTS, count, e);
}

int history_event(struct registry *r, int64_t project_id, int instance, const char *kind,
	const char *text, struct error *e)
{
	const struct event_note note = {
		.project_id = project_id, .instance = instance, .kind = kind, .text = text};
	return history_events(r, &note, 1, e);
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
	return history_prune(r, HISTORY_AUDIT, 1, e);
}

WORDS(incident_kind_word, incident_kind, INCIDENT_KINDS)

int history_incident(struct registry *r, const struct incident_note *note, struct error *e)
{
	char at[CLOCK_ISO_SIZE];
	if (sql_run(r, e,
		    "INSERT INTO incidents (project_id, instance, kind, text, timestamp) "
		    "VALUES (?1, ?2, ?3, ?4, ?5)",
		    "iisss", note->project_id, (int64_t)note->instance,
		    incident_kind_word(note->kind), note->text,
		    clock_iso(note->wall_ms ? note->wall_ms : clock_wall_ms(), at)))
		return -1;
	return history_prune(r, HISTORY_INCIDENTS, 1, e);
}

int history_crash(
	struct registry *r, int64_t project_id, int instance, const char *text, struct error *e)
{
	const struct incident_note note = {.project_id = project_id,
		.instance = instance,
		.kind = INCIDENT_CRASHED,
		.text = text};
	if (history_event(r, project_id, instance, event_kind_word(EVENT_CRASHED), note.text, e))
		return -1;
	return history_incident(r, &note, e);
}
