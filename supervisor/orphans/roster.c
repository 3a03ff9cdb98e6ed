#include "orphans/roster.h"

#include <dirent.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/list.h"
#include "base/own.h"
#include "listeners/process.h"
#include "registry/instances.h"
#include "registry/lock.h"

enum { ROSTER_MOST = 16 * 1024 * 1024 };
static const char magic[8] = "leaders2";
static const char suffix[] = ".leaders";

/* ---- writing ---- */

static void set_words(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from);
}

static void write_at(const struct roster *roster, const void *bytes, size_t length, size_t offset)
{
	if (roster->fd >= 0)
		(void)!pwrite(roster->fd, bytes, length, (off_t)offset);
}

static void write_row(const struct roster *roster, size_t row)
{
	write_at(roster, &roster->rows[row], sizeof roster->rows[row],
		sizeof roster->head + row * sizeof roster->rows[row]);
}

void roster_begin(struct roster *roster, const char *state, int64_t project_id, const char *project,
	int instance, const char *run_id)
{
	struct owner_mark self;
	OWNED_TEXT path = {0};
	owner_mark_self(&self);
	struct roster_head head = {.project_id = project_id, .instance = instance,
		.pidns = self.pidns, .seen_ticks = process_ticks_now()};
	memcpy(head.magic, magic, sizeof magic);
	set_words(head.run_id, sizeof head.run_id, run_id);
	set_words(head.boot_id, sizeof head.boot_id, self.boot_id);
	set_words(head.project, sizeof head.project, project);
	*roster = (struct roster){.fd = -1, .head = head};
	text_addf(&path, "%s/locks/p%lld-%d%s", state, (long long)project_id, instance, suffix);
	roster->path = text_take(&path);
	if (!roster->path)
		return;
	(void)unlink(roster->path);
	roster->fd = open(roster->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	write_at(roster, &head, sizeof head, 0);
}

static uint64_t inode_of(int fd)
{
	struct stat st;
	return fd >= 0 && !fstat(fd, &st) && S_ISFIFO(st.st_mode) ? st.st_ino : 0;
}

/* The lowest free row, or a new one. */
static size_t free_row(struct roster *roster)
{
	size_t row = 0;
	while (row < roster->count && roster->rows[row].pid)
		row++;
	if (row == roster->count &&
		list_reserve(&roster->rows, &roster->capacity, row + 1, sizeof *roster->rows))
		roster->count++;
	return row;
}

void roster_add(struct roster *roster, const char *service, pid_t pid, int pidfd,
	const int outputs[2])
{
	struct process process = {0};
	size_t row = roster->fd < 0 ? roster->count : free_row(roster);
	if (row == roster->count || !process_read(pid, &process))
		return;
	roster->rows[row] = (struct roster_row){.pid = pid,
		.start_ticks = process.start_ticks,
		.identity = process_identity(pidfd),
		.outputs = {inode_of(outputs[0]), inode_of(outputs[1])}};
	set_words(roster->rows[row].service, sizeof roster->rows[row].service, service);
	write_row(roster, row);
}

static struct roster_row *row_of(const struct roster *roster, pid_t leader)
{
	for (size_t row = 0; leader && row < roster->count; row++)
		if (roster->rows[row].pid == leader)
			return &roster->rows[row];
	return NULL;
}

void roster_ended(struct roster *roster, pid_t leader)
{
	struct roster_row *row = row_of(roster, leader);
	if (!row)
		return;
	row->ended_ticks = process_ticks_now();
	write_row(roster, (size_t)(row - roster->rows));
}

void roster_drop(struct roster *roster, pid_t leader)
{
	struct roster_row *row = row_of(roster, leader);
	if (!row)
		return;
	*row = (struct roster_row){0};
	write_row(roster, (size_t)(row - roster->rows));
}

void roster_seen(struct roster *roster)
{
	roster->head.seen_ticks = process_ticks_now();
	write_at(roster, &roster->head.seen_ticks, sizeof roster->head.seen_ticks,
		offsetof(struct roster_head, seen_ticks));
}

void roster_end(struct roster *roster)
{
	if (roster->fd >= 0)
		(void)unlink(roster->path);
	roster_close(roster);
}

void roster_close(struct roster *roster)
{
	own_close(&roster->fd);
	free(roster->path);
	list_free(roster->rows);
	*roster = (struct roster){.fd = -1};
}

void roster_go_on(struct roster *roster, const char *state, int64_t project_id, const char *project,
	int instance, const char *run_id)
{
	struct rosters all = {0};
	const struct roster_query query = {.project = project, .instance = instance};
	rosters_read(state, &query, &all);
	*roster = (struct roster){.fd = -1};
	for (size_t i = 0; i < all.count && roster->fd < 0; i++) {
		struct roster *found = &all.items[i];
		if (strcmp(found->head.run_id, run_id) != 0)
			continue;
		*roster = *found;
		*found = (struct roster){.fd = -1};
		roster->fd = open(roster->path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	}
	rosters_release(&all);
	if (roster->fd >= 0)
		return;
	roster_close(roster);
	roster_begin(roster, state, project_id, project, instance, run_id);
}

/* ---- reading ---- */

struct reading {
	const struct roster_query *query;
	struct owner_mark self;
	struct rosters *out;
};

static bool is_whole(const struct text *content)
{
	struct roster_head head;
	if (content->length < sizeof head)
		return false;
	memcpy(&head, content->data, sizeof head);
	return !memcmp(head.magic, magic, sizeof magic) && !head.run_id[sizeof head.run_id - 1] &&
		!head.boot_id[sizeof head.boot_id - 1] && !head.project[sizeof head.project - 1];
}

static bool is_wanted(const struct reading *r, const struct roster_head *head)
{
	const struct roster_query *q = r->query;
	bool is_here = !strcmp(head->boot_id, r->self.boot_id) && head->pidns == r->self.pidns;
	return (is_here || q->of_any_boot) &&
		(!q->project || !strcmp(head->project, q->project)) &&
		(!q->instance || head->instance == q->instance) &&
		!(q->but_run && !strcmp(head->run_id, q->but_run));
}

static bool take_rows(struct roster *roster, const struct text *content)
{
	size_t count = (content->length - sizeof roster->head) / sizeof *roster->rows;
	if (count && !list_reserve(&roster->rows, &roster->capacity, count, sizeof *roster->rows))
		return false;
	if (count)
		memcpy(roster->rows, content->data + sizeof roster->head,
			count * sizeof *roster->rows);
	roster->count = count;
	for (size_t i = 0; i < count; i++)
		roster->rows[i].service[sizeof roster->rows[i].service - 1] = '\0';
	return true;
}

static void read_one(struct reading *r, const char *path)
{
	OWNED_TEXT content = {0};
	struct roster roster = {.fd = -1};
	struct stat st;
	if (lstat(path, &st) || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
		file_read(path, ROSTER_MOST, &content, NULL) || !is_whole(&content))
		return;
	memcpy(&roster.head, content.data, sizeof roster.head);
	if (!is_wanted(r, &roster.head))
		return;
	roster.path = strdup(path);
	if (!roster.path || !take_rows(&roster, &content) || !list_push(r->out, roster))
		roster_close(&roster);
}

static bool is_roster(const char *name)
{
	size_t length = strlen(name);
	return name[0] == 'p' && length > sizeof suffix &&
		!strcmp(name + length - (sizeof suffix - 1), suffix);
}

void rosters_read(const char *state, const struct roster_query *query, struct rosters *out)
{
	struct reading r = {.query = query, .out = out};
	OWNED_TEXT path = {0};
	struct dirent *entry;
	text_addf(&path, "%s/locks/", state);
	size_t length = path.length;
	DIR *directory = text_ok(&path) ? opendir(text_string(&path)) : NULL;
	owner_mark_self(&r.self);
	while (directory && (entry = readdir(directory))) {
		if (!is_roster(entry->d_name))
			continue;
		text_cut(&path, length);
		text_add(&path, entry->d_name);
		if (text_ok(&path))
			read_one(&r, text_string(&path));
	}
	if (directory)
		closedir(directory);
}

void rosters_keep_dead(const char *state, struct rosters *rosters)
{
	for (size_t i = rosters->count; i-- > 0;) {
		struct roster *roster = &rosters->items[i];
		if (!instance_is_alive(state, roster->head.project_id, (int)roster->head.instance))
			continue;
		roster_close(roster);
		list_remove(rosters, i);
	}
}

void rosters_forget(struct rosters *rosters)
{
	for (size_t i = 0; i < rosters->count; i++)
		(void)unlink(rosters->items[i].path);
}

void rosters_release(struct rosters *rosters)
{
	for (size_t i = 0; i < rosters->count; i++)
		roster_close(&rosters->items[i]);
	list_release(rosters);
}

void roster_mark(const struct roster *roster, const struct roster_row *row, const char *state,
	struct owner *owner)
{
	OWNED_TEXT dir = {0};
	text_addf(&dir, "%s/%s/%lld", state, roster->head.project,
		(long long)roster->head.instance);
	free(owner->run_id);
	free(owner->project);
	free(owner->service);
	free(owner->state_dir);
	owner->run_id = strdup(roster->head.run_id);
	owner->project = strdup(roster->head.project);
	owner->service = strdup(row->service);
	owner->state_dir = text_take(&dir);
	owner->instance = (int)roster->head.instance;
	owner->by_roster = true;
}
