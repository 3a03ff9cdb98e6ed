/* The actor's HTTP server: one request a connection, one connection at a time, on purpose simple. */
#include "actor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

int64_t monotonic_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void write_all(int fd, const char *bytes, uint64_t length)
{
	while (length > 0) {
		ssize_t n = write(fd, bytes, length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		bytes += n;
		length -= (uint64_t)n;
	}
}

static int bind_v4(const char *address, long port, int plain)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	if (inet_pton(AF_INET, address, &at.sin_addr) != 1)
		return -1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;
	if (!plain)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(fd, 64) < 0) {
		int saved = errno;
		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

void serve_adopt(struct actor *actor, int fd)
{
	if (actor->listener_count == SERVERS_MOST)
		_exit(99);
	actor->listeners[actor->listener_count++] = fd;
}

void serve_listen(struct actor *actor, long port)
{
	int fd = bind_v4(actor->address ? actor->address : "127.0.0.1", port, actor->plain_bind);
	if (fd < 0) {
		fprintf(stderr, "actor: cannot listen on port %ld: %s\n", port, strerror(errno));
		_exit(98);
	}
	serve_adopt(actor, fd);
}

static void sleep_ms(int64_t ms)
{
	struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000};
	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		continue;
}

static int read_request(int fd, char *line, size_t size)
{
	size_t used = 0;
	while (used + 1 < size) {
		ssize_t n = read(fd, line + used, size - 1 - used);
		if (n <= 0)
			break;
		used += (size_t)n;
		line[used] = '\0';
		if (strstr(line, "\r\n\r\n"))
			return 1;
	}
	return used > 0;
}

static void answer(struct actor *actor, int listener)
{
	int fd = accept(listener, NULL, NULL);
	if (fd < 0)
		return;
	char request[4096] = "";
	if (read_request(fd, request, sizeof request)) {
		if (actor->delay_ms > 0)
			sleep_ms(actor->delay_ms);
		int status = actor->status;
		if (actor->health_file && access(actor->health_file, F_OK) != 0)
			status = 503;
		const char *service = getenv("STACKUP_SERVICE");
		char body[1024], head[2048];
		int n = snprintf(body, sizeof body, "%s %d\n", service ? service : "actor", (int)getpid());
		const char *text = actor->body ? actor->body : body;
		size_t length = actor->body ? strlen(text) : (size_t)n;
		int m = snprintf(head, sizeof head,
			"HTTP/1.1 %d Status\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
			status, length);
		write_all(fd, head, (uint64_t)m);
		write_all(fd, text, length);
	}
	close(fd);
}

void serve(struct actor *actor, int64_t ms, const char *path)
{
	int64_t end = ms < 0 ? INT64_MAX : monotonic_ms() + ms;
	for (;;) {
		int64_t left = end - monotonic_ms();
		if (left <= 0 || (path && access(path, F_OK) == 0))
			return;
		struct pollfd polls[SERVERS_MOST];
		for (int i = 0; i < actor->listener_count; i++)
			polls[i] = (struct pollfd){.fd = actor->listeners[i], .events = POLLIN};
		int most = path ? 5 : 60000;
		int wait = left < most ? (int)left : most;
		struct timespec most_wait = {.tv_sec = wait / 1000, .tv_nsec = wait % 1000 * 1000000L};
		sigset_t mask;
		sigprocmask(SIG_SETMASK, NULL, &mask);
		if (actor->graceful)
			sigdelset(&mask, SIGTERM);
		if (ppoll(polls, (nfds_t)actor->listener_count, &most_wait, &mask) <= 0)
			continue;
		for (int i = 0; i < actor->listener_count; i++)
			if (polls[i].revents & POLLIN)
				answer(actor, polls[i].fd);
	}
}
