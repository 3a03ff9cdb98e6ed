/*
 * alone.h - a place of its own for a test: a network namespace, so that no other program's ports are in
 * the way, and a directory for state that is gone afterwards.
 */
#ifndef TESTS_UNIT_ALONE_H
#define TESTS_UNIT_ALONE_H

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"

static inline void alone_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		(void)!write(fd, text, strlen(text));
		close(fd);
	}
}

/* Keeps the uid; false where the system allows no namespaces. */
static inline bool alone_network(void)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	if (unshare(CLONE_NEWNET)) {
		char map[64];
		if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
			return false;
		alone_write("/proc/self/setgroups", "deny");
		snprintf(map, sizeof map, "%u %u 1", uid, uid);
		alone_write("/proc/self/uid_map", map);
		snprintf(map, sizeof map, "%u %u 1", gid, gid);
		alone_write("/proc/self/gid_map", map);
	}
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	bool up = fd >= 0 && !ioctl(fd, SIOCSIFFLAGS, &request);
	close(fd);
	return up;
}

/* Whether alone_network() would work, tried in a child. Says so where it would not. */
static inline bool alone_is_possible(void)
{
	int status = 1;
	pid_t child = fork();
	if (!child)
		_exit(!alone_network());
	bool possible = waitpid(child, &status, 0) == child && !status;
	if (!possible)
		fprintf(stderr, "skipped: network namespaces are not allowed here\n");
	return possible;
}

/* A fresh private directory; alone_remove() with the same buffer. */
static inline const char *alone_directory(char buffer[64])
{
	snprintf(buffer, 64, "/tmp/stackup-test-XXXXXX");
	return mkdtemp(buffer);
}

static inline void alone_remove(char buffer[64])
{
	file_remove_tree(buffer, NULL);
}

#endif
