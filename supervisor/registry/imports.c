#include "registry/imports.h"

#include "registry/sql.h"

int service_list(struct registry *r, struct arena *arena, struct service_state **out, size_t *count,
	struct error *e)
{
	sqlite3_stmt *row;
	*out = NULL;
	*count = 0;
	int got = sql_first(r, e, &row,
		"SELECT p.name, s.instance, s.service_name, s.port_name, s.internal_port, "
		"s.external_port, s.protocol, s.status, s.last_updated, s.config_files, "
		"s.project_id FROM services AS s JOIN projects AS p ON p.id = s.project_id "
		"WHERE s.status <> 'found' "
		"ORDER BY p.name, s.instance, s.service_name, s.port_name",
		"");
	for (; got == 1; got = sql_next(r, e, &row))
		*arena_append(arena, *out, *count) = (struct service_state){
			.project = sql_text(row, 0, arena),
			.status = sql_text(row, 7, arena),
			.last_updated = sql_text(row, 8, arena),
			.row =
				{
					.project_id = sqlite3_column_int64(row, 10),
					.instance = sql_int(row, 1),
					.service = sql_text(row, 2, arena),
					.name = sql_text(row, 3, arena),
					.wanted_port = (uint16_t)sql_int(row, 4),
					.port = (uint16_t)sql_int(row, 5),
					.protocol = sql_text(row, 6, arena),
					.config_files = sql_text(row, 9, arena),
				},
		};
	return got;
}

int import_project(struct registry *r, struct project *project, const int *blocks,
	size_t block_count, struct error *e)
{
	/* Lock files are named after ids: one that somebody had is nobody else's (record.c). */
	if (sql_change(r, e,
		    "INSERT INTO projects (id, block, name, path, stack_name, status, owner, "
		    "notes, created_at, last_used_at) SELECT iif(?1 > coalesce((SELECT seq FROM "
		    "sqlite_sequence "
		    "WHERE name = 'projects'), 0), ?1, NULL), ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10",
		    "iissssssss", project->id, (int64_t)project->block, project->name,
		    project->path, project->stack_name, project->status, project->owner,
		    project->notes, project->created_at, project->last_used_at))
		return -1;
	project->id = sqlite3_last_insert_rowid(r->db);
	for (size_t i = 0; i < block_count; i++)
		if (block_add(r, project->id, (int)i, blocks[i], e))
			return -1;
	return 0;
}

int import_instance(struct registry *r, const struct instance *instance, struct error *e)
{
	return sql_run(r, e,
		"INSERT INTO instances (project_id, instance, spans, block, worktree, purpose, "
		"branch, "
		"environment, status, git_dir, git_mark, commit_id, created_at, started_at, "
		"last_used_at, used) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, "
		"?13, ?14, ?15, "
		"(SELECT coalesce(max(used), 0) + 1 FROM instances WHERE project_id = ?1))",
		"iiiisssssssssss", instance->project_id, (int64_t)instance->number,
		(int64_t)instance->spans, (int64_t)instance->block, instance->worktree,
		instance->purpose, instance->branch, instance->environment,
		instance_status_word(instance->status), instance->git_dir, instance->git_mark,
		instance->commit, instance->created_at, instance->started_at,
		instance->last_used_at);
}

int import_service(struct registry *r, const struct service_state *service, struct error *e)
{
	const struct service_row *row = &service->row;
	return sql_run(r, e,
		"INSERT OR IGNORE INTO services (project_id, instance, service_name, port_name, "
		"internal_port, external_port, protocol, status, last_updated, config_files) "
		"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
		"iissiissss", row->project_id, (int64_t)row->instance, row->service, row->name,
		(int64_t)row->wanted_port, (int64_t)row->port, row->protocol, service->status,
		service->last_updated, row->config_files);
}

int import_reservation(struct registry *r, const struct reservation *reservation, struct error *e)
{
	return sql_change(r, e,
		"INSERT OR IGNORE INTO reservations (port, project_id, instance, service, "
		"port_name, "
		"owner, note, created_at) VALUES (?1, NULLIF(?2, 0), ?3, ?4, ?5, ?6, ?7, ?8)",
		"iiisssss", (int64_t)reservation->port, reservation->project_id,
		(int64_t)reservation->instance, reservation->service, reservation->name,
		reservation->owner, reservation->note, reservation->created_at);
}
