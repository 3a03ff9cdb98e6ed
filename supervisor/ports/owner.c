#include "ports/owner.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/number.h"
#include "base/own.h"
#include "ports/owner_marks.h"

uint64_t owner_start_ticks(pid_t pid)
{
	OWNED_TEXT line = {0};
	if (!owner_read_file(pid, "stat", &line))
		return 0;
	/* The name in parentheses may hold blanks and parentheses: count from the last one. */
	const char *at = strrchr(text_string(&line), ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	return at ? strtoull(at, NULL, 10) : 0;
}

static int64_t boot_wall_ms(void)
{
	OWNED_TEXT uptime = {0};
	if (!file_read_proc("/proc/uptime", &uptime))
		return 0;
	return clock_wall_ms() - (int64_t)(strtod(text_string(&uptime), NULL) * 1000);
}

static char *user_name(uid_t uid)
{
	struct passwd entry, *found = NULL;
	char buffer[4096];
	if (getpwuid_r(uid, &entry, buffer, sizeof buffer, &found) || !found)
		return NULL;
	return strdup(found->pw_name);
}

static char *command_line(pid_t pid)
{
	struct text words = {0};
	(void)owner_read_file(pid, "cmdline", &words);
	while (words.length && !words.data[words.length - 1])
		text_cut(&words, words.length - 1);
	for (size_t i = 0; i < words.length; i++)
		if (!words.data[i])
			words.data[i] = ' ';
	return text_take(&words);
}

/* docker-ID.scope, libpod-ID.scope, /docker/ID, /kubepods/.../ID: 64 hexadecimal digits. */
static char *container_of(pid_t pid)
{
	OWNED_TEXT groups = {0};
	if (!owner_read_file(pid, "cgroup", &groups))
		return NULL;
	const char *at = text_string(&groups);
	while (*at) {
		size_t digits = strspn(at, "0123456789abcdef");
		if (digits == 64)
			return strndup(at, 12);
		at += digits ? digits : 1;
	}
	return NULL;
}

bool owner_describe(pid_t pid, struct owner *out)
{
	char path[32];
	struct stat st;
	snprintf(path, sizeof path, "/proc/%d", (int)pid);
	*out = (struct owner){.pid = pid};
	if (stat(path, &st))
		return false;
	out->uid = st.st_uid;
	out->start_ticks = owner_start_ticks(pid);
	int64_t ticks = sysconf(_SC_CLK_TCK);
	out->started_wall_ms = boot_wall_ms() + (int64_t)out->start_ticks * 1000 / ticks;
	struct text name = {0};
	if (owner_read_file(pid, "comm", &name) && name.length)
		text_cut(&name, name.length - 1);
	out->name = text_take(&name);
	out->command = command_line(pid);
	out->user = user_name(st.st_uid);
	out->cwd = owner_read_link(pid, "cwd");
	out->container = container_of(pid);
	owner_read_marks(out);
	out->supervisor = !out->run_id && owner_runs_stackup(pid);
	return true;
}

void owner_release(struct owner *owner)
{
	free(owner->name);
	free(owner->command);
	free(owner->user);
	free(owner->cwd);
	free(owner->container);
	free(owner->run_id);
	free(owner->project);
	free(owner->service);
	free(owner->state_dir);
	*owner = (struct owner){0};
}

void owners_release(struct owner_list *owners)
{
	for (size_t i = 0; i < owners->count; i++)
		owner_release(&owners->items[i]);
	list_release(owners);
}

static bool same_directory(const char *a, const char *b)
{
	struct stat first, second;
	return !stat(a, &first) && !stat(b, &second) && first.st_dev == second.st_dev &&
		first.st_ino == second.st_ino;
}

bool owner_is_ours(const struct owner *owner, const char *state)
{
	if (!owner->run_id || !owner->project || !owner->state_dir)
		return false;
	OWNED_TEXT own = {0};
	text_addf(&own, "%s/%s/%d", state, owner->project, owner->instance);
	if (!text_ok(&own))
		return false;
	if (!strncmp(owner->state_dir, own.data, own.length) &&
		(owner->state_dir[own.length] == '/' || !owner->state_dir[own.length]))
		return true;
	return same_directory(owner->state_dir, own.data);
}

/* The inode of "socket:[123]", 0 for anything else. */
static uint64_t socket_inode(int directory, const char *name)
{
	char target[64];
	ssize_t length = readlinkat(directory, name, target, sizeof target - 1);
	static const char prefix[] = "socket:[";
	if (length < (ssize_t)sizeof prefix)
		return 0;
	target[length] = '\0';
	if (memcmp(target, prefix, sizeof prefix - 1) != 0)
		return 0;
	return strtoull(target + sizeof prefix - 1, NULL, 10);
}

typedef bool on_inode(void *self, uint64_t inode);

/* Calls for every socket of the process until the callback says false. */
static void each_socket(pid_t pid, on_inode *call, void *self)
{
	char path[32];
	snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	DIR *directory = opendir(path);
	struct dirent *entry;
	while (directory && (entry = readdir(directory))) {
		uint64_t inode = entry->d_name[0] == '.' ? 0
			: socket_inode(dirfd(directory), entry->d_name);
		if (inode && !call(self, inode))
			break;
	}
	if (directory)
		closedir(directory);
}

struct wanted {
	const uint64_t *inodes;
	size_t count;
	bool found;
};

static bool on_wanted(void *self, uint64_t inode)
{
	struct wanted *wanted = self;
	for (size_t i = 0; !wanted->found && i < wanted->count; i++)
		wanted->found = wanted->inodes[i] == inode;
	return !wanted->found;
}

bool owner_has_socket(pid_t pid, const uint64_t *inodes, size_t count)
{
	struct wanted wanted = {.inodes = inodes, .count = count};
	each_socket(pid, on_wanted, &wanted);
	return wanted.found;
}

struct scan {
	const struct socket_list *sockets;
	struct owner_list *out;
	pid_t pid;
	size_t first; /* entries of this process begin here */
};

static bool is_known(const struct scan *scan, uint64_t inode)
{
	for (size_t i = scan->first; i < scan->out->count; i++)
		if (scan->out->items[i].inode == inode)
			return true;
	return false;
}

static bool on_scanned(void *self, uint64_t inode)
{
	struct scan *scan = self;
	for (size_t i = 0; i < scan->sockets->count; i++) {
		if (scan->sockets->items[i].inode != inode)
			continue;
		struct owner owner;
		if (is_known(scan, inode) || !owner_describe(scan->pid, &owner))
			return true;
		owner.inode = inode;
		if (!list_push(scan->out, owner))
			owner_release(&owner);
		return true;
	}
	return true;
}

/* Whose descriptors could not be read: one entry without a pid. */
static void add_unreadable(const struct socket_list *sockets, size_t first, struct owner_list *out)
{
	for (size_t i = 0; i < sockets->count; i++) {
		const struct socket_entry *socket = &sockets->items[i];
		bool known = !socket->inode;
		for (size_t k = first; k < out->count && !known; k++)
			known = out->items[k].inode == socket->inode;
		if (known)
			continue;
		struct owner owner = {.inode = socket->inode, .uid = socket->uid,
			.user = user_name(socket->uid)};
		if (!list_push(out, owner))
			owner_release(&owner);
	}
}

void owners_find(const struct socket_list *sockets, struct owner_list *out)
{
	size_t first = out->count;
	struct scan scan = {.sockets = sockets, .out = out};
	DIR *proc = sockets->count ? opendir("/proc") : NULL;
	struct dirent *entry;
	while (proc && (entry = readdir(proc))) {
		int64_t pid;
		if (!number_parse(entry->d_name, 1, INT_MAX, &pid))
			continue;
		scan.pid = (pid_t)pid;
		scan.first = out->count;
		each_socket(scan.pid, on_scanned, &scan);
	}
	if (proc)
		closedir(proc);
	add_unreadable(sockets, first, out);
}

void owner_add_line(struct text *out, const struct owner *owner)
{
	if (!owner->pid) {
		text_addf(out, "a process of user %s that cannot be looked at",
			owner->user ? owner->user : "?");
		return;
	}
	text_addf(out, "pid %d", (int)owner->pid);
	if (owner->name && *owner->name)
		text_addf(out, " (%s)", owner->name);
	if (owner->command && *owner->command)
		text_addf(out, ", %s", owner->command);
	if (owner->user)
		text_addf(out, ", user %s", owner->user);
	if (owner->container)
		text_addf(out, ", container %s", owner->container);
	if (owner->project)
		text_addf(out, ", project %s instance %d", owner->project, owner->instance);
	if (owner->project && owner->service)
		text_addf(out, " service %s", owner->service);
}
