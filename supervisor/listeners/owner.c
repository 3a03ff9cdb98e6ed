#include "listeners/owner.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/own.h"
#include "listeners/container.h"
#include "listeners/owner_marks.h"
#include "listeners/process.h"
#include "registry/lock.h"

uint64_t owner_start_ticks(pid_t pid)
{
	struct process process;
	return process_read(pid, &process) ? process.start_ticks : 0;
}

/* Start times count from boot, and suspended time is part of it (proc(5)). */
static int64_t boot_wall_ms(void)
{
	struct timespec since;
	if (clock_gettime(CLOCK_BOOTTIME, &since))
		return 0;
	return clock_wall_ms() - (int64_t)since.tv_sec * 1000 - since.tv_nsec / 1000000;
}

char *owner_user_name(uid_t uid)
{
	struct passwd entry, *found = NULL;
	char buffer[4096];
	if (!getpwuid_r(uid, &entry, buffer, sizeof buffer, &found) && found)
		return strdup(found->pw_name);
	struct text number = {0};
	text_addf(&number, "%u", (unsigned)uid);
	return text_take(&number);
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

static char *take_or_drop(bool found, struct text *text)
{
	if (found)
		return text_take(text);
	text_release(text);
	return NULL;
}

static char *container_of(const char *groups)
{
	struct text id = {0};
	return take_or_drop(container_of_groups(groups, &id), &id);
}

static char *unit_of(const char *groups)
{
	struct text unit = {0};
	return take_or_drop(service_of_groups(groups, &unit), &unit);
}

/* Where we are ourselves is no reason to treat somebody as a stranger. */
static void drop_shared(char **theirs, char *own)
{
	if (*theirs && own && !strcmp(*theirs, own)) {
		free(*theirs);
		*theirs = NULL;
	}
	free(own);
}

void owner_read_groups(struct owner *out, const char *groups)
{
	OWNED_TEXT own = {0};
	out->container = container_of(groups);
	out->unit = unit_of(groups);
	if (!out->container && !out->unit)
		return;
	(void)file_read_proc("/proc/self/cgroup", &own);
	drop_shared(&out->container, container_of(text_string(&own)));
	drop_shared(&out->unit, unit_of(text_string(&own)));
}

static void read_container(struct owner *out)
{
	OWNED_TEXT groups = {0};
	struct text published = {0};
	uint16_t port;
	bool udp;
	if (owner_read_file(out->pid, "cgroup", &groups))
		owner_read_groups(out, text_string(&groups));
	if (!out->container && out->command)
		out->container = take_or_drop(
			container_of_proxy(out->command, &published, &port, &udp), &published);
}

/* The directory of a process that may not be dumped belongs to root; this line is the truth. */
static uid_t user_of(pid_t pid, uid_t fallback)
{
	OWNED_TEXT status = {0};
	const char *line = owner_read_file(pid, "status", &status)
		? strstr(text_string(&status), "\nUid:\t") : NULL;
	/* real, effective, saved and file system uid */
	line = line ? strchr(line + strlen("\nUid:\t"), '\t') : NULL;
	return line ? (uid_t)strtoul(line, NULL, 10) : fallback;
}

bool owner_describe(pid_t pid, struct owner *out)
{
	char path[32];
	struct stat st;
	snprintf(path, sizeof path, "/proc/%d", (int)pid);
	*out = (struct owner){.pid = pid};
	if (stat(path, &st))
		return false;
	out->uid = user_of(pid, st.st_uid);
	out->start_ticks = owner_start_ticks(pid);
	int64_t ticks = sysconf(_SC_CLK_TCK);
	out->started_wall_ms = boot_wall_ms() + (int64_t)out->start_ticks * 1000 / ticks;
	struct text name = {0};
	if (owner_read_file(pid, "comm", &name) && name.length)
		text_cut(&name, name.length - 1);
	out->name = text_take(&name);
	out->command = command_line(pid);
	out->user = owner_user_name(out->uid);
	out->cwd = owner_read_link(pid, "cwd");
	read_container(out);
	owner_read_marks(out);
	out->supervisor = !out->run_id && instance_lock_is_among_first_of(pid);
	return true;
}

static char *copy(const char *text)
{
	return text ? strdup(text) : NULL;
}

struct owner owner_copy(const struct owner *from)
{
	struct owner to = *from;
	to.name = copy(from->name);
	to.command = copy(from->command);
	to.user = copy(from->user);
	to.cwd = copy(from->cwd);
	to.container = copy(from->container);
	to.unit = copy(from->unit);
	to.run_id = copy(from->run_id);
	to.project = copy(from->project);
	to.service = copy(from->service);
	to.state_dir = copy(from->state_dir);
	return to;
}

void owner_release(struct owner *owner)
{
	free(owner->name);
	free(owner->command);
	free(owner->user);
	free(owner->cwd);
	free(owner->container);
	free(owner->unit);
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

/* A command can be a whole program of many lines: its beginning tells who it is. */
static void add_command(struct text *out, const char *command)
{
	enum { SHOWN = 120 };
	size_t length = 0;
	for (; length < SHOWN && command[length]; length++)
		if (command[length] == '\n')
			break;
	bool whole = !command[length];
	/* Not within a character of several bytes, nor behind a blank. */
	while (length && ((command[length] & 0xc0) == 0x80 || command[length - 1] == ' '))
		length--;
	text_add_bytes(out, command, length);
	if (!whole)
		text_add(out, " ...");
}

/* Without formats: a scan tells thousands of owners. */
static void add_part(struct text *out, const char *before, const char *value, const char *after)
{
	if (!value || !*value)
		return;
	text_add(out, before);
	text_add(out, value);
	text_add(out, after);
}

void owner_add_line(struct text *out, const struct owner *owner)
{
	if (owner->pid) {
		text_add(out, "pid ");
		text_add_number(out, (uint64_t)owner->pid);
	} else {
		text_add(out, "a process that cannot be looked at");
	}
	add_part(out, " (", owner->name, ")");
	if (owner->command && *owner->command) {
		text_add(out, ", ");
		add_command(out, owner->command);
	}
	add_part(out, ", user ", owner->user, "");
	add_part(out, ", container ", owner->container, "");
	add_part(out, ", unit ", owner->unit, "");
	add_part(out, ", project ", owner->project, "");
	if (owner->project) {
		text_add(out, " instance ");
		text_add_number(out, (uint64_t)owner->instance);
		add_part(out, " service ", owner->service, "");
	}
}
