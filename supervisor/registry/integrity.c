#include "registry/integrity.h"

#include <string.h>

#include "registry/sql.h"

static const struct {
	const char *name;
	const char *query;
} invariants[] = {
#define INVARIANT(name, query) {#name, query},
#include "registry/integrity.def"
#undef INVARIANT
};

static const char pages[] =
	"SELECT integrity_check FROM pragma_integrity_check WHERE integrity_check != 'ok'";
static const char foreign_keys[] = "SELECT printf('row %d of table ''%s'' refers to a row of "
				   "''%s'' that is not there', rowid, "
				   "\"table\", parent) FROM pragma_foreign_key_check";

static void add(struct integrity *out, struct arena *arena, const char *check, const char *text)
{
	*arena_append(arena, out->problems, out->count) =
		(struct integrity_problem){.check = check, .text = text};
}

/* A query that cannot be answered is a problem of its own. */
static void ask(struct registry *r, const char *check, const char *query, struct arena *arena,
	struct integrity *out)
{
	sqlite3_stmt *row;
	struct error why = {0};
	int got = sql_first(r, &why, &row, query, "");
	for (; got == 1; got = sql_next(r, &why, &row))
		add(out, arena, check, sql_text(row, 0, arena));
	if (got < 0)
		add(out, arena, check, arena_string(arena, why.text));
}

static void ask_all(struct registry *r, struct arena *arena, struct integrity *out)
{
	ask(r, "pages", pages, arena, out);
	size_t damaged = out->count;
	ask(r, "foreign_key", foreign_keys, arena, out);
	out->version = registry_version(r);
	if (!damaged && !out->version)
		add(out, arena, "file", "it has no tables: somebody emptied or replaced it");
	bool known = out->version > 0 && out->version <= REGISTRY_VERSION;
	for (size_t i = 0; !damaged && known && i < sizeof invariants / sizeof invariants[0]; i++)
		ask(r, invariants[i].name, invariants[i].query, arena, out);
}

int registry_integrity(
	const char *state, struct arena *arena, struct integrity *out, struct error *e)
{
	struct error why = {0};
	const char *path = arena_format(arena, "%s/registry.db", state);
	struct registry *r = registry_new(state, path, REGISTRY_BOOT_MS, e);
	*out = (struct integrity){0};
	if (!r)
		return -1;
	int result = registry_open_to_read(r, &why);
	if (!result) {
		ask_all(r, arena, out);
	} else if (registry_is_damaged(r)) {
		add(out, arena, "file", arena_string(arena, why.text));
		result = 0;
	} else if (e) {
		*e = why;
	}
	registry_close(r);
	return result;
}
