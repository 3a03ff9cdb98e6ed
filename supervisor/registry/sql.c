#include "registry/sql.h"

#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

static const char *cause(struct registry *r)
{
	switch (sqlite3_errcode(r->db)) {
	case SQLITE_BUSY:
		return "another program keeps it locked";
	case SQLITE_FULL:
		return "the disk is full";
	case SQLITE_READONLY:
		return "it cannot be written";
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return "it is damaged";
	case SQLITE_NOMEM:
		return "out of memory";
	default:
		return sqlite3_errmsg(r->db);
	}
}

int sql_fail(struct registry *r, struct error *e)
{
	int code = sqlite3_errcode(r->db);
	fail(e, EXIT_REGISTRY, "the registry %s cannot be used: %s", r->path, cause(r));
	if (e)
		e->number = sqlite3_system_errno(r->db);
	if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB) {
		registry_suspect(r);
		error_hint(e, "try again: it is set aside then, and a new one is made of what is known");
	}
	if (code == SQLITE_BUSY)
		error_hint(e, "see who holds it: fuser %s", r->path);
	else if (code == SQLITE_FULL)
		error_hint(e, "free some space on the disk of %s", r->state);
	return -1;
}

/* SQLite's locks and its shared memory belong to the process that opened the file. */
static int check_process(struct registry *r, struct error *e)
{
	if (r->pid == getpid())
		return 0;
	return fail(e, EXIT_REGISTRY, "the registry's connection was carried across a fork");
}

static int bind(sqlite3_stmt *statement, const char *types, va_list args)
{
	int result = SQLITE_OK;
	for (int i = 0; types[i] && result == SQLITE_OK; i++) {
		if (types[i] == 'i') {
			result = sqlite3_bind_int64(statement, i + 1, va_arg(args, int64_t));
			continue;
		}
		const char *text = va_arg(args, const char *);
		result = sqlite3_bind_text(statement, i + 1, text ? text : "", -1, SQLITE_TRANSIENT);
	}
	return result;
}

static int start(struct registry *r, struct error *e, sqlite3_stmt **out, const char *text,
	const char *types, va_list args)
{
	if (check_process(r, e))
		return -1;
	if (sqlite3_prepare_v2(r->db, text, -1, out, NULL) != SQLITE_OK)
		return sql_fail(r, e);
	if (bind(*out, types, args) == SQLITE_OK)
		return 0;
	sql_fail(r, e);
	sqlite3_finalize(*out);
	*out = NULL;
	return -1;
}

static int bind_again(struct registry *r, struct error *e, sqlite3_stmt *statement,
	const char *types, va_list args)
{
	if (bind(statement, types, args) == SQLITE_OK)
		return 0;
	sql_fail(r, e);
	sqlite3_finalize(statement);
	return -1;
}

int sql_next(struct registry *r, struct error *e, sqlite3_stmt **statement)
{
	int result = sqlite3_step(*statement);
	if (result == SQLITE_ROW)
		return 1;
	if (result != SQLITE_DONE)
		sql_fail(r, e);
	sqlite3_finalize(*statement);
	*statement = NULL;
	return result == SQLITE_DONE ? 0 : -1;
}

/* A reset statement with this text, or NULL with the old one given up. */
static sqlite3_stmt *take_ready(struct registry *r, const char *text)
{
	sqlite3_stmt *statement = r->ready;
	r->ready = NULL;
	if (statement && r->ready_text == text)
		return statement;
	sqlite3_finalize(statement);
	return NULL;
}

static int run(struct registry *r, struct error *e, sqlite3_stmt *statement, const char *text)
{
	int result;
	do
		result = sqlite3_step(statement);
	while (result == SQLITE_ROW);
	if (result != SQLITE_DONE) {
		sql_fail(r, e);
		sqlite3_finalize(statement);
		return -1;
	}
	sqlite3_reset(statement);
	r->ready = statement;
	r->ready_text = text;
	return 0;
}

static int run_with(struct registry *r, struct error *e, const char *text, const char *types,
	va_list args)
{
	if (check_process(r, e))
		return -1;
	sqlite3_stmt *statement = take_ready(r, text);
	int result = statement ? bind_again(r, e, statement, types, args)
			       : start(r, e, &statement, text, types, args);
	return result ? -1 : run(r, e, statement, text);
}

int sql_run(struct registry *r, struct error *e, const char *text, const char *types, ...)
{
	va_list args;
	va_start(args, types);
	int result = run_with(r, e, text, types, args);
	va_end(args);
	return result;
}

int sql_change(struct registry *r, struct error *e, const char *text, const char *types, ...)
{
	va_list args;
	va_start(args, types);
	int result = run_with(r, e, text, types, args);
	va_end(args);
	if (!result && sqlite3_changes(r->db))
		r->has_changed = true;
	return result;
}

int sql_first(struct registry *r, struct error *e, sqlite3_stmt **out, const char *text,
	const char *types, ...)
{
	va_list args;
	va_start(args, types);
	*out = NULL;
	int result = start(r, e, out, text, types, args);
	va_end(args);
	return result ? -1 : sql_next(r, e, out);
}

int sql_script(struct registry *r, const char *text, struct error *e)
{
	if (check_process(r, e))
		return -1;
	return sqlite3_exec(r->db, text, NULL, NULL, NULL) == SQLITE_OK ? 0 : sql_fail(r, e);
}

const char *sql_text(sqlite3_stmt *statement, int column, struct arena *arena)
{
	const unsigned char *text = sqlite3_column_text(statement, column);
	return arena_string(arena, text ? (const char *)text : "");
}

int sql_int(sqlite3_stmt *statement, int column)
{
	return sqlite3_column_int(statement, column);
}

const char *sql_now(char buffer[32])
{
	return clock_iso(clock_wall_ms(), buffer);
}
