#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/list.h"
#include "spawn/tree.h"
#include "spawn/tree_walk.h"

enum {
	MEMORY_MOST = 4096,
	FREEZE_LOOKS = 24, /* each stops what was forked since the last: a few are always enough */
	KILL_ROUNDS = 4,
	SIGNAL_LOOKS = 8,      /* one that was adopted during a look is seen by the next */
	UNSURE_PAUSE_US = 100, /* an exec or an end is over soon */
};

struct signalling {
	struct tree *tree;
	int service;
	int signal;
	pid_t spared; /* a process group; 0: none */
	bool remember;
	size_t fresh;  /* processes that this look saw for the first time */
	pid_t refused; /* EPERM: one that refused */
	LIST(struct tree_memory) seen;
};

static void send(struct signalling *s, pid_t pid, int pidfd, int signal)
{
	if (syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) && errno == EPERM)
		s->refused = pid;
}

static bool was_seen(const struct signalling *s, const struct proc_stat *stat)
{
	for (size_t i = 0; i < s->seen.count; i++)
		if (s->seen.items[i].pid == stat->pid && s->seen.items[i].start == stat->start)
			return true;
	return false;
}

/* True the first time. */
static bool note(struct signalling *s, const struct proc_stat *stat)
{
	struct tree_memory seen = {.pid = stat->pid, .start = stat->start};
	if (was_seen(s, stat))
		return false;
	s->fresh++;
	list_push(&s->seen, seen);
	return true;
}

/* So that one that loses its parent now is still known as this service's. */
static void remember(struct signalling *s, const struct proc_stat *stat)
{
	struct tree *tree = s->tree;
	struct tree_memory seen = {.pid = stat->pid, .start = stat->start, .service = s->service};
	if (tree_find_known(tree, stat->pid) || tree->memory.count >= MEMORY_MOST)
		return;
	for (size_t i = 0; i < tree->memory.count; i++)
		if (tree->memory.items[i].pid == stat->pid &&
			tree->memory.items[i].start == stat->start)
			return;
	list_push(&tree->memory, seen);
}

static void signal_one(void *self, const struct proc_stat *stat, int pidfd)
{
	struct signalling *s = self;
	if (!note(s, stat))
		return;
	if (s->remember)
		remember(s, stat);
	if (!s->spared || stat->group != s->spared)
		send(s, stat->pid, pidfd, s->signal);
}

static void freeze_one(void *self, const struct proc_stat *stat, int pidfd)
{
	struct signalling *s = self;
	if (s->remember)
		remember(s, stat);
	note(s, stat);
	if (stat->state != 'T')
		send(s, stat->pid, pidfd, SIGSTOP);
}

static void kill_one(void *self, const struct proc_stat *stat, int pidfd)
{
	struct signalling *s = self;
	note(s, stat);
	send(s, stat->pid, pidfd, SIGKILL);
}

static void look_until_nothing_is_new(struct signalling *s, struct tree_walk *walk, int most)
{
	for (int look = 0; look < most; look++) {
		s->fresh = 0;
		walk->unsure = false;
		tree_walk(walk);
		if (!s->fresh && !walk->unsure)
			return;
		if (walk->unsure && look + 1 < most)
			nanosleep(&(struct timespec){.tv_nsec = UNSURE_PAUSE_US * 1000L}, NULL);
	}
}

/*
 * While anything of it still runs, a tree can fork faster than it is killed, and a killed parent
 * takes the ancestry with it by which its children are known. So first everything stops, look by
 * look until nothing is new; then all are killed where they stand.
 */
static void kill_tree(struct signalling *s, struct tree_walk *walk)
{
	for (int round = 0; round < KILL_ROUNDS; round++) {
		walk->visit = freeze_one;
		look_until_nothing_is_new(s, walk, FREEZE_LOOKS);
		walk->visit = kill_one;
		tree_walk(walk);
		if (!s->fresh)
			return;
	}
}

static int run(struct signalling *s, struct tree_walk *walk, struct error *e)
{
	if (s->signal == SIGKILL)
		kill_tree(s, walk);
	else
		look_until_nothing_is_new(s, walk, SIGNAL_LOOKS);
	list_release(&s->seen);
	if (!s->refused)
		return 0;
	errno = EPERM;
	fail_errno(e, EXIT_FAILED, "process %d cannot be signalled", (int)s->refused);
	error_hint(e, "it runs as another user now; end it as that user");
	return -1;
}

static int signal_but(
	struct tree *tree, int service, pid_t spared, int signal, struct error *e)
{
	struct signalling s = {.tree = tree, .service = service, .signal = signal,
		.spared = spared, .remember = service >= 0};
	struct tree_walk walk = {
		.tree = tree, .proven = true, .service = service, .visit = signal_one, .self = &s};
	return run(&s, &walk, e);
}

int tree_signal(struct tree *tree, int service, int signal, struct error *e)
{
	return signal_but(tree, service, 0, signal, e);
}

int tree_signal_strays(struct tree *tree, int service, int signal, struct error *e)
{
	return signal_but(tree, service, tree->leaders[service].pid, signal, e);
}

int tree_signal_helper(struct tree *tree, pid_t helper, int signal, struct error *e)
{
	struct signalling s = {.tree = tree, .signal = signal};
	struct tree_walk walk = {
		.tree = tree, .proven = true, .helper = helper, .visit = signal_one, .self = &s};
	return run(&s, &walk, e);
}
