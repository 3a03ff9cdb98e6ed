#include "spawn/guardian_sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "spawn/proc.h"

/*
 * Only direct children are signalled: their numbers stay theirs until we reap them, so no stranger
 * can be hit. What is below a killed one becomes our child before its end is reported.
 */
static bool kill_one(void *self, pid_t child)
{
	(void)self;
	kill(child, SIGKILL);
	return true;
}

static void wait_for_a_death(int most_ms)
{
	const struct timespec most = {most_ms / 1000, most_ms % 1000 * 1000000L};
	sigset_t child;
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigtimedwait(&child, NULL, &most);
}

/* How many; -1 when there is nothing left to wait for. */
static int reap_dead(void)
{
	siginfo_t info;
	int reaped = -1;
	do {
		reaped++;
		info.si_pid = 0;
		if (proc_wait(P_ALL, 0, &info, WEXITED | WNOHANG) && errno == ECHILD)
			return -1;
	} while (info.si_pid);
	return reaped;
}

bool guardian_sweep(int patience_ms)
{
	int64_t last_end = clock_now_ms();
	int reaped;
	while ((reaped = reap_dead()) >= 0) {
		proc_children(getpid(), kill_one, NULL);
		int64_t now = clock_now_ms();
		if (reaped)
			last_end = now;
		else if (now - last_end > patience_ms)
			return false;
		wait_for_a_death(50);
	}
	return true;
}

/* Where splice(2) cannot: a file opened with O_APPEND, some file systems. */
static bool copy_block(int pipe_fd, int log_fd)
{
	char block[16 * 1024];
	ssize_t got = read(pipe_fd, block, sizeof block);
	if (got < 0)
		return errno == EINTR;
	return got > 0 && !file_write_all(log_fd, block, (size_t)got);
}

void guardian_drain(int pipe_fd, int log_fd)
{
	/* Whoever else still holds the write end must not make us wait. */
	int flags = fcntl(pipe_fd, F_GETFL);
	if (flags < 0 || fcntl(pipe_fd, F_SETFL, flags | O_NONBLOCK))
		return;
	bool can_splice = true;
	for (;;) {
		ssize_t moved = -1;
		if (can_splice)
			moved = splice(pipe_fd, NULL, log_fd, NULL, 1 << 20, SPLICE_F_MOVE);
		if (moved > 0 || (moved < 0 && can_splice && errno == EINTR))
			continue;
		if (moved == 0 || (can_splice && errno == EAGAIN))
			return;
		if (can_splice && errno != EINVAL)
			return;
		can_splice = false;
		if (!copy_block(pipe_fd, log_fd))
			return;
	}
}
