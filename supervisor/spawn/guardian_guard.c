#include "spawn/guardian_guard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/own.h"
#include "spawn/guardian.h"
#include "spawn/guardian_sweep.h"
#include "spawn/guardian_wire.h"
#include "spawn/proc.h"

enum {
	SOCKET_FD = 3, /* after everything else was closed */
	SIGNAL_FD = 4,
	FIRST_FREE_FD = 5,
	SWEEP_PATIENCE_MS = 4000,
	DEATHS_MS = 60 * 1000, /* GUARDIAN_DEATHS within this */
	TAKE_OVER_MS = 20 * 1000, /* one that has not by then never will */
	NO_ROOM_MS = 1, /* ETOOMANYREFS of unix(7) ends without an event */
	FORK_AGAIN_MS = 50, /* after there was no process, memory or descriptor ... */
	FORK_PATIENCE_MS = 5000, /* ... for as long as this */
};

/* All it knows but for what it keeps. Descriptors are stored plus one. */
static struct {
	pid_t supervisor;
	int oom_score; /* before it was spared */
	int log_fd; /* where the end of S is told */
	bool has_socket; /* S has its end ... */
	int no_room; /* ... and has not read what it was told so far: errno, or 0 */
	bool armed; /* S is replaced when it dies ... */
	bool wanted; /* ... or has asked for it */
	int program_fd; /* by this; 0: by ourselves */
	bool pinged;
	int ping; /* the number of the latest */
	int64_t deaths[GUARDIAN_DEATHS]; /* when; the latest at (died - 1) */
	unsigned died;

	/* of an S that has replaced another one */
	bool fosters; /* children of the last one are ours */
	bool handing; /* what is kept is on its way ... */
	int handed; /* ... up to this one */
	bool settled; /* it has all and runs ... */
	int64_t began_ms; /* ... or is killed some time after this */
	struct guardian_message why;
	pid_t reported; /* ENDED was said, REAP was not */
} g;

static void forget(int *stored)
{
	if (*stored)
		close(*stored - 1);
	*stored = 0;
}

static void take(int *stored, const int *fds, size_t count)
{
	forget(stored);
	if (count)
		*stored = fds[0] + 1;
	for (size_t i = 1; i < count; i++)
		close(fds[i]);
}

static void reap(pid_t pid)
{
	siginfo_t end;
	if (pid != g.reported)
		return;
	g.reported = 0;
	proc_wait(P_PID, (id_t)pid, &end, WEXITED | WNOHANG);
}

static void obey(const struct guardian_message *message, const int *fds, size_t count)
{
	if (guardian_store(message, fds, count))
		return;
	switch ((enum guardian_word)message->word) {
	case SAY_TELL_END:
		take(&g.log_fd, fds, count);
		g.armed &= g.log_fd != 0;
		return;
	case SAY_ARM:
		g.armed = message->place;
		break;
	case SAY_REPLACE:
		take(&g.program_fd, fds, count);
		g.wanted = true;
		return;
	case SAY_TOOK_OVER:
		g.settled = true;
		break;
	case SAY_REAP:
		reap(message->place);
		break;
	case SAY_PING:
		g.pinged = true;
		g.ping = message->place;
		break;
	case SAY_PONG:
	case SAY_KEEP:
	case SAY_DROP:
	case SAY_HOLD:
	case SAY_LET_GO:
	case SAY_TAKE_OVER:
	case SAY_ENDED:
		break;
	}
	for (size_t i = 0; i < count; i++)
		close(fds[i]);
}

static void read_requests(void)
{
	struct guardian_message message;
	int fds[GUARDIAN_FDS_MOST];
	size_t count;
	int got = 1;
	while (g.has_socket && (got = guardian_receive(SOCKET_FD, &message, fds, &count)) > 0)
		obey(&message, fds, count);
	if (g.has_socket && (got == 0 || errno != EAGAIN))
		g.has_socket = false;
}

static int mirror(const siginfo_t *end)
{
	return end->si_code == CLD_EXITED ? end->si_status : 128 + end->si_status;
}

static bool has_ended(siginfo_t *end)
{
	end->si_pid = 0;
	return !proc_wait(P_PID, (id_t)g.supervisor, end, WEXITED | WNOHANG) && end->si_pid;
}

static void tell_end(const siginfo_t *end)
{
	char line[64];
	const char *name = end->si_code == CLD_EXITED ? NULL : sigabbrev_np(end->si_status);
	if (!g.log_fd || g.wanted)
		return;
	int length = name ? snprintf(line, sizeof line, GUARDIAN_KILLED "SIG%s\n", name)
		: snprintf(line, sizeof line, GUARDIAN_ENDED "%d\n", mirror(end));
	file_write_all(g.log_fd - 1, line, (size_t)length);
}

/* ---- what S is told, as far as it reads ---- */

static bool say(const struct guardian_message *message, const int *fds, size_t count)
{
	if (!guardian_send(SOCKET_FD, message, fds, count))
		return true;
	g.no_room = errno;
	g.has_socket &= g.no_room == EAGAIN || g.no_room == ETOOMANYREFS;
	return false;
}

static void hand_over(void)
{
	struct guardian_message message;
	int fds[GUARDIAN_FDS_MOST];
	size_t count;
	while (guardian_store_next(&g.handed, &message, fds, &count)) {
		if (!say(&message, fds, count))
			return;
		g.handed++;
	}
	g.handing = !say(&g.why, NULL, 0);
}

/* One that has ended stays a zombie, and its number taken, until S has done with it. */
static void report_end(void)
{
	siginfo_t end = {0};
	if (g.reported || proc_wait(P_ALL, 0, &end, WEXITED | WNOHANG | WNOWAIT) || !end.si_pid
		|| end.si_pid == g.supervisor)
		return;
	const struct guardian_message message = {
		.word = SAY_ENDED, .place = end.si_pid, .code = end.si_code, .status = end.si_status};
	if (say(&message, NULL, 0))
		g.reported = end.si_pid;
}

static void tell_more(void)
{
	g.no_room = 0;
	if (g.has_socket && g.pinged)
		g.pinged = !say(&(struct guardian_message){.word = SAY_PONG, .place = g.ping}, NULL, 0);
	if (g.has_socket && g.handing)
		hand_over();
	if (g.has_socket && g.fosters && !g.handing)
		report_end();
}

static bool is_taking_over(void)
{
	return g.fosters && !g.settled;
}

static int give_up_waiting(void)
{
	int64_t left = g.began_ms + TAKE_OVER_MS - clock_now_ms();
	if (left <= 0)
		kill(g.supervisor, SIGKILL);
	return left > 0 ? (int)left : TAKE_OVER_MS;
}

static void await_event(void)
{
	int wait_ms = is_taking_over() ? give_up_waiting() : -1;
	short events = g.no_room == EAGAIN ? POLLIN | POLLOUT : POLLIN;
	struct pollfd polled[2] = {{.fd = SIGNAL_FD, .events = POLLIN},
		{.fd = g.has_socket ? SOCKET_FD : -1, .events = events}};
	bool no_event = g.has_socket && g.no_room == ETOOMANYREFS;
	poll(polled, 2, no_event ? NO_ROOM_MS : wait_ms);
}

static siginfo_t watch(void)
{
	siginfo_t end;
	while (!has_ended(&end)) {
		guardian_signals_hand_on(g.supervisor);
		tell_more();
		await_event();
		guardian_signals_read(SIGNAL_FD);
		read_requests();
	}
	/* What it said before it died is still in the socket. */
	read_requests();
	guardian_signals_take_back(is_taking_over());
	return end;
}

/* ---- the next S ---- */

/* A program that was never right is not tried again: then we are the one that is known to work. */
static void choose_program(void)
{
	if (is_taking_over())
		forget(&g.program_fd);
}

static bool dies_too_often(void)
{
	int64_t now = clock_now_ms();
	unsigned oldest = g.died % GUARDIAN_DEATHS; /* becomes the latest */
	g.deaths[oldest] = now;
	g.died++;
	return g.died >= GUARDIAN_DEATHS && now - g.deaths[g.died % GUARDIAN_DEATHS] < DEATHS_MS;
}

/* What there is none of now may be there in a moment, and without it every service ends. */
static pid_t fork_patiently(int *socket)
{
	int64_t until = clock_now_ms() + FORK_PATIENCE_MS;
	for (;;) {
		pid_t pid = guardian_replace(g.program_fd - 1, g.log_fd - 1, g.oom_score, socket);
		if (pid >= 0 || clock_now_ms() >= until)
			return pid;
		poll(NULL, 0, FORK_AGAIN_MS);
	}
}

static bool replace(const siginfo_t *end)
{
	int socket;
	bool asked = g.wanted;
	if (!asked && (!g.armed || dies_too_often()))
		return false;
	if (!asked)
		choose_program();
	enum guardian_why why = asked ? GUARDIAN_WHY_ASKED
		: is_taking_over()    ? GUARDIAN_WHY_NOT_TAKEN
				      : GUARDIAN_WHY_DIED;
	g.why = (struct guardian_message){.word = SAY_TAKE_OVER, .place = (int)why, .code = end->si_code,
		.status = end->si_status};
	g.supervisor = fork_patiently(&socket);
	if (g.supervisor < 0)
		return false;
	dup3(socket, SOCKET_FD, O_CLOEXEC);
	close(socket);
	g.has_socket = g.armed = g.fosters = g.handing = true;
	g.wanted = g.settled = g.pinged = false;
	g.handed = 0;
	g.began_ms = clock_now_ms();
	g.reported = 0;
	return true;
}

/* ---- the beginning and the end ---- */

static void spare_from_oom_killer(void)
{
	char digits[16] = "";
	OWNED_FD fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
	if (fd < 0 || pread(fd, digits, sizeof digits - 1, 0) <= 0)
		return;
	g.oom_score = (int)strtol(digits, NULL, 10);
	(void)file_write_all(fd, "-900", 4); /* not permitted to ordinary users */
}

/* Whoever reads what the caller writes would wait for our end, too, if it stayed open. */
static void use_null(int fd, int flags)
{
	OWNED_FD null_fd = open("/dev/null", flags | O_CLOEXEC);
	if (null_fd < 0 || dup2(null_fd, fd) < 0)
		_exit(GUARDIAN_NO_FORK);
}

static void raise_file_limit(void)
{
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files))
		return;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
}

/* Keeps nothing of the caller: no terminal, no socket, no directory, no file. */
static void settle_down(int socket, int signals)
{
	for (int fd = 0; fd < 3; fd++)
		use_null(fd, O_RDWR);
	int moved_socket = fcntl(socket, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
	int moved_signals = fcntl(signals, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
	if (dup3(moved_socket, SOCKET_FD, O_CLOEXEC) < 0 ||
		dup3(moved_signals, SIGNAL_FD, O_CLOEXEC) < 0)
		_exit(GUARDIAN_NO_FORK);
	close_range(FIRST_FREE_FD, ~0U, 0);
	if (chdir("/"))
		_exit(GUARDIAN_NO_FORK);
	prctl(PR_SET_NAME, "stackup-guard");
	raise_file_limit();
	spare_from_oom_killer();
}

_Noreturn void guardian_guard(pid_t supervisor, int socket, int signals)
{
	settle_down(socket, signals);
	g.supervisor = supervisor;
	g.has_socket = true;
	siginfo_t end;
	do {
		end = watch();
		tell_end(&end);
	} while (replace(&end));
	int code = mirror(&end);
	if (!guardian_sweep(SWEEP_PATIENCE_MS))
		code = GUARDIAN_LEFT;
	guardian_store_drain();
	_exit(code);
}

static void reset_signals(void)
{
	struct sigaction action = {.sa_handler = SIG_DFL};
	for (int signal = 1; signal < NSIG; signal++)
		sigaction(signal, &action, NULL);
}

void guardian_settle_supervisor(pid_t guardian, int stderr_fd)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	use_null(0, O_RDONLY);
	use_null(1, O_WRONLY);
	if (stderr_fd < 0)
		use_null(2, O_WRONLY);
	else if (stderr_fd != 2)
		dup2(stderr_fd, 2);
	reset_signals();
	/* It may have died before the line that asks to be told. */
	if (getppid() != guardian)
		_exit(GUARDIAN_NO_FORK);
}

void guardian_become_supervisor(pid_t guardian, int stderr_fd)
{
	sigset_t none;
	guardian_settle_supervisor(guardian, stderr_fd);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}
