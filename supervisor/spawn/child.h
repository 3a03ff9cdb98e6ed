/*
 * child.h - starts processes from complete recipes and reaps them.
 *
 * One struct spawner a supervisor. It owns a single close-on-exec pipe on which a child that fails
 * between fork and exec reports {pid, stage, errno} in one atomic write, so that a failed exec is
 * told apart from a program that exits 127, and a start costs no descriptor but its pidfd.
 *
 * 1. spawner_open() once, before the first start.
 * 2. spawner_start() forks and returns at once: a hanging exec hangs only the child. Nothing of the
 *    outcome is known yet.
 * 3. On SIGCHLD call spawner_reap() until it returns 0 (or until the turn has done enough: what is
 *    left stays a zombie and is found by the next call). It reaps whatever ended: children started
 *    here, adopted orphans. The caller knows its pids; all others are orphans that need nothing.
 *    Nobody else in the process may wait for children in general.
 *
 * What a child gets: a session of its own (pid = process group = session), stdin /dev/null or what
 * the recipe says, all signals default and none blocked, umask 022, the limits of the time of
 * spawner_open(), exactly the descriptors 0, 1, 2 and the listen descriptors from 3 on. A text busy
 * program (ETXTBSY) is tried again in the child, 5 times every 100 ms.
 */
#ifndef SPAWN_CHILD_H
#define SPAWN_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>

#include "base/error.h"
#include "base/list.h"
#include "model/recipe.h"
#include "spawn/oom.h"
#include "spawn/pad.h"

/* Where a child was when it failed; the words are in messages and in struct exit_status.stage. */
#define SPAWN_STAGES(X)                                                                            \
	X(SPAWN_SESSION, "session")                                                                \
	X(SPAWN_TERMINAL, "terminal")                                                              \
	X(SPAWN_DESCRIPTORS, "descriptors")                                                        \
	X(SPAWN_LIMITS, "limits")                                                                  \
	X(SPAWN_GROUPS, "groups")                                                                  \
	X(SPAWN_USER, "user")                                                                      \
	X(SPAWN_DIRECTORY, "directory")                                                            \
	X(SPAWN_EXEC, "exec")                                                                      \
	X(SPAWN_KILLED, "killed before exec") /* number is 0, signal says which */

#define X(name, word) name,
enum spawn_stage { SPAWN_STAGES(X) };
#undef X
const char *spawn_stage_word(enum spawn_stage stage);

enum { SPAWN_LISTEN_MOST = 64 };

/* What a child that failed writes to the pipe. */
struct spawn_failure {
	pid_t pid;
	int stage;
	int number;
};

struct spawner {
	int error_read;      /* owns */
	int error_write;     /* owns */
	int null_fd;         /* owns; /dev/null */
	struct rlimit files; /* what children get where their recipe does not say */
	struct pad pad; /* owns */
	struct oom oom; /* owns */
	LIST(struct spawn_failure) failures; /* reported on the pipe, not reaped yet */
	LIST(pid_t) unborn; /* started, and nobody has said that they are their programs */
	bool unborn_lost; /* the list is not complete */
};

/*
 * Opens the pipe and raises our own limit of descriptors to the hard one (children still get the
 * soft limit there was before).
 */
int spawner_open(struct spawner *spawner, struct error *e);
void spawner_close(struct spawner *spawner);

/*
 * Forks. 0: *child is filled, the outcome comes with its exit. -1: no process was made; e->number
 * EAGAIN, ENOMEM, EMFILE, ENFILE are shortages that pass.
 */
int spawner_start(
	struct spawner *spawner, const struct recipe *recipe, struct child *child, struct error *e);

/*
 * It is known that this child has become its program: its end needs less looking into. Only an economy;
 * other pids are ignored.
 */
void spawner_born(struct spawner *spawner, pid_t pid);

/* 1: one process reaped, *status is filled. 0: nothing has ended. */
int spawner_reap(struct spawner *spawner, struct exit_status *status);

/*
 * Signals the child itself through its pidfd, or its process group (only before it is reaped, while
 * its number is still its own). One that is gone already is success; -1 only for EPERM.
 */
int child_signal(const struct child *child, int signal);
int child_signal_group(const struct child *child, int signal);
/* Of a process whose number is certain to be its own: a pidfd, -1 where there is none to be had. */
int child_reach(pid_t pid);
/* True when it has ended, reaped or not. */
bool child_await_end(pid_t pid, int patience_ms);
/* Closes the pidfd and forgets the pid. */
void child_forget(struct child *child);

#endif
