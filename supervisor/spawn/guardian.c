#include "spawn/guardian.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "spawn/guardian_guard.h"
#include "spawn/guardian_wire.h"

enum { SEND_PATIENCE_MS = 1000 };

/* --- C --- */

static int open_signals(sigset_t *handled)
{
	sigemptyset(handled);
	sigaddset(handled, SIGTERM);
	sigaddset(handled, SIGINT);
	sigaddset(handled, SIGHUP);
	sigaddset(handled, SIGCHLD);
	return signalfd(-1, handled, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* In G: forks S. Returns only in S. */
static void split(const int sockets[2], int stderr_fd)
{
	pid_t self = getpid();
	sigset_t handled;
	int signals = open_signals(&handled);
	/* SIGCHLD ignored by the caller would make S's end disappear. */
	signal(SIGCHLD, SIG_DFL);
	if (signals < 0 || setsid() < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1))
		_exit(GUARDIAN_NO_FORK);
	pid_t supervisor = fork();
	if (supervisor < 0)
		_exit(GUARDIAN_NO_FORK);
	if (supervisor > 0)
		guardian_guard(supervisor, sockets[0], signals);
	close(signals);
	close(sockets[0]);
	guardian_become_supervisor(self, stderr_fd);
}

int guardian_start(
	struct guardian *guardian, int stderr_fd, enum guardian_side *side, struct error *e)
{
	int sockets[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets))
		return fail_errno(e, EXIT_FAILED, "cannot create the guardian's socket");
	fflush(NULL); /* or both sides would write what is still in the buffers */
	/* Blocked before the fork, so that a signal to G is never lost and never ends it. */
	sigset_t all;
	sigset_t before;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid_t pid = fork();
	if (pid == 0) {
		split(sockets, stderr_fd);
		*guardian = (struct guardian){.pid = getppid(), .socket = sockets[1]};
		*side = GUARDIAN_SUPERVISOR;
		return 0;
	}
	int number = errno;
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(sockets[0]);
	close(sockets[1]);
	errno = number;
	if (pid < 0)
		return fail_errno(e, EXIT_FAILED, "cannot create the guardian process");
	*guardian = (struct guardian){.pid = pid, .socket = -1};
	*side = GUARDIAN_CALLER;
	return 0;
}

/*
 * False: that is not what is missing. ETOOMANYREFS, more descriptors under way than one may have open
 * (unix(7)), ends without an event: it is tried again after a millisecond. A guardian that dies wakes us.
 */
static bool await_room(const struct guardian *guardian)
{
	struct pollfd room = {.fd = guardian->socket, .events = errno == EAGAIN ? POLLOUT : 0};
	if (errno != EAGAIN && errno != ETOOMANYREFS)
		return false;
	poll(&room, 1, room.events ? SEND_PATIENCE_MS : 1);
	return true;
}

static int send_patiently(struct guardian *guardian, const struct guardian_message *message,
	const int *fds, size_t count)
{
	int64_t until = clock_now_ms() + SEND_PATIENCE_MS;
	while (guardian_send(guardian->socket, message, fds, count)) {
		bool late = guardian->is_silent || clock_now_ms() >= until;
		if (late || !await_room(guardian)) {
			guardian->is_silent = late;
			return -1;
		}
	}
	guardian->is_silent = false;
	return 0;
}

static int ask(struct guardian *guardian, enum guardian_word word, int place, const int *fds,
	size_t count, struct error *e)
{
	const struct guardian_message message = {.word = (int)word, .place = place};
	if (send_patiently(guardian, &message, fds, count))
		return fail_errno(e, EXIT_FAILED, "cannot reach the guardian process");
	return 0;
}

int guardian_keep(struct guardian *guardian, int slot, int pipe_fd, int log_fd, struct error *e)
{
	const int fds[2] = {pipe_fd, log_fd};
	if (slot < 0 || slot >= GUARDIAN_SLOTS)
		return fail(e, EXIT_FAILED, "the guardian has no place %d for a log", slot);
	return ask(guardian, SAY_KEEP, slot, fds, 2, e);
}

int guardian_drop(struct guardian *guardian, int slot, struct error *e)
{
	return ask(guardian, SAY_DROP, slot, NULL, 0, e);
}

int guardian_hold(struct guardian *guardian, int place, int fd, struct error *e)
{
	if (place < 0 || place >= GUARDIAN_PLACES)
		return fail(e, EXIT_FAILED, "the guardian has no place %d for a descriptor", place);
	return ask(guardian, SAY_HOLD, place, &fd, 1, e);
}

int guardian_let_go(struct guardian *guardian, int place, struct error *e)
{
	return ask(guardian, SAY_LET_GO, place, NULL, 0, e);
}

int guardian_tell_end(struct guardian *guardian, int log_fd, struct error *e)
{
	return ask(guardian, SAY_TELL_END, 0, &log_fd, log_fd < 0 ? 0 : 1, e);
}

int guardian_arm(struct guardian *guardian, bool on, struct error *e)
{
	return ask(guardian, SAY_ARM, on, NULL, 0, e);
}

int guardian_ask_replacement(struct guardian *guardian, int program_fd, struct error *e)
{
	return ask(guardian, SAY_REPLACE, 0, &program_fd, program_fd < 0 ? 0 : 1, e);
}

/* ---- S that has replaced another one ---- */

static bool take_gift(const struct guardian_message *message, const int *fds, size_t count,
	const struct guardian_heir *heir)
{
	if (message->word == SAY_KEEP && count == 2)
		heir->on_log(heir->self, message->place, fds[0], fds[1]);
	else if (message->word == SAY_HOLD && count == 1)
		heir->on_other(heir->self, message->place, fds[0]);
	else
		return false;
	return true;
}

int guardian_inherit(struct guardian *guardian, const struct guardian_heir *heir,
	struct guardian_cause *cause, struct error *e)
{
	struct guardian_message message;
	int fds[GUARDIAN_FDS_MOST];
	size_t count;
	struct pollfd more = {.fd = GUARDIAN_SOCKET, .events = POLLIN};
	*guardian = (struct guardian){.pid = getppid(), .socket = GUARDIAN_SOCKET};
	fcntl(GUARDIAN_SOCKET, F_SETFD, FD_CLOEXEC);
	for (;;) {
		int got = guardian_receive(guardian->socket, &message, fds, &count);
		if (got < 0 && errno == EAGAIN)
			poll(&more, 1, -1);
		else if (got <= 0)
			return fail(e, EXIT_FAILED, "the guardian process is gone");
		else if (message.word == SAY_TAKE_OVER)
			break;
		else if (!take_gift(&message, fds, count, heir))
			for (size_t i = 0; i < count; i++)
				close(fds[i]);
	}
	*cause = (struct guardian_cause){(enum guardian_why)message.place,
		message.code == CLD_EXITED ? 0 : message.status, message.status};
	return 0;
}

int guardian_took_over(struct guardian *guardian, struct error *e)
{
	return ask(guardian, SAY_TOOK_OVER, 0, NULL, 0, e);
}

static struct exit_status status_of(const struct guardian_message *message)
{
	bool exited = message->code == CLD_EXITED;
	return (struct exit_status){.pid = message->place,
		.code = exited ? message->status : -1,
		.signal = exited ? 0 : message->status,
		.core_dumped = message->code == CLD_DUMPED};
}

/* 1: one of these two words has come; 0: none so far, -1: G is gone. */
static int next_word(struct guardian *guardian, struct guardian_message *message)
{
	int fds[GUARDIAN_FDS_MOST];
	size_t count;
	int got;
	while ((got = guardian_receive(guardian->socket, message, fds, &count)) > 0) {
		for (size_t i = 0; i < count; i++)
			close(fds[i]);
		guardian->is_mute = false;
		if (message->word == SAY_ENDED || message->word == SAY_PONG)
			return 1;
	}
	return got < 0 && errno == EAGAIN ? 0 : -1;
}

int guardian_next_end(struct guardian *guardian, struct exit_status *status)
{
	struct guardian_message message;
	int got;
	*status = guardian->early;
	guardian->early = (struct exit_status){0};
	if (status->pid)
		return 1;
	while ((got = next_word(guardian, &message)) == 1) {
		if (message.word != SAY_ENDED)
			continue;
		*status = status_of(&message);
		return 1;
	}
	return got;
}

/* There is one end at most: the next is not told before this one is reaped. */
int guardian_await(struct guardian *guardian, struct error *e)
{
	struct guardian_message message;
	struct pollfd more = {.fd = guardian->socket, .events = POLLIN};
	int64_t until = clock_now_ms() + (guardian->is_mute ? 0 : SEND_PATIENCE_MS);
	if (ask(guardian, SAY_PING, ++guardian->pings, NULL, 0, e))
		return -1;
	for (;;) {
		int got = next_word(guardian, &message);
		if (got == 1 && message.word == SAY_PONG && message.place == guardian->pings)
			return 0;
		if (got == 1 && message.word == SAY_ENDED)
			guardian->early = status_of(&message);
		if (got == 1) /* it speaks again */
			until = clock_now_ms() + SEND_PATIENCE_MS;
		int64_t left = until - clock_now_ms();
		if (got < 0 || (!got && left <= 0)) {
			guardian->is_mute = true;
			return fail(e, EXIT_FAILED, "the guardian process does not answer");
		}
		if (!got)
			poll(&more, 1, (int)left);
	}
}

int guardian_reap(struct guardian *guardian, pid_t pid, struct error *e)
{
	return ask(guardian, SAY_REAP, pid, NULL, 0, e);
}
