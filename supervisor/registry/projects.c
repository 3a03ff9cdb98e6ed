#include "registry/projects.h"

#include <stdio.h>
#include <string.h>

#include "model/names.h"
#include "registry/sql.h"

#define PROJECT_COLUMNS "id, block, name, path, stack_name, status, owner, created_at, last_used_at, "
/* Somebody who only reads does not bring an old file to this version. */
#define SELECT_PROJECTS(r, rest)                                                                   \
	(registry_version(r) >= 4 ? "SELECT " PROJECT_COLUMNS "notes FROM projects " rest          \
				  : "SELECT " PROJECT_COLUMNS "'' FROM projects " rest)

static const char *base_query(const struct registry *r)
{
	return registry_version(r) >= 3
		? "SELECT value FROM settings WHERE name = 'ports_base' AND "
		  "EXISTS (SELECT 1 FROM projects)"
		: "SELECT 30000 WHERE EXISTS (SELECT 1 FROM projects)";
}

int ports_base_get(struct registry *r, uint16_t *base, struct error *e)
{
	sqlite3_stmt *row;
	int got = sql_first(r, e, &row, base_query(r), "");
	*base = got == 1 ? (uint16_t)sql_int(row, 0) : 0;
	sqlite3_finalize(row);
	return got < 0 ? -1 : 0;
}

int ports_base_set(struct registry *r, uint16_t base, struct error *e)
{
	return sql_change(r, e, "INSERT OR REPLACE INTO settings (name, value) VALUES ('ports_base', ?1)",
		"i", (int64_t)base);
}

static void read_project(sqlite3_stmt *row, struct arena *arena, struct project *out)
{
	*out = (struct project){
		.id = sqlite3_column_int64(row, 0),
		.block = sql_int(row, 1),
		.name = sql_text(row, 2, arena),
		.path = sql_text(row, 3, arena),
		.stack_name = sql_text(row, 4, arena),
		.status = sql_text(row, 5, arena),
		.owner = sql_text(row, 6, arena),
		.created_at = sql_text(row, 7, arena),
		.last_used_at = sql_text(row, 8, arena),
		.notes = sql_text(row, 9, arena),
	};
}

/* What sql_first() returned: reads the row, ends the statement. */
static int take_project(int got, sqlite3_stmt *row, struct arena *arena, struct project *out)
{
	if (got == 1)
		read_project(row, arena, out);
	sqlite3_finalize(row);
	return got;
}

int project_find(struct registry *r, const char *path, const char *stack_name, struct arena *arena,
	struct project *out, struct error *e)
{
	sqlite3_stmt *row;
	int got = sql_first(r, e, &row,
		SELECT_PROJECTS(r, "WHERE path IN (?1, '') AND stack_name = ?2 ORDER BY path DESC"), "ss",
		path, stack_name);
	return take_project(got, row, arena, out);
}

int project_find_by_name(struct registry *r, const char *name, struct arena *arena,
	struct project *out, struct error *e)
{
	sqlite3_stmt *row;
	int got = sql_first(r, e, &row, SELECT_PROJECTS(r, "WHERE name = ?1"), "s", name);
	return take_project(got, row, arena, out);
}

int project_find_by_id(struct registry *r, int64_t id, struct arena *arena, struct project *out,
	struct error *e)
{
	sqlite3_stmt *row;
	int got = sql_first(r, e, &row, SELECT_PROJECTS(r, "WHERE id = ?1"), "i", id);
	return take_project(got, row, arena, out);
}

int project_find_by_block(struct registry *r, int block, struct arena *arena, struct project *out,
	struct error *e)
{
	sqlite3_stmt *row;
	int got = sql_first(r, e, &row,
		SELECT_PROJECTS(r, "WHERE id = (SELECT project_id FROM blocks WHERE block = ?1)"), "i",
		(int64_t)block);
	return take_project(got, row, arena, out);
}

int project_list(struct registry *r, struct arena *arena, struct project **out, size_t *count,
	struct error *e)
{
	sqlite3_stmt *row;
	*out = NULL;
	*count = 0;
	int got = sql_first(r, e, &row, SELECT_PROJECTS(r, "ORDER BY name"), "");
	for (; got == 1; got = sql_next(r, e, &row))
		read_project(row, arena, arena_append(arena, *out, *count));
	return got;
}

static int choose_name(struct registry *r, struct arena *arena, struct project *out,
	struct error *e)
{
	for (int i = 1;; i++) {
		struct project other;
		out->name = i == 1 ? arena_string(arena, out->stack_name)
				   : arena_format(arena, "%s-%d", out->stack_name, i);
		int got = project_find_by_name(r, out->name, arena, &other, e);
		if (got <= 0)
			return got;
	}
}

int project_add(struct registry *r, struct arena *arena, struct project *out, struct error *e)
{
	char now[32];
	if (choose_name(r, arena, out, e))
		return -1;
	out->created_at = out->last_used_at = arena_string(arena, sql_now(now));
	out->status = out->status ? out->status : "active";
	out->notes = out->notes ? out->notes : "";
	if (sql_change(r, e,
		    "INSERT INTO projects (block, name, path, stack_name, status, owner, notes, "
		    "created_at, last_used_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)",
		    "isssssss", (int64_t)out->block, out->name, out->path, out->stack_name, out->status,
		    out->owner, out->notes, out->created_at))
		return -1;
	out->id = sqlite3_last_insert_rowid(r->db);
	return block_add(r, out->id, 0, out->block, e);
}

int project_describe(struct registry *r, const struct project *project, struct error *e)
{
	return sql_change(r, e, "UPDATE projects SET status = ?2, owner = ?3, notes = ?4 WHERE id = ?1",
		"isss", project->id, project->status, project->owner, project->notes);
}

int project_settle(struct registry *r, int64_t id, const char *path, struct error *e)
{
	return sql_change(r, e, "UPDATE projects SET path = ?2 WHERE id = ?1", "is", id, path);
}

int project_touch(struct registry *r, int64_t id, struct error *e)
{
	char now[32];
	return sql_run(r, e, "UPDATE projects SET last_used_at = ?2 WHERE id = ?1", "is", id,
		sql_now(now));
}

int block_list(struct registry *r, struct arena *arena, struct block_row **out, size_t *count,
	struct error *e)
{
	sqlite3_stmt *row;
	*out = NULL;
	*count = 0;
	int got = sql_first(r, e, &row, "SELECT block, project_id FROM blocks ORDER BY block", "");
	for (; got == 1; got = sql_next(r, e, &row))
		*arena_append(arena, *out, *count) =
			(struct block_row){sql_int(row, 0), sqlite3_column_int64(row, 1)};
	return got;
}

static int mark_blocks(struct registry *r, const char *query, bool *marks, int count,
	struct error *e)
{
	sqlite3_stmt *row;
	memset(marks, 0, (size_t)count * sizeof *marks);
	int got = sql_first(r, e, &row, query, "");
	for (; got == 1; got = sql_next(r, e, &row)) {
		int block = sql_int(row, 0);
		if (block >= 0 && block < count)
			marks[block] = true;
	}
	return got;
}

int blocks_taken(struct registry *r, bool *taken, int count, struct error *e)
{
	return mark_blocks(r, "SELECT block FROM blocks", taken, count, e);
}

int blocks_needed(struct registry *r, bool *needed, int count, struct error *e)
{
	return mark_blocks(r,
		"SELECT b.block FROM blocks AS b JOIN projects AS p ON p.id = b.project_id "
		"WHERE p.status != 'archived'", needed, count, e);
}

int block_list_of(struct registry *r, int64_t project_id, struct arena *arena,
	struct block_row **out, size_t *count, struct error *e)
{
	sqlite3_stmt *row;
	*out = NULL;
	*count = 0;
	int got = sql_first(r, e, &row,
		"SELECT b.block, b.project_id FROM blocks AS b JOIN projects AS p ON p.id = b.project_id "
		"WHERE ?1 IN (0, p.id) ORDER BY p.name, b.ordinal", "i", project_id);
	for (; got == 1; got = sql_next(r, e, &row))
		*arena_append(arena, *out, *count) =
			(struct block_row){sql_int(row, 0), sqlite3_column_int64(row, 1)};
	return got;
}

int block_of(struct registry *r, int64_t project_id, int ordinal, int *block, struct error *e)
{
	sqlite3_stmt *row;
	*block = -1;
	int got = sql_first(r, e, &row,
		"SELECT block FROM blocks WHERE project_id = ?1 AND ordinal = ?2", "ii", project_id,
		(int64_t)ordinal);
	if (got == 1)
		*block = sql_int(row, 0);
	sqlite3_finalize(row);
	return got < 0 ? -1 : 0;
}

static int take_from_archive(struct registry *r, int block, struct error *e)
{
	return sql_change(r, e,
		"DELETE FROM blocks WHERE block = ?1 AND "
		"project_id IN (SELECT id FROM projects WHERE status = 'archived')",
		"i", (int64_t)block);
}

static int set_first(struct registry *r, int64_t project_id, int block, struct error *e)
{
	return sql_change(r, e, "UPDATE projects SET block = ?2 WHERE id = ?1", "ii", project_id,
		(int64_t)block);
}

int block_add(struct registry *r, int64_t project_id, int ordinal, int block, struct error *e)
{
	if (take_from_archive(r, block, e) || (!ordinal && set_first(r, project_id, block, e)))
		return -1;
	return sql_change(r, e, "INSERT INTO blocks (block, project_id, ordinal) VALUES (?1, ?2, ?3)",
		"iii", (int64_t)block, project_id, (int64_t)ordinal);
}

int project_set_block(struct registry *r, int64_t project_id, int block, struct error *e)
{
	if (sql_change(r, e, "DELETE FROM blocks WHERE project_id = ?1 AND ordinal = 0", "i", project_id))
		return -1;
	return block_add(r, project_id, 0, block, e) ||
			sql_run(r, e,
				"UPDATE instances SET block = ?2 WHERE project_id = ?1 AND instance <= ?3",
				"iii", project_id, (int64_t)block, (int64_t)INSTANCES)
		? -1 : 0;
}
