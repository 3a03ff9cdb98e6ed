/*
 * instances.h - numbered copies of a project's stack, and who runs them.
 *
 * A row stays after `down`: it is the claim of a worktree on its number. The row's status is what
 * was last written: running from the claim on, stopped by `down`, crashed since somebody found
 * that it had died without that. Whether an instance lives is answered only by its lock byte
 * (ports/lock). pid, start time, boot id and namespaces say whom to signal, never whether somebody
 * is alive.
 *
 * Of machines that share a home off a local disk, none sees the lock bytes of the others: what
 * another one has recorded as running is taken to run there, and left alone.
 */
#ifndef REGISTRY_INSTANCES_H
#define REGISTRY_INSTANCES_H

#include <sys/types.h>

#include "registry/registry.h"

#define INSTANCE_STATUSES(X)                                                                       \
	X(INSTANCE_STOPPED, "stopped")                                                             \
	X(INSTANCE_RUNNING, "running")                                                             \
	X(INSTANCE_CRASHED, "crashed")
#define X(name, word) name,
enum instance_status { INSTANCE_STATUSES(X) };
#undef X
const char *instance_status_word(enum instance_status status);

/* The process that owns a run, and where its numbers mean something. */
struct owner_mark {
	pid_t pid;
	pid_t guardian_pid;
	uint64_t start_ticks; /* field 22 of /proc/PID/stat */
	char boot_id[40];
	uint64_t netns; /* inodes of /proc/self/ns/net and pid */
	uint64_t pidns;
};
/* Of the calling process. */
void owner_mark_self(struct owner_mark *mark);
/* Same boot and pid namespace: its pid can be spoken of here. */
bool owner_mark_is_here(const struct owner_mark *mark);

struct instance {
	int64_t project_id;
	int number; /* 1..; 11 to 20 are in the project's second block, and so on */
	int spans; /* ten-port ranges it takes, from its own on */
	int block;
	const char *project; /* name */
	const char *worktree;
	const char *purpose;
	const char *git_dir; /* of a linked worktree, .git/worktrees/NAME; "" of a main one */
	const char *git_mark; /* tells that directory from a later one of its name; "" where unknown */
	const char *branch;
	const char *commit; /* that was checked out at the last use; "" where unknown */
	const char *environment;
	const char *run_id; /* STACKUP_ID of the last run */
	const char *created_at; /* when its worktree claimed it */
	const char *started_at;
	const char *last_used_at;
	enum instance_status status;
	const char *elsewhere; /* name of the other machine where it runs, else ""; filled by queries */
	int64_t generation; /* counts runs */
	int64_t used; /* order of use within the project, greater is later; no clock */
	struct owner_mark owner;
};

static inline bool instance_is_elsewhere(const struct instance *instance)
{
	return instance->elsewhere && *instance->elsewhere;
}

/* 1, 0, -1 as in projects.h. */
int instance_find(struct registry *r, int64_t project_id, int number, struct arena *arena,
	struct instance *out, struct error *e);
/* Of one project, or of all with project_id 0; by project and number. */
int instance_list(struct registry *r, int64_t project_id, struct arena *arena,
	struct instance **out, size_t *count, struct error *e);

/* Insert or update by (project_id, number); generation and used grow by one and are filled. */
int instance_put(struct registry *r, struct instance *instance, struct error *e);
/* The same run is used once more: its worktree (where it is now), branch and commit; used grows. */
int instance_touch(struct registry *r, const struct instance *instance, struct error *e);
/* Its worktree and branch as they are now, unless it was used again since the row was read. */
int instance_follow(struct registry *r, const struct instance *instance, struct error *e);
/* Forgets it, its leases and what the pool kept for it. While nothing of it runs, in a transaction. */
int instance_drop(struct registry *r, int64_t project_id, int number, struct error *e);
/* What the stack file makes of the run, once it has been read; NULL leaves what is there. */
int instance_describe(struct registry *r, int64_t project_id, int number, const char *environment,
	const char *purpose, struct error *e);
/* Also writes the owner when mark is not NULL. It was in use until it is stopped. */
int instance_set_status(struct registry *r, int64_t project_id, int number,
	enum instance_status status, const struct owner_mark *mark, struct error *e);

#endif
