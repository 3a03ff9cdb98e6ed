#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "base/own.h"
#include "spawn/guardian.h"
#include "spawn/guardian_guard.h"

/* Only what the guardian has taken for itself goes back to what the first supervisor had. */
static void give_back_oom_score(int score)
{
	char digits[16];
	OWNED_FD fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	int length = snprintf(digits, sizeof digits, "%d", score);
	if (fd >= 0)
		(void)file_write_all(fd, digits, (size_t)length);
}

/* What people send waits until the loop of the new one asks for it. Until here everything was blocked. */
static void keep_signals_waiting(void)
{
	sigset_t waiting;
	sigemptyset(&waiting);
	sigaddset(&waiting, SIGTERM);
	sigaddset(&waiting, SIGINT);
	sigaddset(&waiting, SIGHUP);
	sigaddset(&waiting, SIGCHLD);
	sigprocmask(SIG_SETMASK, &waiting, NULL);
}

static _Noreturn void become(pid_t guardian, int program_fd, int stderr_fd, int oom_score, int socket)
{
	static char name[] = "stackup";
	static char word[] = GUARDIAN_RESUME;
	char *const argv[] = {name, word, NULL};
	guardian_settle_supervisor(guardian, stderr_fd);
	keep_signals_waiting();
	give_back_oom_score(oom_score);
	int from = fcntl(socket, F_DUPFD_CLOEXEC, GUARDIAN_SOCKET + 1);
	int program = program_fd < 0 ? -1 : fcntl(program_fd, F_DUPFD_CLOEXEC, GUARDIAN_SOCKET + 1);
	if (dup2(from, GUARDIAN_SOCKET) < 0)
		_exit(GUARDIAN_NO_FORK);
	if (program >= 0)
		fexecve(program, argv, environ);
	else
		execve("/proc/self/exe", argv, environ);
	_exit(GUARDIAN_NO_FORK);
}

pid_t guardian_replace(int program_fd, int stderr_fd, int oom_score, int *socket)
{
	int ends[2];
	pid_t self = getpid();
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return -1;
	pid_t pid = fork();
	if (pid == 0)
		become(self, program_fd, stderr_fd, oom_score, ends[1]);
	close(ends[1]);
	if (pid < 0)
		close(ends[0]);
	else
		*socket = ends[0];
	return pid;
}
