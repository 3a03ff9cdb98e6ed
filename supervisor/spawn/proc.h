/*
 * proc.h - /proc as this room needs it, without the heap: the guardian uses it too.
 *
 * Everything here can be out of date when it returns. What a signal depends on is checked again
 * behind a pidfd by the caller.
 */
#ifndef SPAWN_PROC_H
#define SPAWN_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/wait.h>

#include "base/error.h"
#include "base/text.h"

/* -1: /proc does not tell the children of a process, without which nothing could be stopped. */
int proc_require(struct error *e);

struct proc_stat {
	pid_t pid;
	pid_t parent;
	pid_t group;
	pid_t session;
	char state;     /* of its first thread */
	long threads;   /* living ones; more than one: a 'Z' is only the first thread's end */
	uint64_t start; /* clock ticks after boot */
	char name[16];  /* comm, at most 15 characters */
};

/* False when there is no such process (any more). */
bool proc_stat(pid_t pid, struct proc_stat *stat);
static inline bool proc_is_dead(const struct proc_stat *stat)
{
	return (stat->state == 'Z' || stat->state == 'X') && stat->threads <= 1;
}

/* Whether it is called so in the process table; a third of the price of proc_stat(). */
bool proc_is_called(pid_t pid, const char *name);

/* waitid(2) that goes on after EINTR. */
int proc_wait(idtype_t type, id_t id, siginfo_t *info, int flags);

/* Calls visit(self, child) for each child of each thread; stops when it returns false. */
void proc_children(pid_t pid, bool (*visit)(void *self, pid_t child), void *self);

/* Calls visit(self, number) for each numeric name in a directory of /proc; false: cannot be read.
 */
bool proc_numbers(const char *directory, bool (*visit)(void *self, int number), void *self);

/* The environment as NUL-separated text; false when it cannot be read. On the heap. */
bool proc_environ(pid_t pid, struct text *out);
/*
 * True while a process has no memory, or none with an environment yet: in the middle of its exec or
 * of its end. What proc_environ says then (nothing) is not what it is called with.
 */
bool proc_is_between(pid_t pid);
/* True when "NAME=value" is one whole entry of it. */
bool proc_environ_has(const struct text *environ_text, const char *entry);

/* "/proc/PID/REST" into a buffer; rest may be "". Async-signal-safe. */
enum { PROC_PATH_SIZE = 64 };
const char *proc_path(char buffer[PROC_PATH_SIZE], pid_t pid, const char *rest);

#endif
