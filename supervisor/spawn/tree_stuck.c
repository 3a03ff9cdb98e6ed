#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "spawn/tree.h"
#include "spawn/tree_walk.h"

struct judging {
	char *why;
	size_t size;
	size_t stuck;
	bool mortal; /* one that will end, or that nothing is known against */
};

static void note(struct judging *j, const struct proc_stat *stat, const char *what)
{
	if (!j->stuck++)
		snprintf(j->why, j->size, "process %d (%s) %s", (int)stat->pid, stat->name, what);
}

/* 'Z' is said of a process whose first thread has ended while another one cannot. */
static bool waits_in_kernel(const struct proc_stat *stat)
{
	return stat->state == 'D' || stat->state == 'Z';
}

static void judge_one(void *self, const struct proc_stat *stat, int pidfd)
{
	struct judging *j = self;
	if (syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0) && errno == EPERM)
		note(j, stat, "runs as another user now; end it as that user");
	else if (waits_in_kernel(stat))
		note(j, stat, "waits in the kernel, as for a disk that does not answer");
	else
		j->mortal = true;
}

static pid_t tracer_of(pid_t pid)
{
	static const char key[] = "\nTracerPid:\t";
	char path[PROC_PATH_SIZE];
	OWNED_TEXT status = {0};
	if (!file_read_proc(proc_path(path, pid, "status"), &status))
		return 0;
	const char *at = strstr(text_string(&status), key);
	return at ? (pid_t)strtol(at + strlen(key), NULL, 10) : 0;
}

/* A dead leader is ours to reap only when its debugger has let go of it. */
static void judge_leader(struct judging *j, const struct tree_leader *leader)
{
	struct proc_stat stat;
	if (!leader->alive || !proc_stat(leader->pid, &stat) || !proc_is_dead(&stat))
		return;
	pid_t tracer = tracer_of(leader->pid);
	char what[64];
	snprintf(what, sizeof what, "is dead, and held by its debugger, process %d", (int)tracer);
	if (tracer)
		note(j, &stat, what);
	else
		j->mortal = true;
}

bool tree_withstands(struct tree *tree, int service, char *why, size_t size)
{
	struct judging j = {.why = why, .size = size};
	struct tree_walk walk = {
		.tree = tree, .proven = true, .service = service, .visit = judge_one, .self = &j};
	tree_walk(&walk);
	for (int i = 0; i < (int)tree->leader_count; i++)
		if (service == i || service == TREE_EVERYTHING)
			judge_leader(&j, &tree->leaders[i]);
	return j.stuck && !j.mortal && !walk.unsure;
}

static void find_stopped(void *self, const struct proc_stat *stat, int pidfd)
{
	pid_t *found = self;
	(void)pidfd;
	if (stat->state == 't')
		*found = stat->pid;
}

pid_t tree_at_breakpoint(struct tree *tree, int service)
{
	pid_t found = 0;
	struct tree_walk walk = {
		.tree = tree, .service = service, .visit = find_stopped, .self = &found};
	tree_walk(&walk);
	return found;
}
