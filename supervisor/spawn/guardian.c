#include "spawn/guardian.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/own.h"
#include "spawn/guardian_sweep.h"
#include "spawn/proc.h"

enum {
	SOCKET_FD = 3, /* in G, after it has closed everything else */
	SIGNAL_FD = 4,
	FIRST_FREE_FD = 5,
	SEND_PATIENCE_MS = 1000,
	SWEEP_PATIENCE_MS = 4000,
};

enum request_kind { REQUEST_KEEP = 1, REQUEST_DROP, REQUEST_TELL_END };

struct request {
	int kind;
	int slot;
};

/* Room for the two descriptors of a request; see cmsg(3). */
union control {
	char bytes[CMSG_SPACE(2 * sizeof(int))];
	struct cmsghdr align;
};

/* Both are stored plus one, so that pages that were never written cost nothing. */
struct kept_log {
	int pipe_fd;
	int log_fd;
};
static struct kept_log kept[GUARDIAN_SLOTS];
static struct kept_log own; /* the supervisor's */

/* --- G --- */

static void forget_slot(struct kept_log *log)
{
	if (!log->pipe_fd)
		return;
	close(log->pipe_fd - 1);
	close(log->log_fd - 1);
	*log = (struct kept_log){0};
}

static bool received_fds(struct msghdr *message, int fds[2])
{
	struct cmsghdr *header = CMSG_FIRSTHDR(message);
	if (!header || header->cmsg_type != SCM_RIGHTS ||
		header->cmsg_len != CMSG_LEN(2 * sizeof(int)))
		return false;
	memcpy(fds, CMSG_DATA(header), 2 * sizeof(int));
	return true;
}

static void obey(const struct request *request, const int fds[2], bool with_fds)
{
	if (request->slot < 0 || request->slot >= GUARDIAN_SLOTS)
		return;
	struct kept_log *log = request->kind == REQUEST_TELL_END ? &own : &kept[request->slot];
	if (request->kind == REQUEST_KEEP && !with_fds)
		return;
	forget_slot(log);
	if (with_fds)
		*log = (struct kept_log){fds[0] + 1, fds[1] + 1};
}

/* All that is there now. False: the supervisor's end is closed. */
static bool read_requests(void)
{
	for (;;) {
		struct request request = {0};
		union control control;
		struct iovec bytes = {&request, sizeof request};
		struct msghdr message = {.msg_iov = &bytes,
			.msg_iovlen = 1,
			.msg_control = control.bytes,
			.msg_controllen = sizeof control.bytes};
		ssize_t got = recvmsg(SOCKET_FD, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno == EAGAIN;
		if (got == 0)
			return false;
		int fds[2];
		bool with_fds = received_fds(&message, fds);
		if (got == (ssize_t)sizeof request)
			obey(&request, fds, with_fds);
	}
}

static int mirror(const siginfo_t *end)
{
	return end->si_code == CLD_EXITED ? end->si_status : 128 + end->si_status;
}

/* True when S has ended: it is our only child while it lives, orphans fall to it. */
static bool has_ended(pid_t supervisor, siginfo_t *end)
{
	end->si_pid = 0;
	return !proc_wait(P_PID, (id_t)supervisor, end, WEXITED | WNOHANG) && end->si_pid;
}

static void hand_on_signals(pid_t supervisor)
{
	struct signalfd_siginfo info;
	while (read(SIGNAL_FD, &info, sizeof info) == (ssize_t)sizeof info)
		if (info.ssi_signo != SIGCHLD)
			kill(supervisor, (int)info.ssi_signo);
}

static void tell_end(const siginfo_t *end)
{
	char line[64];
	const char *name = end->si_code == CLD_EXITED ? NULL : sigabbrev_np(end->si_status);
	if (!own.log_fd)
		return;
	int length = name ? snprintf(line, sizeof line, GUARDIAN_KILLED "SIG%s\n", name)
		: snprintf(line, sizeof line, GUARDIAN_ENDED "%d\n", mirror(end));
	file_write_all(own.log_fd - 1, line, (size_t)length);
}

static siginfo_t watch(pid_t supervisor)
{
	struct pollfd polled[2] = {
		{.fd = SIGNAL_FD, .events = POLLIN}, {.fd = SOCKET_FD, .events = POLLIN}};
	siginfo_t end;
	while (!has_ended(supervisor, &end)) {
		poll(polled, 2, -1);
		hand_on_signals(supervisor);
		if (polled[1].fd >= 0 && polled[1].revents && !read_requests())
			polled[1].fd = -1;
	}
	return end;
}

static void drain_all(void)
{
	for (size_t i = 0; i < GUARDIAN_SLOTS; i++)
		if (kept[i].pipe_fd)
			guardian_drain(kept[i].pipe_fd - 1, kept[i].log_fd - 1);
}

static void spare_from_oom_killer(void)
{
	OWNED_FD fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && write(fd, "-900", 4) < 0)
		return; /* not permitted to ordinary users */
}

static void use_null(int fd, int flags)
{
	OWNED_FD null_fd = open("/dev/null", flags | O_CLOEXEC);
	if (null_fd >= 0)
		dup2(null_fd, fd);
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

static _Noreturn void guard(pid_t supervisor, int socket, int signals)
{
	settle_down(socket, signals);
	siginfo_t end = watch(supervisor);
	int code = mirror(&end);
	/* What it said before it died is still in the socket. */
	read_requests();
	tell_end(&end);
	if (!guardian_sweep(SWEEP_PATIENCE_MS))
		code = GUARDIAN_LEFT;
	drain_all();
	_exit(code);
}

/* --- S --- */

static void reset_signals(void)
{
	struct sigaction action = {.sa_handler = SIG_DFL};
	for (int signal = 1; signal < NSIG; signal++)
		sigaction(signal, &action, NULL);
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void become_supervisor(pid_t guardian, int stderr_fd)
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
		guard(supervisor, sockets[0], signals);
	close(signals);
	close(sockets[0]);
	become_supervisor(self, stderr_fd);
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

static int send_patiently(struct guardian *guardian, const struct msghdr *message)
{
	int64_t until = clock_now_ms() + SEND_PATIENCE_MS;
	while (sendmsg(guardian->socket, message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		if (errno == EINTR)
			continue;
		bool late = guardian->is_silent || clock_now_ms() >= until;
		if (late || !await_room(guardian)) {
			guardian->is_silent = late;
			return -1;
		}
	}
	guardian->is_silent = false;
	return 0;
}

static int ask(struct guardian *guardian, struct request request, const int fds[2], struct error *e)
{
	union control control = {0};
	struct iovec bytes = {&request, sizeof request};
	struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1};
	if (fds) {
		message.msg_control = control.bytes;
		message.msg_controllen = sizeof control.bytes;
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(2 * sizeof(int));
		memcpy(CMSG_DATA(header), fds, 2 * sizeof(int));
	}
	if (send_patiently(guardian, &message))
		return fail_errno(e, EXIT_FAILED, "cannot reach the guardian process");
	return 0;
}

int guardian_keep(struct guardian *guardian, int slot, int pipe_fd, int log_fd, struct error *e)
{
	const int fds[2] = {pipe_fd, log_fd};
	if (slot < 0 || slot >= GUARDIAN_SLOTS)
		return fail(e, EXIT_FAILED, "the guardian has no place %d for a log", slot);
	return ask(guardian, (struct request){REQUEST_KEEP, slot}, fds, e);
}

int guardian_tell_end(struct guardian *guardian, int log_fd, struct error *e)
{
	/* Descriptors travel in pairs. */
	const int fds[2] = {log_fd, log_fd};
	return ask(guardian, (struct request){REQUEST_TELL_END, 0}, log_fd < 0 ? NULL : fds, e);
}

int guardian_drop(struct guardian *guardian, int slot, struct error *e)
{
	return ask(guardian, (struct request){REQUEST_DROP, slot}, NULL, e);
}
