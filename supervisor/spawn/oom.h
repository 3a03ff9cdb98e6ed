/*
 * oom.h - whether the kernel's OOM killer took a process.
 *
 * Nobody is told who sent a SIGKILL, but the kernel counts the processes that it ends for want of
 * memory, and it counts before it signals. So a SIGKILL that nobody of ours has sent, with a count
 * that has risen since the last look, was the OOM killer's. The count is that of our own control
 * group and what is below it (`oom_kill` of memory.events, cgroup v2), where there is none that of
 * the machine (/proc/vmstat, since Linux 4.13).
 */
#ifndef SPAWN_OOM_H
#define SPAWN_OOM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

struct oom {
	struct text path; /* owns; of the file that has the count */
	uint64_t count; /* at the last look */
};

/* The first look. Without memory or without such a file nothing is ever found out. */
void oom_open(struct oom *oom);
void oom_close(struct oom *oom);

/* True when the OOM killer has struck since the last look. About 10 us. */
bool oom_struck(struct oom *oom);

/* Where the count of a member of these groups (/proc/PID/cgroup) would be; false: nowhere. */
bool oom_path_of(const char *membership, struct text *path);

#endif
