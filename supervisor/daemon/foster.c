/*
 * foster.c - what the supervisor before this one has started: children of the guardian, which tells of
 * their end and reaps them when we are done with it (spawn/guardian.h).
 *
 * When the guardian dies, too, they are nobody's: their leaders are seen to end by their pidfds, how is not
 * known, and what they leave is found by its marks (orphans/leftovers.h) when all services are down.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/resume.h"
#include "orphans/leftovers.h"
#include "spawn/proc.h"

struct orphan {
	struct io_watch watch;
	struct instance *instance; /* borrows */
	int fd; /* owns: a pidfd; -1: it has ended */
	pid_t pid;
};

static void on_told(struct io_watch *watch, int events)
{
	(void)events;
	children_reap(watch->owner);
}

void foster_begin(struct instance *in)
{
	tree_fostered(&in->tree, in->guardian.pid);
	io_watch_init(&in->fosters, in->loop, in->guardian.socket, EV_READ, on_told, in);
	ev_set_priority(&in->fosters.io, EV_MAXPRI);
	io_watch_start(&in->fosters);
}

void foster_heard(struct instance *in)
{
	if (in->guardian.early.pid && in->tree.foster)
		ev_feed_event(in->loop, &in->fosters.io, EV_READ);
}

static void forget(struct orphan *orphan)
{
	if (orphan->fd < 0)
		return;
	io_watch_stop(&orphan->watch);
	close(orphan->fd);
	orphan->fd = -1;
}

void foster_end(struct instance *in)
{
	if (in->fosters.owner)
		io_watch_stop(&in->fosters);
	for (size_t i = 0; i < in->orphans.count; i++) {
		forget(in->orphans.items[i]);
		free(in->orphans.items[i]);
	}
	list_release(&in->orphans);
}

/* ---- without a guardian ---- */

static void on_ended(struct io_watch *watch, int events)
{
	(void)events;
	struct orphan *orphan = watch->owner;
	struct instance *in = orphan->instance;
	struct exit_status status = {.pid = orphan->pid, .code = -1, .signal = SIGKILL};
	forget(orphan);
	children_ended(in, &status);
}

static void watch_orphan(struct instance *in, const struct child *child)
{
	struct proc_stat stat;
	struct orphan *orphan;
	bool ours = child->pid && proc_stat(child->pid, &stat) && stat.parent == getpid();
	if (!child->pid || ours || !(orphan = calloc(1, sizeof *orphan)))
		return;
	*orphan = (struct orphan){
		.instance = in, .fd = fcntl(child->pidfd, F_DUPFD_CLOEXEC, 0), .pid = child->pid};
	if (orphan->fd < 0 || !list_push(&in->orphans, orphan)) {
		forget(orphan);
		free(orphan);
		return;
	}
	io_watch_init(&orphan->watch, in->loop, orphan->fd, EV_READ, on_ended, orphan);
	io_watch_start(&orphan->watch);
}

static void lose(struct instance *in)
{
	io_watch_stop(&in->fosters);
	tree_fostered(&in->tree, 0);
	in->orphaned = true;
	for (int row = 0; row < second_row(in); row++) {
		watch_orphan(in, &keeper_run(in->keeper, row)->leader);
		watch_orphan(in, &keeper_run(in->keeper, row)->hook);
	}
}

void foster_sweep(struct instance *in)
{
	struct error e = {0};
	if (in->orphaned && leftovers_remove(in->paths.state, in->claim.project, in->claim.instance, NULL, 0,
				    &in->claim.removed, &e))
		tell_event(in, -1, EVENT_WARNING, e.text);
}

int foster_next(struct instance *in, struct exit_status *status)
{
	if (!in->tree.foster)
		return 0;
	int got = guardian_next_end(&in->guardian, status);
	if (got < 0)
		lose(in);
	return got == 1;
}
