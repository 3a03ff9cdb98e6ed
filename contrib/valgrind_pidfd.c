/*
 * valgrind_pidfd.c - valgrind 3.19 does not know pidfd_open(2) and pidfd_send_signal(2), without which no service can
 * be started or stopped. This library asks the script that has started valgrind for the descriptor of a process,
 * over the socket that STACKUP_PIDFDS names, and signals by number; every other system call goes its way.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <stdlib.h>
#include <unistd.h>

static long call(long number, const long *a)
{
	register long r10 __asm__("r10") = a[3];
	register long r8 __asm__("r8") = a[4];
	register long r9 __asm__("r9") = a[5];
	long result;
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "0"(number), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	if (result >= 0 || result < -4095)
		return result;
	errno = (int)-result;
	return -1;
}

static int receive(int from)
{
	char byte;
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec into = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {.msg_iov = &into,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control};
	int fd = -1;
	if (recvmsg(from, &message, MSG_CMSG_CLOEXEC) == 1 && CMSG_FIRSTHDR(&message))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
	if (fd < 0)
		errno = ESRCH;
	return fd;
}

static int ask(int pid)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *path = getenv("STACKUP_PIDFDS");
	if (!path || strlen(path) >= sizeof address.sun_path) {
		errno = ENOSYS;
		return -1;
	}
	memcpy(address.sun_path, path, strlen(path) + 1);
	int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int fd = -1;
	if (s >= 0 && !connect(s, (struct sockaddr *)&address, sizeof address) &&
		send(s, &pid, sizeof pid, 0) == sizeof pid)
		fd = receive(s);
	int number = errno;
	if (s >= 0)
		close(s);
	errno = number;
	return fd;
}

static int signal_to(int pidfd, int signal)
{
	char path[64];
	char line[128];
	int pid = 0;
	snprintf(path, sizeof path, "/proc/self/fdinfo/%d", pidfd);
	FILE *info = fopen(path, "re");
	while (info && fgets(line, sizeof line, info))
		if (!strncmp(line, "Pid:", 4))
			pid = atoi(line + 4);
	if (info)
		fclose(info);
	if (pid > 0)
		return kill(pid, signal);
	errno = ESRCH;
	return -1;
}

long syscall(long number, ...)
{
	va_list args;
	long a[6];
	va_start(args, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(args, long);
	va_end(args);
	if (number == SYS_pidfd_open)
		return ask((int)a[0]);
	return number == SYS_pidfd_send_signal ? signal_to((int)a[0], (int)a[1]) : call(number, a);
}

int pidfd_open(pid_t pid, unsigned flags)
{
	(void)flags;
	return ask(pid);
}

int pidfd_send_signal(int pidfd, int signal, siginfo_t *info, unsigned flags)
{
	(void)info;
	(void)flags;
	return signal_to(pidfd, signal);
}
