/*
 * owner_marks.h - which run of stackup a process belongs to.
 *
 * A service is born with STACKUP_ID and its companions in its environment. Some servers (redis,
 * nginx, PostgreSQL) write their title over it, so that /proc/PID/environ says nothing at all. Of
 * such a process its ancestors are asked: one that has the marks, else the supervisor, who holds the
 * byte of an instance (lock.h) and whose standard error is STATE/PROJECT/N/supervisor.log, with the
 * run's ports.env beside it. Private to this room.
 */
#ifndef LISTENERS_OWNER_MARKS_H
#define LISTENERS_OWNER_MARKS_H

#include "listeners/owner.h"

/* Fills run_id, project, instance, service and state_dir of out->pid, where they can be known. */
void owner_read_marks(struct owner *out);
/* Fills container and unit from the content of a cgroup file or a path (owner.c). */
void owner_read_groups(struct owner *out, const char *groups);
/* A /proc/PID/NAME file, and where such a link leads to (heap, NULL). */
bool owner_read_file(pid_t pid, const char *name, struct text *out);
char *owner_read_link(pid_t pid, const char *name);

#endif
