/*
 * The same work by bare system calls: what a supervisor is measured against.
 *
 *   bare start N FIFO TICK        fork and exec N, then on a line of standard input kill and wait
 *   bare restart FIFO TICK        keeps one alive by pidfd, until its standard input ends
 *   bare notify N FIFO TICK       a chain of N, each started when the one before says READY=1
 *   bare splice FILE FIFO TICK BYTES   one flood, spliced from its pipe into a file
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static pid_t start(char *const argv[], int out)
{
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	setsid();
	if (out >= 0)
		dup2(out, STDOUT_FILENO);
	execv(argv[0], argv);
	_exit(127);
}

static void wait_for_input(void)
{
	char byte;
	while (read(STDIN_FILENO, &byte, 1) < 0 && errno == EINTR)
		continue;
}

static int bare_start(int n, char *fifo, char *tick)
{
	char *argv[] = {tick, fifo, (char[]){"start"}, NULL};
	pid_t *pids = calloc((size_t)n, sizeof *pids);
	if (!pids)
		return 1;
	printf("%lld\n", (long long)now_ns());
	fflush(stdout);
	for (int i = 0; i < n; i++)
		pids[i] = start(argv, -1);
	wait_for_input();
	int64_t began = now_ns();
	for (int i = 0; i < n; i++)
		kill(pids[i], SIGTERM);
	for (int i = 0; i < n; i++)
		waitpid(pids[i], NULL, 0);
	printf("%lld\n", (long long)(now_ns() - began));
	free(pids);
	return 0;
}

static int bare_restart(char *fifo, char *tick)
{
	char *argv[] = {tick, fifo, (char[]){"start"}, NULL};
	for (;;) {
		pid_t pid = start(argv, -1);
		int fd = (int)syscall(SYS_pidfd_open, pid, 0);
		struct pollfd polls[2] = {{.fd = fd, .events = POLLIN},
			{.fd = STDIN_FILENO, .events = POLLIN}};
		while (poll(polls, 2, -1) < 0)
			continue;
		int ended = polls[1].revents != 0;
		if (ended)
			kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		close(fd);
		if (ended)
			return 0;
	}
}

static int bare_notify(int n, char *fifo, char *tick)
{
	char *argv[] = {tick, fifo, (char[]){"start"}, (char[]){"notify"}, NULL};
	char name[64];
	int length = snprintf(name, sizeof name, "@bare-notify-%d", (int)getpid());
	setenv("NOTIFY_SOCKET", name, 1);
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	memcpy(at.sun_path + 1, name + 1, (size_t)length - 1);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (bind(fd, (struct sockaddr *)&at, (socklen_t)(sizeof at.sun_family + (size_t)length)) < 0)
		return 1;
	pid_t *pids = calloc((size_t)n, sizeof *pids);
	for (int i = 0; pids && i < n; i++) {
		pids[i] = start(argv, -1);
		char text[64];
		while (recv(fd, text, sizeof text, 0) < 0)
			continue;
	}
	wait_for_input();
	for (int i = 0; pids && i < n; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
	free(pids);
	return 0;
}

static int bare_splice(const char *file, char *fifo, char *tick, char *bytes)
{
	char *argv[] = {tick, fifo, (char[]){"flood"}, bytes, NULL};
	int ends[2], out = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (out < 0 || pipe2(ends, O_CLOEXEC) < 0)
		return 1;
	fcntl(ends[0], F_SETPIPE_SZ, 1 << 20);
	pid_t pid = start(argv, ends[1]);
	int64_t left = strtoll(bytes, NULL, 10);
	while (left > 0) {
		ssize_t n = splice(ends[0], NULL, out, NULL, 1 << 20, SPLICE_F_MOVE);
		if (n <= 0)
			return 1;
		left -= n;
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 5 && strcmp(argv[1], "start") == 0)
		return bare_start((int)strtol(argv[2], NULL, 10), argv[3], argv[4]);
	if (argc == 4 && strcmp(argv[1], "restart") == 0)
		return bare_restart(argv[2], argv[3]);
	if (argc == 5 && strcmp(argv[1], "notify") == 0)
		return bare_notify((int)strtol(argv[2], NULL, 10), argv[3], argv[4]);
	if (argc == 6 && strcmp(argv[1], "splice") == 0)
		return bare_splice(argv[2], argv[3], argv[4], argv[5]);
	fprintf(stderr, "bare: see the head of bare.c\n");
	return 2;
}
