#include "registry/chores.h"

#include "registry/sql.h"

int chore_next(struct registry *r, const char *name, int64_t *when, struct error *e)
{
	sqlite3_stmt *row;
	*when = 0;
	if (registry_version(r) < 3)
		return 0;
	int got = sql_first(r, e, &row, "SELECT value FROM settings WHERE name = ?1", "s", name);
	if (got == 1)
		*when = sqlite3_column_int64(row, 0);
	sqlite3_finalize(row);
	return got < 0 ? -1 : 0;
}

int chore_put_off(struct registry *r, const char *name, int64_t when, struct error *e)
{
	return sql_run(r, e, "INSERT OR REPLACE INTO settings (name, value) VALUES (?1, ?2)", "si",
		name, when);
}
