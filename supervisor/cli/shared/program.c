#include "cli/shared/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/own.h"
#include "base/text.h"
#include "control/wire.h"

enum { PATIENCE_MS = 5000, ANSWER_MOST = 4096 };

static const char own_program[] = "/proc/self/exe";

static int find(const char *file, struct program *p, struct error *e)
{
	struct stat status;
	p->path = realpath(file ? file : own_program, NULL);
	if (!p->path && !file) {
		fail(e, EXIT_NO_COMMAND, "the file of this program is not there any more");
		error_hint(e, "--binary FILE names the one to go on with");
		return -1;
	}
	if (!p->path || stat(p->path, &status))
		return fail_errno(e, EXIT_NO_COMMAND, "%s", file);
	p->device = status.st_dev;
	p->inode = status.st_ino;
	if (!S_ISREG(status.st_mode) || access(p->path, X_OK))
		return fail(e, EXIT_NOT_EXECUTABLE, "%s is not a program", p->path);
	return 0;
}

/* Its pid, 0 or less: it cannot be started. Its output comes out of *out. */
static pid_t start(const char *path, int *out)
{
	int ends[2];
	pid_t pid = 0;
	char words[][sizeof "version"] = {"stackup", "version", "--json"};
	char *argv[] = {words[0], words[1], words[2], NULL};
	posix_spawn_file_actions_t actions;
	if (pipe2(ends, O_CLOEXEC))
		return -1;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	if (posix_spawn(&pid, path, &actions, NULL, argv, environ))
		pid = 0;
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	*out = ends[0];
	return pid;
}

static void read_answer(int fd, struct text *answer)
{
	char block[512];
	int64_t end_ms = clock_now_ms() + PATIENCE_MS;
	while (answer->length < ANSWER_MOST) {
		struct pollfd more = {.fd = fd, .events = POLLIN};
		int64_t left_ms = end_ms - clock_now_ms();
		if (left_ms <= 0 || poll(&more, 1, (int)left_ms) == 0)
			return;
		ssize_t got = read(fd, block, sizeof block);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return;
		text_add_bytes(answer, block, (size_t)got);
	}
}

static int ask(struct program *p, struct error *e)
{
	OWNED_FD out = -1;
	OWNED_TEXT answer = {0};
	pid_t pid = start(p->path, &out);
	if (pid <= 0)
		return fail(e, EXIT_NOT_EXECUTABLE, "%s cannot be run", p->path);
	read_answer(out, &answer);
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	json_t *said = frame_parse(text_string(&answer), answer.length, NULL);
	const char *version = json_string_value(json_object_get(said, "stackup"));
	snprintf(p->version, sizeof p->version, "%s", version ? version : "");
	p->state = (int)json_integer_value(json_object_get(said, "state"));
	json_decref(said);
	if (!p->version[0])
		return fail(e, EXIT_NOT_EXECUTABLE, "%s does not say that it is a stackup", p->path);
	return 0;
}

int program_look(const char *file, struct program *p, struct error *e)
{
	*p = (struct program){0};
	return find(file, p, e) < 0 || ask(p, e) < 0 ? -1 : 0;
}

bool program_is_of(const struct program *p, pid_t pid)
{
	char path[32];
	struct stat status;
	snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
	return stat(path, &status) || (status.st_dev == p->device && status.st_ino == p->inode);
}

void program_release(struct program *p)
{
	free(p->path);
	p->path = NULL;
}
