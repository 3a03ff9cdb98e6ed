#include "spawn/tree_walk.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/own.h"

static bool add_pid(void *self, pid_t child)
{
	struct pid_list *list = self;
	return list_push(list, child);
}

static bool add_other(void *self, pid_t child)
{
	return child == getpid() || add_pid(self, child);
}

/* Nobody's child, so nobody keeps its number for us: its environment says that it is still the one. */
static bool is_lost(const struct tree *tree, pid_t pid)
{
	OWNED_TEXT environment = {0};
	return tree->orphaned && tree_find_known(tree, pid) && proc_environ(pid, &environment) &&
		proc_environ_has(&environment, tree->id);
}

static void add_lost(const struct tree *tree, struct pid_list *out)
{
	struct proc_stat stat;
	for (size_t i = 0; i < tree->known.count; i++) {
		pid_t pid = tree->known.items[i].pid;
		if (proc_stat(pid, &stat) && stat.parent != tree->self && is_lost(tree, pid))
			(void)list_push(out, pid);
	}
}

void tree_direct(const struct tree *tree, struct pid_list *out)
{
	proc_children(tree->self, add_pid, out);
	if (tree->foster)
		proc_children(tree->foster, add_other, out);
	if (tree->orphaned)
		add_lost(tree, out);
}

/* Cheaper than /proc, and there may be ten thousand of them. */
static bool is_zombie(pid_t direct)
{
	siginfo_t info = {0};
	return !proc_wait(P_PID, (id_t)direct, &info, WEXITED | WNOHANG | WNOWAIT) && info.si_pid;
}

static int owner_by_memory(const struct tree *tree, const struct proc_stat *stat)
{
	for (size_t i = 0; i < tree->memory.count; i++) {
		const struct tree_memory *seen = &tree->memory.items[i];
		if (seen->pid == stat->pid && seen->start == stat->start)
			return seen->service;
	}
	return OWNER_NOBODY;
}

static int owner_by_session(const struct tree *tree, const struct proc_stat *stat)
{
	for (size_t i = 0; i < tree->leader_count; i++)
		if (tree->leaders[i].pid && tree->leaders[i].pid == stat->session)
			return (int)i;
	return OWNER_NOBODY;
}

static bool __attribute__((format(printf, 2, 3))) has_entry(
	const struct text *environment, const char *format, ...)
{
	OWNED_TEXT entry = {0};
	va_list args;
	va_start(args, format);
	text_vaddf(&entry, format, args);
	va_end(args);
	return text_ok(&entry) && proc_environ_has(environment, entry.data);
}

/* The second tree of that service, where one is and the process says that it is of it. */
static int which_run(const struct tree *tree, int service, const struct text *environment)
{
	for (size_t i = 0; i < tree->leader_count; i++) {
		const struct tree_leader *leader = &tree->leaders[i];
		if (leader->of == service && leader->pid
			&& has_entry(environment, "STACKUP_RUN=%llu", (unsigned long long)leader->run))
			return (int)i;
	}
	return service;
}

static int owner_by_marker(const struct tree *tree, pid_t pid)
{
	OWNED_TEXT content = {0};
	/* Newer kernels say ESRCH for a process whose memory is gone, older ones an empty file. */
	errno = 0;
	if (!proc_environ(pid, &content))
		return errno == ESRCH ? OWNER_UNSURE : OWNER_NOBODY;
	if (!content.length && proc_is_between(pid))
		return OWNER_UNSURE;
	if (!proc_environ_has(&content, tree->id))
		return OWNER_NOBODY;
	for (size_t i = 0; i < tree->leader_count; i++)
		if (has_entry(&content, "STACKUP_SERVICE=%s", tree->leaders[i].name))
			return which_run(tree, (int)i, &content);
	return OWNER_NOBODY;
}

static bool has_output(const struct tree_leader *leader, const struct stat *st)
{
	for (size_t i = 0; i < 2; i++)
		if (leader->outputs[i].inode && leader->outputs[i].inode == st->st_ino
			&& leader->outputs[i].device == st->st_dev)
			return true;
	return false;
}

/* Two trees of a service share its log: while both have their leaders, it tells nothing. */
static int owner_of_output(const struct tree *tree, const struct stat *st)
{
	int owner = OWNER_NOBODY;
	for (size_t i = 0; i < tree->leader_count; i++) {
		const struct tree_leader *leader = &tree->leaders[i];
		if (!has_output(leader, st))
			continue;
		if (owner >= 0 && leader->alive && tree->leaders[owner].alive)
			return OWNER_NOBODY;
		if (owner < 0 || leader->alive)
			owner = (int)i;
	}
	return owner;
}

static int owner_by_output(const struct tree *tree, pid_t pid)
{
	static const char *const outputs[] = {"fd/1", "fd/2"};
	char path[PROC_PATH_SIZE];
	int owner = OWNER_NOBODY;
	struct stat st;
	for (size_t i = 0; i < 2 && owner == OWNER_NOBODY; i++)
		if (!stat(proc_path(path, pid, outputs[i]), &st) && S_ISFIFO(st.st_mode))
			owner = owner_of_output(tree, &st);
	return owner;
}

int tree_owner(const struct tree *tree, pid_t direct)
{
	const struct tree_known *known = tree_find_known(tree, direct);
	if (known)
		return known->service >= 0 ? known->service : OWNER_HELPER;
	struct proc_stat stat;
	if (is_zombie(direct) || !proc_stat(direct, &stat) || proc_is_dead(&stat))
		return OWNER_DEAD;
	int owner = owner_by_memory(tree, &stat);
	if (owner == OWNER_NOBODY)
		owner = owner_by_session(tree, &stat);
	if (owner == OWNER_NOBODY)
		owner = owner_by_marker(tree, direct);
	if (owner == OWNER_NOBODY)
		owner = owner_by_output(tree, direct);
	return owner;
}

/* A zombie still counts as there: its number is still taken. */
static bool exists(int pidfd)
{
	return pidfd < 0 || !syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0);
}

static void walk_one(struct tree_walk *walk, pid_t pid, pid_t parent, int parent_fd)
{
	OWNED_FD fd = walk->proven ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
	if (walk->proven && fd < 0)
		return;
	struct proc_stat stat;
	if (!proc_stat(pid, &stat))
		return;
	bool adopted = stat.parent == walk->tree->self || stat.parent == walk->tree->foster ||
		is_lost(walk->tree, pid);
	if (!adopted && (stat.parent != parent || !exists(parent_fd)))
		return;
	size_t first = walk->pending.count;
	proc_children(pid, add_pid, &walk->pending);
	if (!proc_is_dead(&stat))
		walk->visit(walk->self, &stat, fd);
	size_t end = walk->pending.count;
	for (size_t i = first; i < end; i++)
		walk_one(walk, walk->pending.items[i], pid, fd);
	walk->pending.count = first;
}

void tree_walk_below(struct tree_walk *walk, pid_t direct)
{
	walk_one(walk, direct, walk->tree->self, -1);
}

static bool is_of_helper(const struct tree_walk *walk, pid_t direct)
{
	struct proc_stat stat;
	if (direct == walk->helper)
		return true;
	return !tree_find_known(walk->tree, direct) && proc_stat(direct, &stat) &&
		stat.session == walk->helper;
}

static bool is_wanted(struct tree_walk *walk, pid_t direct)
{
	if (walk->helper)
		return is_of_helper(walk, direct);
	if (walk->service == TREE_EVERYTHING)
		return true;
	int owner = tree_owner(walk->tree, direct);
	if (owner == OWNER_UNSURE)
		walk->unsure = true;
	return owner == walk->service;
}

void tree_walk(struct tree_walk *walk)
{
	struct pid_list direct = {0};
	tree_direct(walk->tree, &direct);
	for (size_t i = 0; i < direct.count; i++)
		if (is_wanted(walk, direct.items[i]))
			tree_walk_below(walk, direct.items[i]);
	list_release(&direct);
	list_release(&walk->pending);
}
