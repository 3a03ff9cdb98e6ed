#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "spawn/tree.h"
#include "spawn/tree_walk.h"

enum { LINK_SIZE = 32 };

struct listener_search {
	char wanted[LINK_SIZE];       /* "socket:[INODE]" */
	const struct proc_stat *stat; /* being looked into */
	struct tree_listener *seen;
	bool found;
	bool closed_doors; /* somebody's descriptors could not be read */
};

static bool is_socket(pid_t pid, int fd, const char *wanted)
{
	char path[PROC_PATH_SIZE];
	char rest[24];
	char target[LINK_SIZE];
	snprintf(rest, sizeof rest, "fd/%d", fd);
	ssize_t length = readlink(proc_path(path, pid, rest), target, sizeof target - 1);
	if (length < 0)
		return false;
	target[length] = '\0';
	return !strcmp(target, wanted);
}

static bool look_at_fd(void *self, int fd)
{
	struct listener_search *search = self;
	if (!is_socket(search->stat->pid, fd, search->wanted))
		return true;
	search->found = true;
	*search->seen = (struct tree_listener){
		.pid = search->stat->pid, .start = search->stat->start, .fd = fd};
	return false;
}

static void look_into(void *self, const struct proc_stat *stat, int pidfd)
{
	struct listener_search *search = self;
	char path[PROC_PATH_SIZE];
	(void)pidfd;
	if (search->found)
		return;
	search->stat = stat;
	if (!proc_numbers(proc_path(path, stat->pid, "fd"), look_at_fd, search))
		search->closed_doors = true;
}

/*
 * A look needs a few descriptors (/proc/PID/task, .../children, .../fd). When we have none left, not
 * having found the socket says nothing.
 */
static bool could_look(void)
{
	int fds[3];
	size_t opened = 0;
	while (opened < 3 && (fds[opened] = open("/proc/self/stat", O_RDONLY | O_CLOEXEC)) >= 0)
		opened++;
	bool enough = opened == 3;
	while (opened)
		close(fds[--opened]);
	return enough;
}

static bool is_still_there(const struct tree_listener *seen, const char *wanted)
{
	struct proc_stat stat;
	return seen->pid && proc_stat(seen->pid, &stat) && stat.start == seen->start &&
		is_socket(seen->pid, seen->fd, wanted);
}

pid_t tree_listener_pid(struct tree *tree, int service, uint64_t inode, struct tree_listener *seen)
{
	struct listener_search search = {.seen = seen};
	snprintf(search.wanted, sizeof search.wanted, "socket:[%" PRIu64 "]", inode);
	if (is_still_there(seen, search.wanted))
		return seen->pid;
	*seen = (struct tree_listener){0};
	struct tree_walk walk = {
		.tree = tree, .service = service, .visit = look_into, .self = &search};
	tree_walk(&walk);
	if (search.found)
		return seen->pid;
	return search.closed_doors || !could_look() ? TREE_UNKNOWN : TREE_STRANGER;
}
