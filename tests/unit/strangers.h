/*
 * strangers.h - processes that have a port and are none of ours, for tests of what happens to them.
 *
 *	struct stranger s = stranger_start(30101, STRANGER_PLAIN);
 *	... assert_true(stranger_lives(&s)); ...
 *	stranger_end(&s);	// ended or not: reaps it
 */
#ifndef TESTS_UNIT_STRANGERS_H
#define TESTS_UNIT_STRANGERS_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum stranger_kind {
	STRANGER_PLAIN, /* listens on 127.0.0.1 and ends at TERM */
	STRANGER_STUBBORN, /* ignores TERM */
	STRANGER_LETS_GO, /* closes its socket at TERM and lives on */
	STRANGER_FORKS, /* listens together with a child */
	STRANGER_V6, /* listens on ::1 */
	STRANGER_SUPERVISES, /* holds the byte of an instance in stranger_lock */
	STRANGER_MOVES_IN, /* does so as soon as TERM comes, and lives on */
	STRANGER_LINGERS, /* at TERM its descriptors are gone at once, and what they stood for later */
};

struct stranger {
	pid_t pid;
};

static int stranger_socket = -1;
static const char *stranger_lock; /* locks/pID.lock of a registry */

static inline void stranger_on_term(int number)
{
	(void)number;
	close(stranger_socket);
}

static inline void stranger_take_byte(int number)
{
	struct flock byte = {.l_type = F_WRLCK, .l_start = 1, .l_len = 1};
	int fd = open(stranger_lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	(void)number;
	(void)fcntl(fd, F_OFD_SETLK, &byte);
}

static volatile sig_atomic_t stranger_leaves;

/* The first thread goes, and what /proc shows with it; another one has the same descriptors. */
static inline void stranger_leave_first(int number)
{
	(void)number;
	stranger_leaves = 1;
	syscall(SYS_exit, 0);
}

static inline void *stranger_leave_last(void *unused)
{
	while (!stranger_leaves)
		usleep(1000);
	usleep(200000);
	_exit(unused ? 1 : 0);
}

static inline void stranger_have_another_thread(void)
{
	pthread_t thread;
	sigset_t term, before;
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &term, &before);
	assert_int_equal(pthread_create(&thread, NULL, stranger_leave_last, NULL), 0);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static inline int stranger_listen(uint16_t port, bool v6)
{
	int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in6 at6 = {.sin6_family = AF_INET6, .sin6_port = htons(port),
		.sin6_addr = in6addr_loopback};
	int bound = v6 ? bind(fd, (struct sockaddr *)&at6, sizeof at6)
		       : bind(fd, (struct sockaddr *)&at, sizeof at);
	if (!bound && !listen(fd, 8))
		return fd;
	close(fd);
	return -1;
}

static inline _Noreturn void stranger_run(uint16_t port, enum stranger_kind kind, int ready)
{
	prctl(PR_SET_NAME, "stranger");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	stranger_socket = stranger_listen(port, kind == STRANGER_V6);
	signal(SIGTERM, SIG_DFL);
	if (kind == STRANGER_STUBBORN)
		signal(SIGTERM, SIG_IGN);
	if (kind == STRANGER_LETS_GO)
		signal(SIGTERM, stranger_on_term);
	if (kind == STRANGER_MOVES_IN)
		signal(SIGTERM, stranger_take_byte);
	if (kind == STRANGER_LINGERS) {
		signal(SIGTERM, stranger_leave_first);
		stranger_have_another_thread();
	}
	if (kind == STRANGER_SUPERVISES)
		stranger_take_byte(0);
	if (kind == STRANGER_FORKS && !fork())
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)!write(ready, stranger_socket < 0 ? "-" : "+", 1);
	for (;;)
		pause();
}

static inline struct stranger stranger_start(uint16_t port, enum stranger_kind kind)
{
	int ends[2];
	char byte = '-';
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	struct stranger s = {.pid = fork()};
	if (!s.pid)
		stranger_run(port, kind, ends[1]);
	close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	close(ends[0]);
	assert_int_equal(byte, '+');
	return s;
}

static inline bool stranger_lives(const struct stranger *s)
{
	siginfo_t info = {0};
	return !waitid(P_PID, (id_t)s->pid, &info, WEXITED | WNOHANG | WNOWAIT) && !info.si_pid;
}

/* The signal that ended it, 0 where none did. */
static inline int stranger_end(struct stranger *s)
{
	int status = 0;
	kill(s->pid, SIGKILL);
	assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

#endif
