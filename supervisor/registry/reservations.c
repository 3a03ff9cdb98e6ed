#include "registry/reservations.h"

#include "registry/sql.h"

#define RESERVATION_COLUMNS                                                                        \
	"v.port, v.project_id, v.instance, p.name, v.service, v.port_name, v.owner, v.note, "      \
	"v.created_at FROM reservations AS v LEFT JOIN projects AS p ON p.id = v.project_id "

/* Somebody who only reads does not bring an old file to this version. */
static bool has_tables(const struct registry *r)
{
	return registry_version(r) >= 2;
}

static void read_reservation(sqlite3_stmt *row, struct arena *arena, struct reservation *out)
{
	*out = (struct reservation){
		.port = (uint16_t)sql_int(row, 0),
		.project_id = sqlite3_column_int64(row, 1),
		.instance = sql_int(row, 2),
		.project = sql_text(row, 3, arena),
		.service = sql_text(row, 4, arena),
		.name = sql_text(row, 5, arena),
		.owner = sql_text(row, 6, arena),
		.note = sql_text(row, 7, arena),
		.created_at = sql_text(row, 8, arena),
	};
}

int reservation_find(struct registry *r, uint16_t port, struct arena *arena,
	struct reservation *out, struct error *e)
{
	sqlite3_stmt *row;
	if (!has_tables(r))
		return 0;
	int got = sql_first(r, e, &row, "SELECT " RESERVATION_COLUMNS "WHERE v.port = ?1", "i",
		(int64_t)port);
	if (got == 1)
		read_reservation(row, arena, out);
	sqlite3_finalize(row);
	return got;
}

int reservation_list(struct registry *r, struct arena *arena, struct reservation **out,
	size_t *count, struct error *e)
{
	sqlite3_stmt *row;
	*out = NULL;
	*count = 0;
	if (!has_tables(r))
		return 0;
	int got = sql_first(r, e, &row, "SELECT " RESERVATION_COLUMNS "ORDER BY v.port", "");
	for (; got == 1; got = sql_next(r, e, &row))
		read_reservation(row, arena, arena_append(arena, *out, *count));
	return got;
}

int reservation_uses(struct registry *r, struct arena *arena, struct reservation_use **out,
	size_t *count, struct error *e)
{
	sqlite3_stmt *row;
	*out = NULL;
	*count = 0;
	if (!has_tables(r))
		return 0;
	int got = sql_first(r, e, &row,
		"SELECT external_port, max(last_updated) FROM services "
		"WHERE external_port IN (SELECT port FROM reservations) AND status <> 'found' "
		"GROUP BY external_port ORDER BY external_port",
		"");
	for (; got == 1; got = sql_next(r, e, &row))
		*arena_append(arena, *out, *count) = (struct reservation_use){
			.port = (uint16_t)sql_int(row, 0),
			.last_used_at = sql_text(row, 1, arena),
		};
	return got;
}

int reservation_put(struct registry *r, const struct reservation *reservation, struct error *e)
{
	char now[32];
	return sql_change(r, e,
		"INSERT OR REPLACE INTO reservations (port, project_id, instance, service, port_name, "
		"owner, note, created_at) VALUES (?1, NULLIF(?2, 0), ?3, ?4, ?5, ?6, ?7, ?8)",
		"iiisssss", (int64_t)reservation->port, reservation->project_id,
		(int64_t)reservation->instance, reservation->service, reservation->name,
		reservation->owner, reservation->note, sql_now(now));
}

int reservation_drop(struct registry *r, uint16_t port, struct error *e)
{
	return sql_change(r, e, "DELETE FROM reservations WHERE port = ?1", "i", (int64_t)port);
}

int reservation_drop_of(struct registry *r, int64_t project_id, const char *service,
	struct error *e)
{
	return sql_change(r, e,
		"DELETE FROM reservations WHERE project_id = ?1 AND ?2 IN ('', service)", "is",
		project_id, service);
}

int pool_list(struct registry *r, struct arena *arena, struct pool_row **out, size_t *count,
	struct error *e)
{
	sqlite3_stmt *row;
	*out = NULL;
	*count = 0;
	if (!has_tables(r))
		return 0;
	int got = sql_first(r, e, &row,
		"SELECT port, project_id, instance, service, port_name FROM pool_ports ORDER BY id",
		"");
	for (; got == 1; got = sql_next(r, e, &row))
		*arena_append(arena, *out, *count) = (struct pool_row){
			.port = (uint16_t)sql_int(row, 0),
			.project_id = sqlite3_column_int64(row, 1),
			.instance = sql_int(row, 2),
			.service = sql_text(row, 3, arena),
			.name = sql_text(row, 4, arena),
		};
	return got;
}

int pool_record(struct registry *r, const struct pool_row *row, struct error *e)
{
	return sql_change(r, e,
		"INSERT OR REPLACE INTO pool_ports (project_id, instance, service, port_name, port) "
		"VALUES (?1, ?2, ?3, ?4, ?5)",
		"iissi", row->project_id, (int64_t)row->instance, row->service, row->name,
		(int64_t)row->port);
}

int pool_drop_of(struct registry *r, int64_t project_id, const char *service, struct error *e)
{
	return sql_change(r, e,
		"DELETE FROM pool_ports WHERE project_id = ?1 AND ?2 IN ('', service)", "is",
		project_id, service);
}
