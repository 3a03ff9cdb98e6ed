#include "registry/instances.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/number.h"
#include "base/words.h"
#include "registry/host.h"
#include "registry/place.h"
#include "registry/record.h"
#include "registry/sql.h"

#define INSTANCE_COLUMNS                                                                           \
	"i.project_id, i.instance, i.spans, i.block, p.name, i.worktree, i.purpose, i.branch, "    \
	"i.environment, i.run_id, i.started_at, i.last_used_at, i.status, i.generation, i.used, "  \
	"i.owner_pid, i.guardian_pid, i.owner_start, i.boot_id, i.netns, i.pidns, i.created_at, "
#define FROM_INSTANCES " FROM instances AS i JOIN projects AS p ON p.id = i.project_id "
/* Somebody who only reads does not bring an old file to this version. */
#define GIT_COLUMNS "i.git_dir, i.git_mark, i.commit_id, "
#define SELECT_INSTANCES(r, rest)                                                                  \
	(registry_version(r) >= 9                                                                  \
		? "SELECT " INSTANCE_COLUMNS GIT_COLUMNS "i.host" FROM_INSTANCES rest              \
		: registry_version(r) >= 4                                                         \
		? "SELECT " INSTANCE_COLUMNS GIT_COLUMNS "''" FROM_INSTANCES rest                  \
		: "SELECT " INSTANCE_COLUMNS "'', '', '', ''" FROM_INSTANCES rest)

WORDS(instance_status_word, instance_status, INSTANCE_STATUSES)

static enum instance_status status_of(const char *word)
{
#define X(name, text)                                                                              \
	if (!strcmp(word, text))                                                                   \
		return name;
	INSTANCE_STATUSES(X)
#undef X
	return INSTANCE_STOPPED;
}

static uint64_t namespace_inode(const char *path)
{
	struct stat st;
	return stat(path, &st) ? 0 : (uint64_t)st.st_ino;
}

/* The 22nd field of /proc/self/stat; the second is in parentheses and may hold anything. */
static uint64_t own_start_ticks(void)
{
	OWNED_TEXT stat_text = {0};
	if (!file_read_proc("/proc/self/stat", &stat_text))
		return 0;
	const char *at = strrchr(text_string(&stat_text), ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	return at ? strtoull(at, NULL, 10) : 0;
}

static void read_boot_id(char out[40])
{
	OWNED_TEXT id = {0};
	(void)file_read_proc("/proc/sys/kernel/random/boot_id", &id);
	snprintf(out, 40, "%.36s", text_string(&id));
}

void owner_mark_self(struct owner_mark *mark)
{
	*mark = (struct owner_mark){
		.pid = getpid(),
		.start_ticks = own_start_ticks(),
		.netns = namespace_inode("/proc/self/ns/net"),
		.pidns = namespace_inode("/proc/self/ns/pid"),
	};
	read_boot_id(mark->boot_id);
}

bool owner_mark_is_here(const struct owner_mark *mark)
{
	/* Neither changes while a process lives. */
	static _Thread_local char boot_id[40];
	static _Thread_local uint64_t pidns;
	if (!boot_id[0] || !pidns) {
		read_boot_id(boot_id);
		pidns = namespace_inode("/proc/self/ns/pid");
	}
	/* One that could not be found out is no other one: whoever is signalled is proven by more than its number. */
	return !strcmp(boot_id, mark->boot_id) && (!pidns || !mark->pidns || mark->pidns == pidns);
}

/* Who has no lock byte here may have one there. */
static const char *elsewhere(const struct registry *r, const struct instance *row, const char *host)
{
	bool is_there = row->status == INSTANCE_RUNNING && !host_is_self(host) &&
		!place_is_local(r->state);
	return is_there ? host_name(host) : "";
}

static void read_instance(const struct registry *r, sqlite3_stmt *row, struct arena *arena,
	struct instance *out)
{
	*out = (struct instance){
		.project_id = sqlite3_column_int64(row, 0),
		.number = sql_int(row, 1),
		.spans = sql_int(row, 2),
		.block = sql_int(row, 3),
		.project = sql_text(row, 4, arena),
		.worktree = sql_text(row, 5, arena),
		.purpose = sql_text(row, 6, arena),
		.branch = sql_text(row, 7, arena),
		.environment = sql_text(row, 8, arena),
		.run_id = sql_text(row, 9, arena),
		.started_at = sql_text(row, 10, arena),
		.last_used_at = sql_text(row, 11, arena),
		.status = status_of(sql_text(row, 12, arena)),
		.generation = sqlite3_column_int64(row, 13),
		.used = sqlite3_column_int64(row, 14),
		.owner = {
			.pid = (pid_t)sql_int(row, 15),
			.guardian_pid = (pid_t)sql_int(row, 16),
			.start_ticks = (uint64_t)sqlite3_column_int64(row, 17),
			.netns = (uint64_t)sqlite3_column_int64(row, 19),
			.pidns = (uint64_t)sqlite3_column_int64(row, 20),
		},
		.created_at = sql_text(row, 21, arena),
		.git_dir = sql_text(row, 22, arena),
		.git_mark = sql_text(row, 23, arena),
		.commit = sql_text(row, 24, arena),
	};
	snprintf(out->owner.boot_id, sizeof out->owner.boot_id, "%s", sql_text(row, 18, arena));
	if (out->status == INSTANCE_RUNNING &&
		record_has_ended(r->state, out->project_id, out->number, out->run_id))
		out->status = INSTANCE_STOPPED;
	out->elsewhere = elsewhere(r, out, sql_text(row, 25, arena));
}

static int take_instance(const struct registry *r, int got, sqlite3_stmt *row, struct arena *arena,
	struct instance *out)
{
	if (got == 1)
		read_instance(r, row, arena, out);
	sqlite3_finalize(row);
	return got;
}

int instance_find(struct registry *r, int64_t project_id, int number, struct arena *arena,
	struct instance *out, struct error *e)
{
	sqlite3_stmt *row;
	int got = sql_first(r, e, &row,
		SELECT_INSTANCES(r, "WHERE i.project_id = ?1 AND i.instance = ?2"),
		"ii", project_id, (int64_t)number);
	return take_instance(r, got, row, arena, out);
}

int instance_list(struct registry *r, int64_t project_id, struct arena *arena,
	struct instance **out, size_t *count, struct error *e)
{
	sqlite3_stmt *row;
	*out = NULL;
	*count = 0;
	/* Not in one query: of many projects it would look at each, with the registry locked. */
	int got = project_id
		? sql_first(r, e, &row,
			  SELECT_INSTANCES(r, "WHERE i.project_id = ?1 ORDER BY i.instance"), "i",
			  project_id)
		: sql_first(r, e, &row, SELECT_INSTANCES(r, "ORDER BY p.name, i.instance"), "");
	for (; got == 1; got = sql_next(r, e, &row))
		read_instance(r, row, arena, arena_append(arena, *out, *count));
	return got;
}

static int read_counters(struct registry *r, struct instance *instance, struct error *e)
{
	sqlite3_stmt *row;
	int got = sql_first(r, e, &row,
		"SELECT generation, used FROM instances WHERE project_id = ?1 AND instance = ?2", "ii",
		instance->project_id, (int64_t)instance->number);
	if (got == 1) {
		instance->generation = sqlite3_column_int64(row, 0);
		instance->used = sqlite3_column_int64(row, 1);
	}
	sqlite3_finalize(row);
	return got < 0 ? -1 : 0;
}

int instance_put(struct registry *r, struct instance *instance, struct error *e)
{
	char now[32];
	sql_now(now);
	const struct owner_mark *owner = &instance->owner;
	if (sql_run(r, e,
		    "INSERT INTO instances (project_id, instance, spans, block, worktree, purpose, "
		    "branch, environment, status, run_id, owner_pid, guardian_pid, owner_start, "
		    "boot_id, netns, pidns, git_dir, git_mark, commit_id, created_at, started_at, "
		    "last_used_at, host, generation, used) "
		    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, "
		    "?17, ?18, ?19, ?20, ?20, ?20, ?21, 1, "
		    "(SELECT coalesce(max(used), 0) + 1 FROM instances WHERE project_id = ?1)) "
		    "ON CONFLICT (project_id, instance) DO UPDATE SET spans = excluded.spans, "
		    "block = excluded.block, worktree = excluded.worktree, "
		    "purpose = excluded.purpose, branch = excluded.branch, "
		    "environment = excluded.environment, status = excluded.status, "
		    "run_id = excluded.run_id, owner_pid = excluded.owner_pid, "
		    "guardian_pid = excluded.guardian_pid, owner_start = excluded.owner_start, "
		    "boot_id = excluded.boot_id, netns = excluded.netns, pidns = excluded.pidns, "
		    "git_dir = excluded.git_dir, git_mark = excluded.git_mark, "
		    "commit_id = excluded.commit_id, host = excluded.host, "
		    "started_at = excluded.started_at, last_used_at = excluded.last_used_at, "
		    "generation = generation + 1, used = excluded.used, "
		    "created_at = CASE WHEN worktree = excluded.worktree OR "
		    "(git_dir <> '' AND git_dir = excluded.git_dir) "
		    "THEN created_at ELSE excluded.created_at END",
		    "iiiissssssiiisiisssss", instance->project_id, (int64_t)instance->number,
		    (int64_t)instance->spans, (int64_t)instance->block, instance->worktree,
		    instance->purpose, instance->branch, instance->environment,
		    instance_status_word(instance->status), instance->run_id, (int64_t)owner->pid,
		    (int64_t)owner->guardian_pid, (int64_t)owner->start_ticks, owner->boot_id,
		    (int64_t)owner->netns, (int64_t)owner->pidns, instance->git_dir,
		    instance->git_mark, instance->commit, now, owner->pid ? host_self() : ""))
		return -1;
	return read_counters(r, instance, e);
}

int instance_touch(struct registry *r, const struct instance *instance, struct error *e)
{
	char now[32];
	return sql_run(r, e,
		"UPDATE instances SET worktree = ?3, git_dir = ?4, git_mark = ?5, branch = ?6, "
		"commit_id = ?7, last_used_at = ?8, used = "
		"(SELECT max(used) + 1 FROM instances WHERE project_id = ?1) "
		"WHERE project_id = ?1 AND instance = ?2",
		"iissssss", instance->project_id, (int64_t)instance->number, instance->worktree,
		instance->git_dir, instance->git_mark, instance->branch, instance->commit,
		sql_now(now));
}

int instance_follow(struct registry *r, const struct instance *instance, struct error *e)
{
	return sql_run(r, e,
		"UPDATE instances SET worktree = ?3, branch = ?4 "
		"WHERE project_id = ?1 AND instance = ?2 AND used = ?5",
		"iissi", instance->project_id, (int64_t)instance->number, instance->worktree,
		instance->branch, instance->used);
}

int instance_drop(struct registry *r, int64_t project_id, int number, struct error *e)
{
	static const char *const tables[] = {
		"DELETE FROM leases WHERE project_id = ?1 AND instance = ?2",
		"DELETE FROM pool_ports WHERE project_id = ?1 AND instance = ?2",
		"DELETE FROM reassignments WHERE project_id = ?1 AND instance = ?2",
		"DELETE FROM instances WHERE project_id = ?1 AND instance = ?2",
	};
	for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
		if (sql_change(r, e, tables[i], "ii", project_id, (int64_t)number))
			return -1;
	return 0;
}

int instance_describe(struct registry *r, int64_t project_id, int number, const char *environment,
	const char *purpose, struct error *e)
{
	return sql_run(r, e,
		"UPDATE instances SET environment = coalesce(nullif(?3, ''), environment), "
		"purpose = coalesce(nullif(?4, ''), purpose) WHERE project_id = ?1 AND instance = ?2",
		"iiss", project_id, (int64_t)number, environment, purpose);
}

int instance_set_status(struct registry *r, int64_t project_id, int number,
	enum instance_status status, const struct owner_mark *mark, struct error *e)
{
	char now[32];
	const char *word = instance_status_word(status);
	if (!mark)
		return sql_run(r, e,
			"UPDATE instances SET status = ?3, "
			"last_used_at = iif(?3 = 'stopped', ?4, last_used_at) "
			"WHERE project_id = ?1 AND instance = ?2",
			"iiss", project_id, (int64_t)number, word, sql_now(now));
	return sql_run(r, e,
		"UPDATE instances SET status = ?3, owner_pid = ?4, guardian_pid = ?5, "
		"owner_start = ?6, boot_id = ?7, netns = ?8, pidns = ?9, host = ?10 "
		"WHERE project_id = ?1 AND instance = ?2",
		"iisiiisiis", project_id, (int64_t)number, word, (int64_t)mark->pid,
		(int64_t)mark->guardian_pid, (int64_t)mark->start_ticks, mark->boot_id,
		(int64_t)mark->netns, (int64_t)mark->pidns, host_self());
}
