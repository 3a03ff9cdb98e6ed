#include "registry/record_rows.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/own.h"
#include "registry/sql.h"

/*
 * Without fsync: a record that a power cut loses is written again by the next launch. Most launches
 * are like the last one, and ext4 writes to the disk at once what is renamed over another file.
 */
int record_replace(const char *path, const char *content, struct error *e)
{
	OWNED_TEXT fresh = {0};
	size_t length = strlen(content);
	if (file_has_content(path, content, length))
		return 0;
	text_addf(&fresh, "%s.new", path);
	OWNED_FD fd = text_ok(&fresh)
		? open(text_string(&fresh), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
			  0600)
		: -1;
	if (fd < 0)
		return fail_errno(e, EXIT_REGISTRY, "cannot write %s", path);
	if (!file_write_all(fd, content, length) && !rename(text_string(&fresh), path))
		return 0;
	fail_errno(e, EXIT_REGISTRY, "cannot write %s", path);
	unlink(text_string(&fresh));
	return -1;
}

static json_t *value_of(sqlite3_stmt *row, int column)
{
	switch (sqlite3_column_type(row, column)) {
	case SQLITE_INTEGER:
		return json_integer(sqlite3_column_int64(row, column));
	case SQLITE_TEXT:
		return json_string((const char *)sqlite3_column_text(row, column));
	default:
		return json_null();
	}
}

/* NULL: a value that is not UTF-8, which JSON cannot say. */
static json_t *row_of(sqlite3_stmt *row)
{
	json_t *object = json_object();
	for (int i = 0; object && i < sqlite3_column_count(row); i++)
		if (json_object_set_new(object, sqlite3_column_name(row, i), value_of(row, i))) {
			json_decref(object);
			return NULL;
		}
	return object;
}

json_t *record_rows(
	struct registry *r, const char *query, int64_t first, int64_t second, struct error *e)
{
	sqlite3_stmt *row;
	json_t *rows = json_array();
	int got = sql_first(r, e, &row, query, first ? "ii" : "", first, second);
	for (; got == 1; got = sql_next(r, e, &row))
		(void)json_array_append_new(rows, row_of(row));
	if (!got)
		return rows;
	json_decref(rows);
	return NULL;
}

/* "INSERT OR IGNORE INTO t (a, b) VALUES (?1, ?2)", with the columns that the table has here. */
static void add_insert(struct registry *r, const char *table, json_t *row, struct text *out)
{
	OWNED_TEXT places = {0};
	const char *column;
	json_t *value;
	int count = 0;
	text_addf(out, "INSERT OR IGNORE INTO %s (", table);
	json_object_foreach (row, column, value) {
		if (sqlite3_table_column_metadata(
			    r->db, NULL, table, column, NULL, NULL, NULL, NULL, NULL) != SQLITE_OK)
			continue;
		text_addf(out, "%s\"%s\"", count ? ", " : "", column);
		text_addf(&places, "%s:%s", count++ ? ", " : "", column);
	}
	text_addf(out, ") VALUES (%s)", text_string(&places));
}

static void bind_row(sqlite3_stmt *statement, json_t *row)
{
	const char *column;
	json_t *value;
	json_object_foreach (row, column, value) {
		OWNED_TEXT name = {0};
		text_addf(&name, ":%s", column);
		int place = sqlite3_bind_parameter_index(statement, text_string(&name));
		if (place && json_is_integer(value))
			(void)sqlite3_bind_int64(statement, place, json_integer_value(value));
		else if (place && json_is_string(value))
			(void)sqlite3_bind_text(
				statement, place, json_string_value(value), -1, SQLITE_TRANSIENT);
	}
}

/* What the tables do not allow was never written by us. */
static int insert_row(struct registry *r, const char *table, json_t *row, struct error *e)
{
	OWNED_TEXT insert = {0};
	sqlite3_stmt *statement = NULL;
	add_insert(r, table, row, &insert);
	if (!text_ok(&insert) ||
		sqlite3_prepare_v2(r->db, text_string(&insert), -1, &statement, NULL) != SQLITE_OK)
		return 0;
	bind_row(statement, row);
	int code = sqlite3_step(statement);
	if (code != SQLITE_DONE && code != SQLITE_CONSTRAINT)
		sql_fail(r, e);
	sqlite3_finalize(statement);
	return code == SQLITE_DONE || code == SQLITE_CONSTRAINT ? 0 : -1;
}

int record_insert(struct registry *r, const char *table, json_t *rows, struct error *e)
{
	json_t *row;
	size_t index;
	json_array_foreach (rows, index, row)
		if (insert_row(r, table, row, e))
			return -1;
	return 0;
}
