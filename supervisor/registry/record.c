#include "registry/record.h"

#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/number.h"
#include "base/own.h"
#include "model/names.h"
#include "registry/lock.h"
#include "registry/record_rows.h"
#include "registry/sql.h"

enum { RECORD_MOST = 64 * 1024, MACHINE_MOST = 16 * 1024 * 1024 };

static void add_path(struct text *path, const char *state, int64_t project_id, int64_t instance,
	const char *kind)
{
	text_addf(path, "%s/locks/p%lld-%lld.%s", state, (long long)project_id, (long long)instance,
		kind);
}

int record_write(const char *state, uint16_t ports_base, const struct project *project,
	const struct instance *instance, struct error *e)
{
	OWNED_TEXT path = {0};
	add_path(&path, state, project->id, instance->number, "json");
	json_t *record = json_pack("{si sI si ss ss ss ss ss, si si si ss ss ss ss ss ss ss}", "ports_base",
		(int)ports_base, "project_id", (json_int_t)project->id, "project_block", project->block, "project", project->name,
		"path", project->path, "stack", project->stack_name, "owner", project->owner,
		"created_at", project->created_at, "instance", instance->number, "spans",
		instance->spans, "block", instance->block, "worktree", instance->worktree, "purpose",
		instance->purpose, "branch", instance->branch, "environment",
		instance->environment, "git_dir", instance->git_dir, "git_mark",
		instance->git_mark, "commit", instance->commit);
	OWNED(char) content = record ? json_dumps(record, JSON_INDENT(1)) : NULL;
	json_decref(record);
	if (!content || !text_ok(&path))
		return fail(e, EXIT_REGISTRY, "cannot write the record of the instance: out of memory "
			"or a name that is not UTF-8");
	return record_replace(text_string(&path), content, e);
}

/* ---- the machine ---- */

/* Whole, and in the order in which they refer to each other. */
static const char *const machine_tables[] = {"settings", "projects", "blocks", "slots", "hold_modes",
	"reservations", "pool_ports", "reassignments", "exports"};
enum { MACHINE_TABLES = sizeof machine_tables / sizeof machine_tables[0] };

int record_write_machine(struct registry *r, struct error *e)
{
	OWNED_TEXT path = {0};
	json_t *machine = json_object();
	int result = 0;
	text_addf(&path, "%s/locks/machine.json", r->state);
	for (int i = 0; !result && i < MACHINE_TABLES; i++) {
		OWNED_TEXT query = {0};
		text_addf(&query, "SELECT * FROM %s", machine_tables[i]);
		json_t *rows = record_rows(r, text_string(&query), 0, 0, e);
		result = rows ? json_object_set_new(machine, machine_tables[i], rows) : -1;
	}
	OWNED(char) content = result ? NULL : json_dumps(machine, JSON_COMPACT);
	json_decref(machine);
	if (result)
		return -1;
	if (!content || !text_ok(&path))
		return fail(e, EXIT_REGISTRY, "cannot write the record of the machine: out of memory");
	return record_replace(text_string(&path), content, e);
}

static int restore_machine(struct registry *r, const char *state, struct error *e)
{
	OWNED_TEXT path = {0};
	OWNED_TEXT content = {0};
	text_addf(&path, "%s/locks/machine.json", state);
	if (!text_ok(&path) || file_read(text_string(&path), MACHINE_MOST, &content, NULL))
		return 0;
	json_t *machine = json_loadb(text_string(&content), content.length, 0, NULL);
	int result = 0;
	for (int i = 0; !result && i < MACHINE_TABLES; i++)
		result = record_insert(r, machine_tables[i],
			json_object_get(machine, machine_tables[i]), e);
	json_decref(machine);
	return result;
}

/* ---- one instance ---- */

static const char *word(const json_t *record, const char *key)
{
	const char *value = json_string_value(json_object_get(record, key));
	return value ? value : "";
}

static int64_t number(const json_t *record, const char *key)
{
	return json_integer_value(json_object_get(record, key));
}

void record_write_end(const char *state, int64_t project_id, int instance, const char *run_id)
{
	OWNED_TEXT path = {0};
	add_path(&path, state, project_id, instance, "ended");
	if (run_id && *run_id && text_ok(&path))
		(void)record_replace(text_string(&path), run_id, NULL);
}

bool record_has_ended(const char *state, int64_t project_id, int instance, const char *run_id)
{
	OWNED_TEXT path = {0}, ended = {0};
	add_path(&path, state, project_id, instance, "ended");
	return *run_id && text_ok(&path) && !access(path.data, F_OK) &&
		!file_read(path.data, RECORD_MOST, &ended, NULL) &&
		!strcmp(text_string(&ended), run_id);
}

int record_write_leases(struct registry *r, int64_t project_id, int instance, struct error *e)
{
	OWNED_TEXT path = {0};
	add_path(&path, r->state, project_id, instance, "leases");
	json_t *rows = record_rows(r, "SELECT * FROM leases WHERE project_id = ?1 AND instance = ?2",
		project_id, instance, e);
	OWNED(char) content = rows ? json_dumps(rows, JSON_COMPACT) : NULL;
	json_decref(rows);
	return content && text_ok(&path) ? record_replace(text_string(&path), content, e) : -1;
}

static int restore_leases(struct registry *r, int64_t project_id, int64_t instance, struct error *e)
{
	OWNED_TEXT path = {0}, content = {0};
	add_path(&path, r->state, project_id, instance, "leases");
	if (!text_ok(&path) || file_read(text_string(&path), MACHINE_MOST, &content, NULL))
		return 0;
	json_t *rows = json_loadb(text_string(&content), content.length, 0, NULL);
	int result = record_insert(r, "leases", rows, e);
	json_decref(rows);
	return result;
}

void record_drop(const char *state, int64_t project_id, int instance)
{
	static const char *const kinds[] = {"json", "leases", "ended"};
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		OWNED_TEXT path = {0};
		add_path(&path, state, project_id, instance, kinds[i]);
		if (text_ok(&path))
			(void)unlink(text_string(&path));
	}
}

/* Rows that contradict each other cannot be told right from wrong: the first one read wins. */
static int insert(struct registry *r, const json_t *record, struct error *e)
{
	char now[32];
	sql_now(now);
	int64_t id = number(record, "project_id");
	int64_t instance = number(record, "instance");
	int64_t base = number(record, "ports_base");
	if (sql_run(r, e, "INSERT OR IGNORE INTO settings (name, value) VALUES ('ports_base', ?1)", "i",
		    base ? base : PORTS_BASE) ||
		sql_run(r, e,
		    "INSERT OR IGNORE INTO projects (id, block, name, path, stack_name, owner, "
		    "created_at, last_used_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
		    "iissssss", id, number(record, "project_block"), word(record, "project"),
		    word(record, "path"), word(record, "stack"), word(record, "owner"),
		    word(record, "created_at"), now) ||
		sql_run(r, e,
			"INSERT OR IGNORE INTO blocks (block, project_id, ordinal) "
			"SELECT block, id, 0 FROM projects WHERE id = ?1", "i", id) ||
		sql_run(r, e,
			"INSERT OR IGNORE INTO blocks (block, project_id, ordinal) "
			"SELECT ?2, id, ?3 FROM projects WHERE id = ?1", "iii", id,
			number(record, "block"), (instance - 1) / 10))
		return -1;
	/* So that a death after this is told from a stop. */
	bool lives = instance_is_alive(r->state, id, (int)instance);
	if (sql_run(r, e,
		"INSERT OR IGNORE INTO instances (project_id, instance, spans, block, worktree, "
		"purpose, branch, environment, status, created_at, last_used_at, git_dir, git_mark, "
		"commit_id) SELECT id, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10, ?11, ?12, ?13 "
		"FROM projects WHERE id = ?1",
		"iiiisssssssss", id, instance, number(record, "spans"), number(record, "block"),
		word(record, "worktree"), word(record, "purpose"), word(record, "branch"),
		word(record, "environment"),
		instance_status_word(lives ? INSTANCE_RUNNING : INSTANCE_STOPPED), now,
		word(record, "git_dir"), word(record, "git_mark"), word(record, "commit")))
		return -1;
	return lives ? restore_leases(r, id, instance, e) : 0;
}

static bool is_record(const json_t *record)
{
	return number(record, "project_id") > 0 && number(record, "instance") > 0 &&
		*word(record, "project") && *word(record, "path") && *word(record, "worktree");
}

static int restore_one(struct registry *r, const char *path, size_t *count, struct error *e)
{
	OWNED_TEXT content = {0};
	if (file_read(path, RECORD_MOST, &content, NULL))
		return 0;
	json_t *record = json_loadb(text_string(&content), content.length, 0, NULL);
	int result = 0;
	if (is_record(record)) {
		result = insert(r, record, e);
		++*count;
	}
	json_decref(record);
	return result;
}

/* p<ID>.lock: lock files stay, so an id that was ever used is never given to another project. */
static int64_t id_of(const char *name)
{
	char digits[24];
	const char *end = strchr(name, '.');
	int64_t id = 0;
	size_t length = end ? (size_t)(end - name) : 0;
	if (name[0] != 'p' || length < 2 || length > sizeof digits || strcmp(end, ".lock") != 0)
		return 0;
	memcpy(digits, name + 1, length - 1);
	digits[length - 1] = '\0';
	return number_parse(digits, 1, INT64_MAX / 2, &id) ? id : 0;
}

static int keep_ids_unused(struct registry *r, int64_t highest, struct error *e)
{
	if (sql_run(r, e, "DELETE FROM sqlite_sequence WHERE name = 'projects' AND seq < ?1", "i",
		    highest))
		return -1;
	return sql_run(r, e,
		"INSERT INTO sqlite_sequence (name, seq) SELECT 'projects', ?1 "
		"WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'projects')",
		"i", highest);
}

int record_restore(struct registry *r, const char *state, size_t *count, struct error *e)
{
	OWNED_TEXT path = {0};
	text_addf(&path, "%s/locks", state);
	size_t base = path.length;
	DIR *directory = opendir(text_string(&path));
	int result = restore_machine(r, state, e);
	int64_t highest = 0;
	struct dirent *entry;
	*count = 0;
	while (directory && !result && (entry = readdir(directory))) {
		int64_t id = id_of(entry->d_name);
		highest = id > highest ? id : highest;
		const char *end = strrchr(entry->d_name, '.');
		if (entry->d_name[0] != 'p' || !end || strcmp(end, ".json") != 0)
			continue;
		text_cut(&path, base);
		text_addf(&path, "/%s", entry->d_name);
		result = restore_one(r, text_string(&path), count, e);
	}
	if (directory)
		closedir(directory);
	return result ? result : keep_ids_unused(r, highest, e);
}
