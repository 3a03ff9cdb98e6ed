#include "registry/found.h"

#include "registry/sql.h"

int found_list(struct registry *r, int64_t project_id, struct arena *arena, struct found_service **out, size_t *count,
	struct error *e)
{
	sqlite3_stmt *row;
	*out = NULL;
	*count = 0;
	int got = sql_first(r, e, &row,
		"SELECT service_name, port_name, external_ip, internal_port, external_port, protocol, config_files "
		"FROM services WHERE project_id = ?1 AND instance = 0 AND status = 'found' "
		"ORDER BY service_name, port_name",
		"i", project_id);
	for (; got == 1; got = sql_next(r, e, &row))
		*arena_append(arena, *out, *count) = (struct found_service){
			.service = sql_text(row, 0, arena),
			.name = sql_text(row, 1, arena),
			.external_ip = sql_text(row, 2, arena),
			.internal_port = (uint16_t)sql_int(row, 3),
			.external_port = (uint16_t)sql_int(row, 4),
			.protocol = sql_text(row, 5, arena),
			.config_files = sql_text(row, 6, arena),
		};
	return got;
}

int found_replace(struct registry *r, int64_t project_id, const struct found_service *rows, size_t count,
	struct error *e)
{
	char now[32];
	if (sql_run(r, e, "DELETE FROM services WHERE project_id = ?1 AND instance = 0 AND status = 'found'", "i",
		    project_id))
		return -1;
	sql_now(now);
	for (size_t i = 0; i < count; i++)
		if (sql_run(r, e,
			    "INSERT OR IGNORE INTO services (project_id, instance, service_name, port_name, external_ip, "
			    "internal_port, external_port, protocol, status, last_updated, config_files) "
			    "VALUES (?1, 0, ?2, ?3, ?4, ?5, ?6, ?7, 'found', ?8, ?9)",
			    "isssiisss", project_id, rows[i].service, rows[i].name, rows[i].external_ip,
			    (int64_t)rows[i].internal_port, (int64_t)rows[i].external_port, rows[i].protocol, now,
			    rows[i].config_files))
			return -1;
	return 0;
}
