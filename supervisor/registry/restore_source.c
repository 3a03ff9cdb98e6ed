#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "registry/schema.h"
#include "registry/sql.h"

static int fail_foreign(const char *path, const char *why, struct error *e)
{
	return fail(e, EXIT_FAILED, "%s is no registry of stackup: %s", path, why);
}

static int check_pages(struct registry *r, struct error *e)
{
	sqlite3_stmt *row;
	int got = sql_first(r, NULL, &row, "PRAGMA integrity_check(1)", "");
	const char *answer = got == 1 ? (const char *)sqlite3_column_text(row, 0) : NULL;
	int result = 0;
	if (!answer)
		result = fail_foreign(r->path, sqlite3_errmsg(r->db), e);
	else if (strcmp(answer, "ok") != 0)
		result = fail(e, EXIT_FAILED, "%s is damaged: %s", r->path, answer);
	sqlite3_finalize(row);
	return result;
}

static int check_version(struct registry *r, struct error *e)
{
	if (registry_read_version(r, e))
		return -1;
	if (r->version < 1)
		return fail_foreign(r->path, "it has no version", e);
	if (r->version <= REGISTRY_VERSION)
		return 0;
	fail(e, EXIT_FAILED,
		"%s has version %d, written by a newer stackup; this one knows version %d", r->path,
		r->version, REGISTRY_VERSION);
	error_hint(e, "restore it with the newer stackup");
	return -1;
}

/* Every column of every table; triggers and views whole, because they would run here. */
static int list_schema(struct registry *r, struct text *out, struct error *e)
{
	sqlite3_stmt *row;
	int got = sql_first(r, e, &row,
		"SELECT m.type || ':' || m.name || '.' || coalesce(c.name, m.sql, '') FROM "
		"sqlite_master AS m "
		"LEFT JOIN pragma_table_info(m.name) AS c ON m.type = 'table' "
		"WHERE m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND m.type != 'index' ORDER BY 1",
		"");
	for (; got == 1; got = sql_next(r, e, &row))
		text_addf(out, "%s ", (const char *)sqlite3_column_text(row, 0));
	return got;
}

static int check_tables(struct registry *r, struct error *e)
{
	OWNED_TEXT found = {0}, wanted = {0};
	struct registry *model = registry_open_model(r->version, e);
	int result = !model || list_schema(model, &wanted, e) || list_schema(r, &found, e) ? -1 : 0;
	registry_close(model);
	if (!result && strcmp(text_string(&found), text_string(&wanted)) != 0)
		result = fail_foreign(r->path, "its tables are others", e);
	return result;
}

struct registry *registry_open_source(const char *path, struct error *e)
{
	struct stat st;
	if (stat(path, &st)) {
		fail_errno(
			e, errno == ENOENT ? EXIT_NOT_FOUND : EXIT_FAILED, "cannot read %s", path);
		return NULL;
	}
	if (!S_ISREG(st.st_mode)) {
		fail(e, EXIT_FAILED, "%s is not a file", path);
		return NULL;
	}
	struct registry *r = registry_open_snapshot(path, e);
	if (r && !check_pages(r, e) && !check_version(r, e) && !check_tables(r, e))
		return r;
	registry_close(r);
	return NULL;
}
