#include "cli/shared/waiting.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"

/* glibc has wrappers only since 2.36. */
int process_open(pid_t pid)
{
	return pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
}

bool process_ended(int fd, int64_t timeout_ms)
{
	int64_t deadline = clock_now_ms() + timeout_ms;
	if (fd < 0)
		return true;
	for (;;) {
		struct pollfd wait = {.fd = fd, .events = POLLIN};
		int64_t left = timeout_ms < 0 ? -1 : deadline - clock_now_ms();
		if (timeout_ms >= 0 && left < 0)
			left = 0;
		int ready = poll(&wait, 1, (int)left);
		if (ready > 0)
			return true;
		if (ready == 0 || errno != EINTR)
			return false;
	}
}

int process_signal(int fd, int signal)
{
	return (int)syscall(SYS_pidfd_send_signal, fd, signal, NULL, 0);
}
