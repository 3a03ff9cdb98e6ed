/* rooms: spawn model base */
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/own.h"
#include "spawn/guardian.h"
#include "spawn/guardian_wire.h"
#include "spawn/proc.h"

/* After the project's: it has a macro of the name fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/*
 * Every supervisor after the first is this program again, started by the guardian. What the tests share with
 * it lies in memory that the guardian keeps at place 0, as a real one's state does.
 */
enum { SERVICES = 40, SLOT = 7, PLACE_PIPE = 5, PLACE_GONE = 6, PLACE_MANY = 100,
	SHARED_BYTES = 1 << 16, MANY = 900 /* more than a socket takes */ };

enum play { PLAY_REAP, PLAY_DIE, PLAY_STAY, PLAY_SILENT, PLAY_SIGNAL };

struct shared {
	enum play play;
	int supervisors;
	pid_t services[SERVICES];
	int ended[SERVICES]; /* exit codes, plus one */
	int was_zombie; /* of those that were told, before they were reaped */
	int logs;
	int places;
	bool said_last_word; /* the pipe at its place is the one that was given */
	enum guardian_why why[8];
	int signals[8];
	int signal; /* that was waiting for PLAY_SIGNAL */
	pid_t ready; /* the first supervisor */
	bool done;
};

struct supervisor {
	struct guardian guardian;
	struct shared *shared;
	int shared_fd;
};

static struct shared *map(int fd)
{
	void *at = mmap(NULL, SHARED_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return at == MAP_FAILED ? NULL : at;
}

/* ---- a supervisor that replaces another one ---- */

struct heir {
	int shared_fd;
	int pipe_fd;
	int logs;
	int places;
};

static void on_log(void *self, int slot, int pipe_fd, int log_fd)
{
	struct heir *heir = self;
	heir->logs += slot == SLOT;
	close(pipe_fd);
	close(log_fd);
}

static void on_other(void *self, int place, int fd)
{
	struct heir *heir = self;
	heir->places++;
	if (place == 0)
		heir->shared_fd = fd;
	else if (place == PLACE_PIPE)
		heir->pipe_fd = fd;
	else
		close(fd);
}

static void note_end(struct shared *shared, const struct exit_status *status)
{
	struct proc_stat stat;
	for (int i = 0; i < SERVICES; i++)
		if (shared->services[i] == status->pid)
			shared->ended[i] = status->code + 1;
	shared->was_zombie += proc_stat(status->pid, &stat) && proc_is_dead(&stat);
}

/* Until all have ended; each is reaped when it was noted. */
static void reap_all(struct guardian *guardian, struct shared *shared)
{
	struct pollfd told = {.fd = guardian->socket, .events = POLLIN};
	struct exit_status status;
	for (int left = SERVICES; left;) {
		int got = guardian_next_end(guardian, &status);
		if (got < 0)
			_exit(81);
		if (!got) {
			poll(&told, 1, -1);
			continue;
		}
		note_end(shared, &status);
		/* What comes while something else is waited for is not lost. */
		if (left % 2 && guardian_await(guardian, NULL))
			_exit(82);
		guardian_reap(guardian, status.pid, NULL);
		left--;
	}
}

/* Place 0 comes first: so it is known even to one that will not read the rest. */
static int receive_shared(void)
{
	struct guardian_message message;
	struct pollfd more = {.fd = GUARDIAN_SOCKET, .events = POLLIN};
	int fds[GUARDIAN_FDS_MOST];
	size_t count = 0;
	poll(&more, 1, -1);
	if (guardian_receive(GUARDIAN_SOCKET, &message, fds, &count) != 1 || count != 1)
		_exit(86);
	return fds[0];
}

static int wait_for_signal(void)
{
	const struct timespec most = {.tv_sec = 20};
	sigset_t wanted;
	sigemptyset(&wanted);
	sigaddset(&wanted, SIGTERM);
	sigaddset(&wanted, SIGINT);
	sigaddset(&wanted, SIGHUP);
	return sigtimedwait(&wanted, NULL, &most);
}

static _Noreturn void replace_another(void)
{
	struct guardian guardian;
	struct guardian_cause cause;
	struct heir heir = {.shared_fd = receive_shared(), .pipe_fd = -1, .places = 1};
	const struct guardian_heir hooks = {.self = &heir, .on_log = on_log, .on_other = on_other};
	char byte = 0;
	struct shared *shared = map(heir.shared_fd);
	if (!shared || !shared->supervisors)
		_exit(84);
	int n = shared->supervisors++;
	while (shared->play == PLAY_SILENT && n == 1)
		pause();
	if (guardian_inherit(&guardian, &hooks, &cause, NULL))
		_exit(83);
	shared->why[n] = cause.why;
	shared->signals[n] = cause.signal;
	if (shared->play == PLAY_DIE)
		raise(SIGKILL);
	shared->logs = heir.logs;
	shared->places = heir.places;
	shared->said_last_word = read(heir.pipe_fd, &byte, 1) == 1 && byte == '!';
	guardian_took_over(&guardian, NULL);
	if (shared->play == PLAY_REAP)
		reap_all(&guardian, shared);
	if (shared->play == PLAY_SIGNAL)
		shared->signal = wait_for_signal();
	shared->done = true;
	guardian_tell_end(&guardian, -1, NULL);
	_exit(7);
}

/* ---- the first one ---- */

static bool begin(struct supervisor *s, enum play play)
{
	enum guardian_side side;
	s->shared_fd = memfd_create("shared", MFD_CLOEXEC);
	assert_int_equal(ftruncate(s->shared_fd, SHARED_BYTES), 0);
	s->shared = map(s->shared_fd);
	assert_non_null(s->shared);
	s->shared->play = play;
	s->shared->supervisors = 1;
	assert_int_equal(guardian_start(&s->guardian, 2, &side, NULL), 0);
	return side == GUARDIAN_SUPERVISOR;
}

static void give(struct supervisor *s)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) || write(ends[1], "!", 1) != 1)
		_exit(91);
	int log = memfd_create("log", MFD_CLOEXEC);
	guardian_keep(&s->guardian, SLOT, ends[0], log, NULL);
	guardian_keep(&s->guardian, SLOT + 1, ends[0], log, NULL);
	guardian_drop(&s->guardian, SLOT + 1, NULL);
	guardian_hold(&s->guardian, 0, s->shared_fd, NULL);
	guardian_hold(&s->guardian, PLACE_PIPE, log, NULL);
	guardian_hold(&s->guardian, PLACE_PIPE, ends[0], NULL);
	guardian_hold(&s->guardian, PLACE_GONE, log, NULL);
	guardian_let_go(&s->guardian, PLACE_GONE, NULL);
	if (guardian_await(&s->guardian, NULL))
		_exit(92);
}

/* One half ends before anybody could see it, the other one later. */
static void start_services(struct supervisor *s)
{
	pid_t supervisor = getpid();
	for (int i = 0; i < SERVICES; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			while (i % 2 && getppid() == supervisor)
				poll(NULL, 0, 1);
			_exit(i);
		}
		s->shared->services[i] = pid;
	}
}

static int await(struct supervisor *s)
{
	int status;
	assert_int_equal(waitpid(s->guardian.pid, &status, 0), s->guardian.pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void end(struct supervisor *s)
{
	munmap(s->shared, SHARED_BYTES);
	close(s->shared_fd);
}

static void it_has_everything_and_every_end_is_told_once(void **state)
{
	struct supervisor s;
	(void)state;
	if (begin(&s, PLAY_REAP)) {
		give(&s);
		start_services(&s);
		guardian_arm(&s.guardian, true, NULL);
		raise(SIGKILL);
	}
	assert_int_equal(await(&s), 7);
	assert_true(s.shared->done);
	assert_int_equal(s.shared->why[1], GUARDIAN_WHY_DIED);
	assert_int_equal(s.shared->signals[1], SIGKILL);
	assert_int_equal(s.shared->logs, 1);
	assert_int_equal(s.shared->places, 2);
	assert_true(s.shared->said_last_word);
	for (int i = 0; i < SERVICES; i++)
		assert_int_equal(s.shared->ended[i], i + 1);
	assert_int_equal(s.shared->was_zombie, SERVICES);
	end(&s);
}

static void one_that_is_not_armed_is_not_replaced(void **state)
{
	struct supervisor s;
	(void)state;
	if (begin(&s, PLAY_STAY)) {
		give(&s);
		guardian_arm(&s.guardian, true, NULL);
		guardian_arm(&s.guardian, false, NULL);
		raise(SIGKILL);
	}
	assert_int_equal(await(&s), 128 + SIGKILL);
	assert_int_equal(s.shared->supervisors, 1);
	end(&s);
}

static void an_orderly_end_is_the_end(void **state)
{
	struct supervisor s;
	(void)state;
	if (begin(&s, PLAY_STAY)) {
		give(&s);
		guardian_arm(&s.guardian, true, NULL);
		guardian_tell_end(&s.guardian, -1, NULL);
		_exit(3);
	}
	assert_int_equal(await(&s), 3);
	assert_int_equal(s.shared->supervisors, 1);
	end(&s);
}

static void the_third_death_in_a_minute_is_the_end(void **state)
{
	struct supervisor s;
	(void)state;
	if (begin(&s, PLAY_DIE)) {
		give(&s);
		guardian_arm(&s.guardian, true, NULL);
		raise(SIGSEGV);
	}
	assert_int_equal(await(&s), 128 + SIGKILL);
	assert_int_equal(s.shared->supervisors, GUARDIAN_DEATHS);
	assert_int_equal(s.shared->signals[1], SIGSEGV);
	assert_int_equal(s.shared->why[2], GUARDIAN_WHY_NOT_TAKEN);
	end(&s);
}

static void who_asks_is_replaced_by_another_program_or_by_this_one(void **state)
{
	struct supervisor s;
	(void)state;
	if (begin(&s, PLAY_STAY)) {
		give(&s);
		guardian_ask_replacement(&s.guardian, open("/bin/true", O_RDONLY | O_CLOEXEC), NULL);
		_exit(0);
	}
	assert_int_equal(await(&s), 7);
	assert_int_equal(s.shared->supervisors, 2);
	assert_int_equal(s.shared->why[1], GUARDIAN_WHY_NOT_TAKEN);
	end(&s);
	if (begin(&s, PLAY_STAY)) {
		give(&s);
		guardian_ask_replacement(&s.guardian, -1, NULL);
		_exit(0);
	}
	assert_int_equal(await(&s), 7);
	assert_int_equal(s.shared->why[1], GUARDIAN_WHY_ASKED);
	end(&s);
}

static void one_that_does_not_read_is_not_waited_for_forever(void **state)
{
	struct supervisor s;
	(void)state;
	if (begin(&s, PLAY_SILENT)) {
		give(&s);
		for (int i = 0; i < MANY; i++)
			if (guardian_hold(&s.guardian, PLACE_MANY + i, s.shared_fd, NULL))
				_exit(93);
		guardian_arm(&s.guardian, true, NULL);
		raise(SIGKILL);
	}
	assert_int_equal(await(&s), 7);
	assert_int_equal(s.shared->supervisors, 3);
	assert_int_equal(s.shared->why[2], GUARDIAN_WHY_NOT_TAKEN);
	assert_int_equal(s.shared->places, MANY + 2);
	end(&s);
}

/* ---- what comes while there is no supervisor ---- */

static _Noreturn void be_ready(struct supervisor *s)
{
	give(s);
	guardian_arm(&s->guardian, true, NULL);
	if (guardian_await(&s->guardian, NULL))
		_exit(94);
	__atomic_store_n(&s->shared->ready, getpid(), __ATOMIC_SEQ_CST);
	for (;;)
		pause();
}

static pid_t await_ready(struct supervisor *s)
{
	pid_t pid;
	while (!(pid = __atomic_load_n(&s->shared->ready, __ATOMIC_SEQ_CST)))
		sched_yield();
	return pid;
}

static void expect_signal(struct supervisor *s, int number)
{
	assert_int_equal(await(s), 7);
	assert_int_equal(s->shared->supervisors, 2);
	assert_int_equal(s->shared->signal, number);
	end(s);
}

static void what_is_sent_to_a_dead_one_is_the_next_ones(void **state)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct supervisor s;
		if (begin(&s, PLAY_SIGNAL))
			be_ready(&s);
		struct proc_stat stat;
		pid_t supervisor = await_ready(&s);
		kill(s.guardian.pid, SIGSTOP);
		kill(supervisor, SIGKILL);
		while (proc_stat(supervisor, &stat) && !proc_is_dead(&stat))
			sched_yield();
		kill(s.guardian.pid, numbers[i]);
		kill(s.guardian.pid, SIGCONT);
		expect_signal(&s, numbers[i]);
	}
}

static void what_is_sent_to_a_dying_one_is_the_next_ones(void **state)
{
	(void)state;
	for (int round = 0; round < 20; round++) {
		struct supervisor s;
		if (begin(&s, PLAY_SIGNAL))
			be_ready(&s);
		pid_t supervisor = await_ready(&s);
		kill(supervisor, SIGKILL);
		kill(s.guardian.pid, SIGTERM);
		expect_signal(&s, SIGTERM);
	}
}

/* INT comes as TERM: two of the first would be more than was sent. */
static void what_one_may_not_have_done_is_the_next_ones(void **state)
{
	static const int numbers[][2] = {{SIGTERM, SIGTERM}, {SIGINT, SIGTERM}, {SIGHUP, SIGHUP}};
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct supervisor s;
		if (begin(&s, PLAY_SIGNAL)) {
			sigset_t all;
			sigfillset(&all);
			sigprocmask(SIG_SETMASK, &all, NULL);
			give(&s);
			guardian_arm(&s.guardian, true, NULL);
			kill(s.guardian.pid, numbers[i][0]);
			if (wait_for_signal() != numbers[i][0])
				_exit(95);
			raise(SIGKILL);
		}
		expect_signal(&s, numbers[i][1]);
	}
}

static void no_descriptor_for_a_moment_is_not_the_end(void **state)
{
	enum { SEEN_TO_WAIT_MS = 300 };
	struct supervisor s;
	struct rlimit before;
	(void)state;
	if (begin(&s, PLAY_STAY))
		be_ready(&s);
	pid_t supervisor = await_ready(&s);
	assert_int_equal(prlimit(s.guardian.pid, RLIMIT_NOFILE, NULL, &before), 0);
	const struct rlimit none = {.rlim_cur = 3, .rlim_max = before.rlim_max};
	assert_int_equal(prlimit(s.guardian.pid, RLIMIT_NOFILE, &none, NULL), 0);
	kill(supervisor, SIGKILL);
	int64_t until = clock_now_ms() + SEEN_TO_WAIT_MS;
	while (clock_now_ms() < until) {
		assert_int_equal(waitpid(s.guardian.pid, NULL, WNOHANG), 0);
		poll(NULL, 0, 10);
	}
	assert_int_equal(s.shared->supervisors, 1);
	assert_int_equal(prlimit(s.guardian.pid, RLIMIT_NOFILE, &before, NULL), 0);
	assert_int_equal(await(&s), 7);
	assert_int_equal(s.shared->supervisors, 2);
	end(&s);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], GUARDIAN_RESUME))
		replace_another();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_has_everything_and_every_end_is_told_once),
		cmocka_unit_test(one_that_is_not_armed_is_not_replaced),
		cmocka_unit_test(an_orderly_end_is_the_end),
		cmocka_unit_test(the_third_death_in_a_minute_is_the_end),
		cmocka_unit_test(who_asks_is_replaced_by_another_program_or_by_this_one),
		cmocka_unit_test(one_that_does_not_read_is_not_waited_for_forever),
		cmocka_unit_test(what_is_sent_to_a_dead_one_is_the_next_ones),
		cmocka_unit_test(what_is_sent_to_a_dying_one_is_the_next_ones),
		cmocka_unit_test(what_one_may_not_have_done_is_the_next_ones),
		cmocka_unit_test(no_descriptor_for_a_moment_is_not_the_end),
	};
	return cmocka_run_group_tests_name("guardian resume", tests, NULL, NULL);
}
