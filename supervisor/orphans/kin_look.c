#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "orphans/kin.h"

struct looking {
	const struct rosters *rosters;
	struct kin_list *out;
};

/* The inode of the pipe that is open there; 0. */
static uint64_t pipe_at(pid_t pid, int descriptor)
{
	char path[48], target[48];
	static const char prefix[] = "pipe:[";
	snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)pid, descriptor);
	ssize_t length = readlink(path, target, sizeof target - 1);
	if (length < (ssize_t)sizeof prefix || memcmp(target, prefix, sizeof prefix - 1) != 0)
		return 0;
	target[length] = '\0';
	return strtoull(target + sizeof prefix - 1, NULL, 10);
}

/* Only asked of those whose number is in a row. */
static uint64_t identity_of(const struct rosters *rosters, pid_t pid)
{
	for (size_t i = 0; i < rosters->count; i++)
		for (size_t row = 0; row < rosters->items[i].count; row++)
			if (rosters->items[i].rows[row].pid == pid) {
				OWNED_FD fd = pidfd_open(pid, 0);
				return fd >= 0 ? process_identity(fd) : 0;
			}
	return 0;
}

static bool is_of_other_run(const struct rosters *rosters, pid_t pid)
{
	OWNED_TEXT id = {0};
	if (!owner_variable(pid, "STACKUP_ID", &id))
		return false;
	for (size_t i = 0; i < rosters->count; i++)
		if (!strcmp(text_string(&id), rosters->items[i].head.run_id))
			return false;
	return true;
}

static void on_process(void *self, pid_t pid)
{
	struct looking *l = self;
	struct kin_process p = {0};
	if (!process_read(pid, &p.process) || p.process.is_dead)
		return;
	p.identity = identity_of(l->rosters, pid);
	p.outputs[0] = pipe_at(pid, STDOUT_FILENO);
	p.outputs[1] = pipe_at(pid, STDERR_FILENO);
	p.is_other = is_of_other_run(l->rosters, pid);
	(void)list_push(l->out, p);
}

static int by_pid(const void *first, const void *second)
{
	const struct kin_process *a = first, *b = second;
	return (a->process.pid > b->process.pid) - (a->process.pid < b->process.pid);
}

void kin_look(const struct rosters *rosters, struct kin_list *out)
{
	struct looking l = {rosters, out};
	if (!rosters->count)
		return;
	process_each(on_process, &l);
	if (out->count)
		qsort(out->items, out->count, sizeof *out->items, by_pid);
	kin_conclude(out, rosters);
}

/* ---- whose sockets ---- */

static bool is_mute(const struct owner *owner)
{
	return owner->pid && !owner->run_id && !owner->supervisor &&
		(owner->uid == geteuid() || !geteuid());
}

static void mark(const char *state, const struct kin_list *kin, struct owner *owner)
{
	for (size_t i = 0; i < kin->count; i++) {
		const struct kin_process *p = &kin->items[i];
		if (p->kin && p->process.pid == owner->pid &&
			p->process.start_ticks == owner->start_ticks)
			roster_mark(p->roster, p->row, state, owner);
	}
}

void kin_mark_owners(const char *state, struct owner_list *owners)
{
	struct rosters rosters = {0};
	struct kin_list kin = {0};
	const struct roster_query all = {0};
	size_t mute = 0;
	for (size_t i = 0; i < owners->count; i++)
		mute += is_mute(&owners->items[i]);
	if (mute)
		rosters_read(state, &all, &rosters);
	rosters_keep_dead(state, &rosters);
	kin_look(&rosters, &kin);
	for (size_t i = 0; i < owners->count; i++)
		if (is_mute(&owners->items[i]))
			mark(state, &kin, &owners->items[i]);
	list_release(&kin);
	rosters_release(&rosters);
}
