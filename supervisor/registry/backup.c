#include "registry/backup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/own.h"
#include "registry/sql.h"

static const char file_name[] = "registry.db";

/* ---- names ---- */

static void add_dated(struct text *out, const char *directory, const char *kind)
{
	char stamp[32];
	time_t now = (time_t)(clock_wall_ms() / 1000);
	struct tm tm;
	gmtime_r(&now, &tm);
	strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &tm);
	text_addf(out, "%s/%s.%s-%s", directory, file_name, kind, stamp);
}

static void add_free_name(struct text *out, const char *state, const char *kind)
{
	add_dated(out, state, kind);
	/* Two in one second: -2 and so on. */
	size_t length = out->length;
	for (int i = 2; i < 100 && text_ok(out) && !access(text_string(out), F_OK); i++) {
		text_cut(out, length);
		text_addf(out, "-%d", i);
	}
}

static void add_place(struct text *out, const char *state, const char *path)
{
	struct stat st;
	if (!path)
		add_free_name(out, state, "backup");
	else if (!stat(path, &st) && S_ISDIR(st.st_mode))
		add_free_name(out, path, "backup");
	else
		text_add(out, path);
}

/* ---- the copy ---- */

static int fail_copy(const char *path, sqlite3 *db, struct error *e)
{
	return fail(e, EXIT_FAILED, "cannot write the copy %s: %s", path,
		db ? sqlite3_errmsg(db) : "out of memory");
}

static int fail_damaged(const char *what, struct error *e)
{
	fail(e, EXIT_REGISTRY, "the registry is damaged, so no copy was made of it: %s", what);
	error_hint(e, "see what is wrong with `stackup registry integrity`");
	return -1;
}

static int check_copy(sqlite3 *db, const char *path, struct error *e)
{
	sqlite3_stmt *row = NULL;
	int result = 0;
	if (sqlite3_prepare_v2(db, "PRAGMA integrity_check(1)", -1, &row, NULL) != SQLITE_OK ||
		sqlite3_step(row) != SQLITE_ROW)
		result = fail_copy(path, db, e);
	const char *answer = result ? "ok" : (const char *)sqlite3_column_text(row, 0);
	if (answer && strcmp(answer, "ok") != 0)
		result = fail_damaged(answer, e);
	sqlite3_finalize(row);
	return result;
}

int registry_copy_pages(struct registry *from, sqlite3 *to, const char *path, struct error *e)
{
	sqlite3_backup *copy = sqlite3_backup_init(to, "main", from->db, "main");
	if (!copy)
		return fail_copy(path, to, e);
	/* All pages in one step are of one moment; nobody waits for it, in WAL mode. */
	int code = sqlite3_backup_step(copy, -1);
	sqlite3_backup_finish(copy);
	if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
		return fail(e, EXIT_REGISTRY, "the registry %s is locked by another program",
			from->path);
	if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
		return fail_damaged(sqlite3_errstr(code), e);
	/* The header says WAL, as in the original: a copy is one file. */
	if (code != SQLITE_DONE ||
		sqlite3_exec(to, "PRAGMA journal_mode=DELETE", NULL, NULL, NULL) != SQLITE_OK)
		return fail_copy(path, to, e);
	return 0;
}

/* Into an empty file of that name. */
static int write_copy(struct registry *from, const char *path, struct error *e)
{
	sqlite3 *to = NULL;
	int result = sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	if (result != SQLITE_OK)
		result = fail_copy(path, to, e);
	else
		result = registry_copy_pages(from, to, path, e) || check_copy(to, path, e) ? -1 : 0;
	sqlite3_close(to);
	return result;
}

static int sync_file(const char *path, struct error *e)
{
	OWNED_FD fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 || fsync(fd) ? fail_errno(e, EXIT_FAILED, "cannot write the copy %s", path)
				   : 0;
}

static void sync_directory_of(const char *path)
{
	OWNED_TEXT directory = {0};
	const char *end = strrchr(path, '/');
	text_add_bytes(&directory, path, end ? (size_t)(end - path) : 0);
	OWNED_FD fd = open(!end       ? "."
			: end == path ? "/"
				      : text_string(&directory),
		O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		(void)fsync(fd);
}

static int fail_taken(const char *path, struct error *e)
{
	fail(e, EXIT_FAILED, "%s is there already", path);
	error_hint(e, "give another name, or --yes to replace it");
	return -1;
}

/* Not every file system can rename without replacing; then one look must do. */
static int give_name(const char *from, const char *path, bool replace, struct error *e)
{
	unsigned flags = replace ? 0 : RENAME_NOREPLACE;
	if (!renameat2(AT_FDCWD, from, AT_FDCWD, path, flags))
		return 0;
	if (errno == EEXIST && !replace)
		return fail_taken(path, e);
	if (errno == EINVAL && !replace && access(path, F_OK) && !rename(from, path))
		return 0;
	return fail_errno(e, EXIT_FAILED, "cannot write the copy %s", path);
}

static int copy_to(struct registry *from, const char *path, bool replace, struct error *e)
{
	OWNED_TEXT fresh = {0};
	text_addf(&fresh, "%s.XXXXXX", path);
	if (!text_ok(&fresh))
		return fail(e, EXIT_FAILED, "out of memory");
	OWNED_FD fd = mkostemp(fresh.data, O_CLOEXEC);
	if (fd < 0)
		return fail_errno(e, EXIT_FAILED, "cannot write the copy %s", path);
	int result = write_copy(from, fresh.data, e) || sync_file(fresh.data, e) ||
			give_name(fresh.data, path, replace, e)
		? -1
		: 0;
	if (result)
		unlink(fresh.data);
	else
		sync_directory_of(path);
	return result;
}

/* ---- for people ---- */

static int count_rows(struct registry *r, const char *query, struct error *e)
{
	sqlite3_stmt *row;
	int got = sql_first(r, e, &row, query, "");
	int count = got == 1 ? sql_int(row, 0) : got;
	sqlite3_finalize(row);
	return count;
}

static int describe(struct registry *r, struct backup *out, struct error *e)
{
	struct stat st;
	out->bytes = stat(text_string(&out->path), &st) ? 0 : st.st_size;
	out->version = r->version;
	out->projects = count_rows(r, "SELECT count(*) FROM projects", e);
	out->instances = count_rows(r, "SELECT count(*) FROM instances", e);
	return out->projects < 0 || out->instances < 0 ? -1 : 0;
}

static int check_place(struct registry *r, const char *path, bool replace, struct error *e)
{
	struct stat st, own;
	if (stat(path, &st))
		return 0;
	if (!stat(r->path, &own) && own.st_ino == st.st_ino && own.st_dev == st.st_dev)
		return fail(e, EXIT_USAGE, "%s is the registry itself", path);
	if (!S_ISREG(st.st_mode))
		return fail(e, EXIT_FAILED, "%s is not a file", path);
	return replace ? 0 : fail_taken(path, e);
}

int registry_backup(
	const char *state, const char *path, bool replace, struct backup *out, struct error *e)
{
	*out = (struct backup){0};
	if (!registry_exists(state))
		return fail(
			e, EXIT_NOT_FOUND, "there is no registry yet: nothing was ever started");
	struct registry *r = registry_open(state, REGISTRY_READ, REGISTRY_BOOT_MS, NULL, e);
	if (!r)
		return -1;
	add_place(&out->path, state, path);
	int result = text_ok(&out->path) ? 0 : fail(e, EXIT_FAILED, "out of memory");
	if (!result &&
		(check_place(r, text_string(&out->path), replace, e) ||
			copy_to(r, text_string(&out->path), replace, e) || describe(r, out, e)))
		result = -1;
	registry_close(r);
	return result;
}

void backup_release(struct backup *backup)
{
	text_release(&backup->path);
}

/* ---- those that stackup makes by itself ---- */

int backup_aside(const char *state, const char *kind, struct text *path, struct error *e)
{
	struct registry *r = registry_open(state, REGISTRY_READ, REGISTRY_BOOT_MS, NULL, e);
	if (!r)
		return -1;
	add_free_name(path, state, kind);
	int result = text_ok(path) ? copy_to(r, text_string(path), false, e)
				   : fail(e, EXIT_FAILED, "out of memory");
	registry_close(r);
	return result;
}

/* The end of registry.db.KIND...; NULL for other names and for what a kill left of a copy. */
static const char *after_kind(const char *name, const char *kind)
{
	size_t length = strlen(file_name), kind_length = strlen(kind);
	if (strncmp(name, file_name, length) != 0 || name[length] != '.' ||
		strncmp(name + length + 1, kind, kind_length) != 0)
		return NULL;
	const char *rest = name + length + 1 + kind_length;
	return strchr(rest, '.') ? NULL : rest;
}

static int is_of_migration(const struct dirent *entry)
{
	return after_kind(entry->d_name, "before-version-") != NULL;
}

static int is_copy(const struct dirent *entry)
{
	return after_kind(entry->d_name, "backup-") || is_of_migration(entry);
}

/* 20260102T030405Z and what follows. */
static const char *time_in(const char *name)
{
	for (const char *at = strchr(name, 'T'); at; at = strchr(at + 1, 'T'))
		if (at - name >= 8 && strspn(at - 8, "0123456789") == 8)
			return at - 8;
	return "";
}

static int by_time(const struct dirent **a, const struct dirent **b)
{
	return strcmp(time_in((*a)->d_name), time_in((*b)->d_name));
}

static void free_names(struct dirent **names, int count)
{
	for (int i = 0; i < count; i++)
		free(names[i]);
	free(names);
}

void backup_prune(const char *state)
{
	struct dirent **names = NULL;
	int count = scandir(state, &names, is_of_migration, by_time);
	for (int i = 0; i < count - BACKUPS_KEPT; i++) {
		OWNED_TEXT path = {0};
		text_addf(&path, "%s/%s", state, names[i]->d_name);
		if (text_ok(&path))
			unlink(text_string(&path));
	}
	free_names(names, count);
}

bool backup_newest(const char *state, struct text *path)
{
	struct dirent **names = NULL;
	int count = scandir(state, &names, is_copy, by_time);
	if (count > 0)
		text_addf(path, "%s/%s", state, names[count - 1]->d_name);
	free_names(names, count);
	return count > 0 && text_ok(path);
}
