#include "orphans/ending.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>

#include "base/clock.h"
#include "base/own.h"
#include "listeners/process.h"

/* -1: it has ended. */
static int open_same(const struct owner *owner)
{
	OWNED_FD fd = pidfd_open(owner->pid, 0);
	struct process now;
	bool same = fd >= 0 && process_read(owner->pid, &now) && !now.is_dead &&
		now.start_ticks == owner->start_ticks;
	return same ? take_fd(&fd) : -1;
}

bool ending_is_over(const struct owner *owner)
{
	OWNED_FD fd = open_same(owner);
	return fd < 0;
}

int ending_signal(const struct owner *owner, int signal)
{
	OWNED_FD fd = open_same(owner);
	if (fd < 0)
		return 0;
	int result = pidfd_send_signal(fd, signal, NULL, 0);
	if (signal == SIGTERM && !result)
		(void)pidfd_send_signal(fd, SIGCONT, NULL, 0);
	return result && errno != ESRCH ? -1 : 0;
}

void ending_wait(const struct owner *owner, int64_t deadline_ms)
{
	OWNED_FD fd = open_same(owner);
	struct pollfd end = {.fd = fd, .events = POLLIN};
	int64_t left = deadline_ms - clock_now_ms();
	if (fd >= 0 && left > 0)
		(void)poll(&end, 1, (int)left);
}
