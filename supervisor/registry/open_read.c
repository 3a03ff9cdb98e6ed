#include <string.h>

#include "registry/place.h"
#include "registry/schema.h"
#include "registry/sql.h"

/* Without its log and shared memory: what was committed since the last checkpoint is not in it. */
static int open_immutable(struct registry *r, struct error *e)
{
	OWNED_TEXT uri = {0};
	text_add(&uri, "file:");
	for (const char *c = r->path; *c; c++)
		if (strchr("%?#", *c))
			text_addf(&uri, "%%%02x", (unsigned)(unsigned char)*c);
		else
			text_add_char(&uri, *c);
	text_add(&uri, "?immutable=1");
	if (!text_ok(&uri))
		return fail(e, EXIT_REGISTRY, "out of memory");
	return registry_open_file(r, text_string(&uri), SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, e);
}

/*
 * SQLite cannot make its shared memory on a read-only disk, and nobody else can write there
 * either. But it reads the log beside the file where shared memory of earlier days still lies
 * there, and the log holds all that is recent.
 */
static int open_snapshot(struct registry *r, struct error *e)
{
	char tables[32];
	if (!registry_open_file(r, r->path, SQLITE_OPEN_READONLY, NULL) &&
		!registry_read_pragma(
			r, "SELECT count(*) FROM sqlite_master", tables, sizeof tables, NULL))
		return 0;
	registry_close_file(r);
	return open_immutable(r, e);
}

static int open_model(struct registry *r, int version, struct error *e)
{
	if (registry_open_file(r, ":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, e))
		return -1;
	r->version = version;
	for (int step = 0; step < version; step++)
		if (sql_script(r, schema_step(step), e))
			return -1;
	return 0;
}

int registry_open_to_read(struct registry *r, struct error *e)
{
	int there = place_check_file(r->path, e);
	if (there < 0)
		return -1;
	if (!there)
		return open_model(r, REGISTRY_VERSION, e);
	int result = place_is_writable(r->state)
		? registry_open_file(r, r->path, SQLITE_OPEN_READONLY, e)
		: open_snapshot(r, e);
	if (result || registry_read_version(r, e))
		return -1;
	char mode[32];
	if (registry_read_pragma(r, "PRAGMA journal_mode", mode, sizeof mode, e))
		return -1;
	r->wal = !strcmp(mode, "wal");
	return 0;
}

struct registry *registry_open_snapshot(const char *path, struct error *e)
{
	struct registry *r = registry_new("", path, REGISTRY_BOOT_MS, e);
	if (!r || !open_snapshot(r, e))
		return r;
	registry_close(r);
	return NULL;
}

struct registry *registry_open_model(int version, struct error *e)
{
	struct registry *r = registry_new("", ":memory:", 0, e);
	if (!r || !open_model(r, version, e))
		return r;
	registry_close(r);
	return NULL;
}
