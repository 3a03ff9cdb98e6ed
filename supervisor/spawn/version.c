#include "spawn/version.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/own.h"

enum { PATIENCE_MS = 5000, OUTPUT_MOST = 64 * 1024 };

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

int version_compare(const char *a, const char *b)
{
	while (*a || *b) {
		char *a_end = NULL;
		char *b_end = NULL;
		unsigned long long x = is_digit(*a) ? strtoull(a, &a_end, 10) : 0;
		unsigned long long y = is_digit(*b) ? strtoull(b, &b_end, 10) : 0;
		if (x != y)
			return x < y ? -1 : 1;
		a = a_end ? a_end : a;
		b = b_end ? b_end : b;
		/* "1.2-rc1": what follows the numbers does not count */
		a += *a == '.' ? 1 : strlen(a);
		b += *b == '.' ? 1 : strlen(b);
	}
	return 0;
}

static size_t number_length(const char *at, bool *dotted)
{
	size_t length = 0;
	*dotted = false;
	while (is_digit(at[length]) || (at[length] == '.' && length && is_digit(at[length + 1]))) {
		*dotted = *dotted || at[length] == '.';
		length++;
	}
	return length;
}

const char *version_find(const char *output, size_t *length)
{
	const char *plain = NULL;
	size_t plain_length = 0;
	for (const char *at = output; *at;) {
		bool dotted;
		size_t here = number_length(at, &dotted);
		if (!here) {
			at++;
			continue;
		}
		if (dotted) {
			*length = here;
			return at;
		}
		if (!plain) {
			plain = at;
			plain_length = here;
		}
		at += here;
	}
	*length = plain_length;
	return plain;
}

extern char **environ;

static void start(struct version_query *query, const char *argument)
{
	int ends[2];
	char *path = strdup(query->path);
	char *word = strdup(argument);
	query->fd = -1;
	query->pid = 0;
	if (path && word && !pipe2(ends, O_CLOEXEC)) {
		char *argv[] = {path, word, NULL};
		posix_spawn_file_actions_t actions;
		posix_spawnattr_t attributes;
		sigset_t none;
		sigemptyset(&none);
		posix_spawn_file_actions_init(&actions);
		posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
		posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
		posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
		posix_spawnattr_init(&attributes);
		posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
		posix_spawnattr_setsigmask(&attributes, &none);
		if (posix_spawn(&query->pid, path, &actions, &attributes, argv, environ))
			query->pid = 0;
		posix_spawn_file_actions_destroy(&actions);
		posix_spawnattr_destroy(&attributes);
		close(ends[1]);
		query->fd = ends[0];
	}
	free(path);
	free(word);
}

/* True at the end of its output, or when there is enough of it. */
static bool read_some(struct version_query *query)
{
	char block[4096];
	ssize_t got = read(query->fd, block, sizeof block);
	if (got < 0)
		return errno != EINTR;
	text_add_bytes(&query->output, block, (size_t)got);
	return got == 0 || query->output.length > OUTPUT_MOST;
}

static void close_query(struct version_query *query)
{
	if (query->fd >= 0)
		close(query->fd);
	query->fd = -1;
	if (query->pid <= 0)
		return;
	/* It has had its say; whatever it started goes with it. Not reaped: the number is its own.
	 */
	kill(-query->pid, SIGKILL);
	kill(query->pid, SIGKILL);
	while (waitpid(query->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	query->pid = 0;
}

static void listen_to_all(struct version_query *queries, size_t count, struct pollfd *polled)
{
	int64_t until = clock_now_ms() + PATIENCE_MS;
	for (;;) {
		size_t open = 0;
		for (size_t i = 0; i < count; i++) {
			polled[i] = (struct pollfd){.fd = queries[i].fd, .events = POLLIN};
			open += queries[i].fd >= 0;
		}
		int64_t left = until - clock_now_ms();
		if (!open || left <= 0)
			return;
		if (poll(polled, count, (int)left) < 0 && errno != EINTR)
			return;
		for (size_t i = 0; i < count; i++)
			if (queries[i].fd >= 0 && polled[i].revents && read_some(&queries[i]))
				close_query(&queries[i]);
	}
}

static void take_version(struct version_query *query)
{
	size_t length = 0;
	const char *version = version_find(text_string(&query->output), &length);
	if (version)
		text_add_bytes(&query->found, version, length);
	text_release(&query->output);
}

static void ask_with(
	struct version_query *queries, size_t count, const char *argument, struct pollfd *polled)
{
	for (size_t i = 0; i < count; i++) {
		queries[i].fd = -1;
		if (!queries[i].found.length)
			start(&queries[i], argument);
	}
	listen_to_all(queries, count, polled);
	for (size_t i = 0; i < count; i++) {
		close_query(&queries[i]);
		if (!queries[i].found.length)
			take_version(&queries[i]);
	}
}

void version_ask(struct version_query *queries, size_t count)
{
	static const char *const arguments[] = {"--version", "version", "-V"};
	OWNED(struct pollfd) polled = calloc(count ? count : 1, sizeof *polled);
	if (!polled)
		return;
	for (size_t i = 0; i < sizeof arguments / sizeof *arguments; i++)
		ask_with(queries, count, arguments[i], polled);
}
