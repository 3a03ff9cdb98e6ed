/*
 * The service of the benchmarks: as small as a process can be, and it says when it did what.
 *
 *   tick FIFO [start] [notify] [listen] [flood BYTES]
 *
 * Every stamp is one atomic record {clock in ns, pid, what} into the FIFO. Then it waits to die.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "stamp.h"

static int fifo;

static void stamp(char what)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	struct stamp record = {.ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec, .pid = getpid(),
		.what = what};
	if (write(fifo, &record, sizeof record) != (ssize_t)sizeof record)
		_exit(3);
}

static void notify(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	if (!path || strlen(path) >= sizeof at.sun_path)
		_exit(4);
	memcpy(at.sun_path, path, strlen(path));
	if (path[0] == '@')
		at.sun_path[0] = '\0';
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	sendto(fd, "READY=1", 7, 0, (struct sockaddr *)&at,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path)));
}

static void listen_on_port(void)
{
	const char *port = getenv("PORT");
	struct sockaddr_in at = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)strtol(port ? port : "0", NULL, 10)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(fd, 8) < 0)
		_exit(5);
}

static void flood(int64_t bytes)
{
	static char block[64 * 1024];
	for (size_t i = 0; i < sizeof block; i++)
		block[i] = i % 100 == 99 ? '\n' : 'x';
	while (bytes > 0) {
		ssize_t n = write(STDOUT_FILENO, block, sizeof block);
		if (n <= 0)
			_exit(6);
		bytes -= n;
	}
}

int main(int argc, char **argv)
{
	if (argc < 2 || (fifo = open(argv[1], O_WRONLY | O_CLOEXEC)) < 0)
		return 2;
	for (int i = 2; i < argc; i++) {
		if (strcmp(argv[i], "start") == 0) {
			stamp('s');
		} else if (strcmp(argv[i], "notify") == 0) {
			stamp('r');
			notify();
		} else if (strcmp(argv[i], "listen") == 0) {
			listen_on_port();
			stamp('r');
		} else if (strcmp(argv[i], "flood") == 0 && i + 1 < argc) {
			stamp('f');
			flood(strtoll(argv[++i], NULL, 10));
			stamp('e');
		}
	}
	for (;;)
		pause();
}
