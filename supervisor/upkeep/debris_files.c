#include <dirent.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/number.h"
#include "base/own.h"
#include "claim/aside.h"
#include "ports/policy.h"
#include "upkeep/debris_parts.h"

struct files {
	const struct debris_rules *rules;
	struct arena *arena;
	struct debris *out;
	const char *root; /* of this walk: where state is, where sockets are */
	const char *project; /* the directory below it that is looked into */
};

typedef void on_name(struct files *f, int directory, const char *name);

/* Every name of a directory that is no link; nothing for one that cannot be opened. */
static void each_name(struct files *f, int parent, const char *name, on_name *call)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;
	if (!directory && fd >= 0)
		close(fd);
	while (directory && (entry = readdir(directory)))
		if (entry->d_name[0] != '.')
			call(f, dirfd(directory), entry->d_name);
	if (directory)
		closedir(directory);
}

/* The number before the end of a name, "3" of "3.sock"; 0 where it is none. */
static int number_before(const char *name, const char *end)
{
	size_t length = strlen(name), rest = strlen(end);
	char digits[16];
	int64_t number;
	if (length <= rest || length - rest >= sizeof digits ||
		strcmp(name + length - rest, end) != 0)
		return 0;
	memcpy(digits, name, length - rest);
	digits[length - rest] = '\0';
	return number_parse(digits, 1, INSTANCE_MOST, &number) ? (int)number : 0;
}

static struct debris_fact *add(struct files *f, enum debris_kind kind, int instance,
	const char *path, const struct stat *st)
{
	struct debris_fact *fact = debris_add(f->arena, f->out, kind, f->project, instance);
	fact->what = fact->path = path;
	fact->is_foreign = st->st_uid != geteuid();
	fact->is_link = S_ISLNK(st->st_mode);
	return fact;
}

/* ---- state ---- */

int64_t debris_bytes(const char *path)
{
	char *const paths[] = {(char *)(uintptr_t)path, NULL};
	FTS *walk = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *entry;
	int64_t bytes = 0;
	while (walk && (entry = fts_read(walk)))
		if (entry->fts_info == FTS_F)
			bytes += entry->fts_statp->st_size;
	if (walk)
		fts_close(walk);
	return bytes;
}

/* A directory that is named like an instance's is one only with something of a run in it. */
static bool is_of_a_run(int directory, const char *name)
{
	static const char *const signs[] = {"logs", "events.jsonl", "supervisor.log", "ports.env"};
	OWNED_FD fd = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	for (size_t i = 0; fd >= 0 && i < sizeof signs / sizeof signs[0]; i++)
		if (!fstatat(fd, signs[i], &st, AT_SYMLINK_NOFOLLOW))
			return true;
	return false;
}

static void on_ports(struct files *f, int directory, const char *name, int instance,
	const char *path)
{
	static const char *const files[] = {"ports.env", "ports.sh"};
	OWNED_FD fd = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	for (size_t i = 0; fd >= 0 && i < sizeof files / sizeof files[0]; i++)
		if (!fstatat(fd, files[i], &st, AT_SYMLINK_NOFOLLOW) && S_ISREG(st.st_mode))
			add(f, DEBRIS_FILE, instance,
				arena_format(f->arena, "%s/%s", path, files[i]), &st);
}

static void on_state(struct files *f, int directory, const char *name)
{
	struct stat st;
	int64_t since_ms = 0;
	int instance = number_before(name, "");
	bool is_aside = !instance && state_is_aside(name, &instance, &since_ms);
	if (!instance || fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) ||
		!(S_ISLNK(st.st_mode) || S_ISDIR(st.st_mode)))
		return;
	if (S_ISDIR(st.st_mode) && !is_of_a_run(directory, name))
		return;
	const char *path = arena_format(f->arena, "%s/%s/%s", f->root, f->project, name);
	struct debris_fact *fact =
		add(f, is_aside ? DEBRIS_ASIDE : DEBRIS_STATE, instance, path, &st);
	fact->since_ms = since_ms;
	if (!is_aside)
		on_ports(f, directory, name, instance, path);
}

static void on_state_project(struct files *f, int directory, const char *name)
{
	f->project = name;
	each_name(f, directory, name, on_state);
}

/* ---- sockets ---- */

static void on_socket(struct files *f, int directory, const char *name)
{
	struct stat st;
	int instance = number_before(name, ".sock");
	if (!instance)
		instance = number_before(name, ".ntfy");
	if (instance && !fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) && S_ISSOCK(st.st_mode))
		add(f, DEBRIS_SOCKET, instance,
			arena_format(f->arena, "%s/%s/%s", f->root, f->project, name), &st);
}

static void on_socket_project(struct files *f, int directory, const char *name)
{
	f->project = name;
	each_name(f, directory, name, on_socket);
}

/* ---- rosters ---- */

static void add_rosters(struct files *f)
{
	struct rosters rosters = {0};
	const struct roster_query all = {.of_any_boot = true};
	struct stat st;
	rosters_read(f->rules->state, &all, &rosters);
	for (size_t i = 0; i < rosters.count; i++) {
		const struct roster *roster = &rosters.items[i];
		f->project = roster->head.project;
		if (!lstat(roster->path, &st))
			add(f, DEBRIS_FILE, (int)roster->head.instance,
				arena_string(f->arena, roster->path), &st)->is_roster = true;
	}
	rosters_release(&rosters);
}

/* A root may be reached through a link of the user's; nothing below it is followed. */
static void walk(struct files *f, const char *root, on_name *call)
{
	OWNED_FD fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	f->root = root;
	if (fd >= 0)
		each_name(f, fd, ".", call);
}

void debris_find_files(const struct debris_rules *rules, struct arena *arena, struct debris *out)
{
	struct files f = {.rules = rules, .arena = arena, .out = out};
	walk(&f, rules->state, on_state_project);
	walk(&f, rules->run, on_socket_project);
	add_rosters(&f);
}
