/* rooms: spawn model base */
#include <errno.h>
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
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/own.h"
#include "spawn/guardian.h"
#include "spawn/guardian_sweep.h"
#include "spawn/proc.h"

/* After the project's: it has a macro of the name fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

enum { PATIENCE_MS = 20000, WRITERS = 4, RANDOM_KILLS = 40 };

static char dir[] = "/tmp/stackup-guardian-XXXXXX";
static unsigned long seed;

/*
 * What test and processes share. Every process of a run adds one to `born` when it begins; whether
 * one is still there is seen by the lock that all of them inherit (`alive_fd`): a pipe whose
 * reading end tells when the last writer is gone.
 */
struct shared {
	int born;
	pid_t supervisor;
	bool ready;
	bool orderly;
	uint64_t written[WRITERS]; /* lines whose write has returned */
};
static struct shared *shared;

struct run {
	struct guardian guardian;
	int alive;       /* end of file when no process of the run is left */
	int alive_write; /* only in the run */
};

static void begin_child(void)
{
	signal(SIGTERM, SIG_IGN);
	__atomic_add_fetch(&shared->born, 1, __ATOMIC_SEQ_CST);
}

static _Noreturn void rest(void)
{
	for (;;)
		pause();
}

/* --- services of the fake supervisor --- */

static void double_fork(void)
{
	if (fork() == 0) {
		setsid();
		if (fork() == 0) {
			begin_child();
			rest();
		}
		_exit(0);
	}
}

static void write_lines(int index, int fd)
{
	char line[64];
	for (uint64_t i = 0;; i++) {
		int length = snprintf(
			line, sizeof line, "line %llu of %d\n", (unsigned long long)i, index);
		if (write(fd, line, (size_t)length) != length)
			_exit(1);
		__atomic_store_n(&shared->written[index], i + 1, __ATOMIC_SEQ_CST);
	}
}

static pid_t fork_service(void (*what)(void))
{
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	setsid();
	what();
	begin_child();
	rest();
}

static void nothing_special(void)
{
}

static void stop_itself(void)
{
	begin_child();
	raise(SIGSTOP);
}

static void setsid_below(void)
{
	if (fork() == 0) {
		setsid();
		begin_child();
		rest();
	}
}

static void fork_on(void)
{
	for (;;) {
		pid_t pid = fork();
		if (pid > 0)
			_exit(0);
		setsid();
	}
}

/* --- the fake supervisor --- */

struct log {
	int read_end;
	int write_end;
	int file;
};

static char *log_path(int index, int part)
{
	static char path[4200];
	snprintf(path, sizeof path, "%s/%d.%d.log", dir, index, part);
	return path;
}

static int open_log_file(int index, int part)
{
	return open(log_path(index, part), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
}

static void open_log(struct guardian *guardian, struct log *log, int index)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) || fcntl(ends[0], F_SETFL, O_NONBLOCK))
		_exit(91);
	*log = (struct log){ends[0], ends[1], open_log_file(index, 0)};
	if (guardian_keep(guardian, index, log->read_end, log->file, NULL))
		_exit(92);
}

static void start_writer(const struct log *log, int index)
{
	if (fork() == 0) {
		setsid();
		begin_child();
		write_lines(index, log->write_end);
	}
}

static void on_term(int signal)
{
	(void)signal;
	shared->orderly = true;
	_exit(0);
}

/* Starts all kinds of services, then moves logs until it is killed. */
static _Noreturn void supervise(struct run *run)
{
	struct log logs[WRITERS];
	void (*const kinds[])(void) = {
		nothing_special, stop_itself, setsid_below, double_fork, fork_on};
	shared->supervisor = getpid();
	for (int i = 0; i < WRITERS; i++)
		open_log(&run->guardian, &logs[i], i);
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		fork_service(kinds[i]);
	for (int i = 0; i < WRITERS; i++)
		start_writer(&logs[i], i);
	shared->ready = true;
	for (unsigned turn = 0;; turn++) {
		struct log *log = &logs[turn % WRITERS];
		splice(log->read_end, NULL, log->file, NULL, 4096, SPLICE_F_MOVE);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			continue;
	}
}

/* --- fixture --- */

static void open_run(struct run *run)
{
	int ends[2];
	*shared = (struct shared){0};
	assert_int_equal(pipe(ends), 0); /* every process of the run inherits the end for writing */
	run->alive = ends[0];
	run->alive_write = ends[1];
}

/* In S: with all of the test's descriptors, among them the end for writing. */
static bool start_guardian(struct run *run)
{
	enum guardian_side side;
	struct error e;
	open_run(run);
	assert_int_equal(guardian_start(&run->guardian, 2, &side, &e), 0);
	if (side == GUARDIAN_SUPERVISOR) {
		close(run->alive);
		return true;
	}
	close(run->alive_write);
	return false;
}

static void await_ready(void)
{
	int64_t until = clock_now_ms() + PATIENCE_MS;
	while (!__atomic_load_n(&shared->ready, __ATOMIC_SEQ_CST)) {
		assert_true(clock_now_ms() < until);
		sched_yield();
	}
}

static int await_guardian(struct run *run)
{
	int status;
	assert_int_equal(waitpid(run->guardian.pid, &status, 0), run->guardian.pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* Nobody holds the pipe any more: not one process of the run is left. G has closed it at once. */
static void assert_none_left(struct run *run)
{
	struct pollfd polled = {.fd = run->alive, .events = POLLIN};
	assert_int_equal(poll(&polled, 1, 0), 1);
	assert_true(polled.revents & POLLHUP);
	close(run->alive);
}

/* Each line once, in order, and all that were acknowledged to their writer. */
static void assert_log_complete(int index, int parts)
{
	uint64_t next = 0;
	for (int part = 0; part < parts; part++) {
		FILE *file = fopen(log_path(index, part), "r");
		assert_non_null(file);
		char line[64];
		while (fgets(line, sizeof line, file)) {
			char wanted[64];
			snprintf(wanted, sizeof wanted, "line %llu of %d\n",
				(unsigned long long)next, index);
			assert_string_equal(line, wanted);
			next++;
		}
		fclose(file);
	}
	assert_in_range(next, shared->written[index], shared->written[index] + 1);
}

/* --- S1 --- */

static void pause_us(unsigned long us)
{
	const struct timespec t = {.tv_nsec = (long)us * 1000};
	nanosleep(&t, NULL);
}

static unsigned long next_random(void)
{
	seed = seed * 6364136223846793005ul + 1442695040888963407ul;
	return seed >> 33;
}

static void kill_at_a_random_moment(void)
{
	struct run run;
	if (start_guardian(&run))
		supervise(&run);
	int64_t until = clock_now_ms() + PATIENCE_MS;
	while (!__atomic_load_n(&shared->supervisor, __ATOMIC_SEQ_CST))
		assert_true(clock_now_ms() < until);
	pause_us(next_random() % 30000);
	int64_t killed = clock_now_ms();
	assert_int_equal(kill(shared->supervisor, SIGKILL), 0);
	assert_int_equal(await_guardian(&run), 128 + SIGKILL);
	assert_none_left(&run);
	assert_true(clock_now_ms() - killed < 5000);
	for (int i = 0; i < WRITERS; i++)
		if (shared->written[i])
			assert_log_complete(i, 1);
}

static void fault_S1_killed_at_random_moments(void **state)
{
	const char *wanted = getenv("STACKUP_TEST_KILLS");
	long kills = wanted ? strtol(wanted, NULL, 10) : RANDOM_KILLS;
	(void)state;
	print_message("seed %lu\n", seed);
	for (long i = 0; i < kills; i++)
		kill_at_a_random_moment();
}

static void fault_S1_killed_when_all_run(void **state)
{
	struct run run;
	(void)state;
	if (start_guardian(&run))
		supervise(&run);
	await_ready();
	while (shared->born < 4 + WRITERS || !shared->written[WRITERS - 1])
		sched_yield();
	kill(shared->supervisor, SIGKILL);
	assert_int_equal(await_guardian(&run), 128 + SIGKILL);
	assert_none_left(&run);
	for (int i = 0; i < WRITERS; i++)
		assert_log_complete(i, 1);
}

/* --- S2: the guardian dies --- */

static _Noreturn void supervise_orderly(struct run *run, bool with_service)
{
	struct log log;
	signal(SIGTERM, on_term);
	if (with_service) {
		open_log(&run->guardian, &log, 0);
		start_writer(&log, 0);
	}
	shared->supervisor = getpid();
	shared->ready = true;
	rest();
}

static void fault_S2_guardian_killed_is_an_orderly_stop(void **state)
{
	struct run run;
	(void)state;
	if (start_guardian(&run))
		supervise_orderly(&run, false);
	await_ready();
	kill(run.guardian.pid, SIGKILL);
	assert_int_equal(waitpid(run.guardian.pid, NULL, 0), run.guardian.pid);
	struct pollfd polled = {.fd = run.alive, .events = POLLIN};
	assert_int_equal(poll(&polled, 1, PATIENCE_MS), 1);
	assert_true(shared->orderly);
	assert_none_left(&run);
}

/* --- S4: crashes; exit codes --- */

static void fault_S4_the_exit_code_tells_how_it_ended(void **state)
{
	static const struct {
		int signal;
		int code;
		int expected;
	} ends[] = {{SIGSEGV, 0, 139}, {SIGABRT, 0, 134}, {SIGBUS, 0, 135}, {0, 0, 0}, {0, 5, 5}};
	(void)state;
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		struct run run;
		if (start_guardian(&run)) {
			struct rlimit no_core = {0, 0};
			setrlimit(RLIMIT_CORE, &no_core);
			signal(ends[i].signal ? ends[i].signal : SIGUSR2, SIG_DFL);
			fork_service(setsid_below);
			if (ends[i].signal)
				kill(getpid(), ends[i].signal);
			_exit(ends[i].code);
		}
		assert_int_equal(await_guardian(&run), ends[i].expected);
		assert_none_left(&run);
	}
}

/* --- S5, descriptors, signals --- */

static bool may_lower_oom_score(void)
{
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
		_exit(fd >= 0 && write(fd, "-900", 4) == 4 ? 0 : 1);
	}
	int status;
	waitpid(pid, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void fault_S5_the_guardian_is_spared_by_the_oom_killer(void **state)
{
	struct run run;
	(void)state;
	if (!may_lower_oom_score())
		skip(); /* needs CAP_SYS_RESOURCE; without it G is as everybody else */
	if (start_guardian(&run))
		supervise_orderly(&run, false);
	await_ready();
	char path[PROC_PATH_SIZE];
	OWNED_TEXT guardian = {0};
	OWNED_TEXT supervisor = {0};
	OWNED_TEXT own = {0};
	int64_t until = clock_now_ms() + PATIENCE_MS;
	while (strcmp(text_string(&guardian), "-900\n") && clock_now_ms() < until) {
		text_clear(&guardian);
		file_read_proc(proc_path(path, run.guardian.pid, "oom_score_adj"), &guardian);
	}
	file_read_proc(proc_path(path, shared->supervisor, "oom_score_adj"), &supervisor);
	file_read_proc("/proc/self/oom_score_adj", &own);
	kill(run.guardian.pid, SIGTERM);
	assert_int_equal(await_guardian(&run), 0);
	assert_none_left(&run);
	assert_string_equal(text_string(&guardian), "-900\n");
	assert_string_equal(text_string(&supervisor), text_string(&own));
}

struct numbers {
	int found[64];
	int count;
};

static bool add_fd(void *self, int number)
{
	struct numbers *numbers = self;
	if (numbers->count < 64)
		numbers->found[numbers->count++] = number;
	return true;
}

static void the_guardian_keeps_nothing_of_its_caller(void **state)
{
	struct run run;
	(void)state;
	if (start_guardian(&run))
		supervise_orderly(&run, true);
	await_ready();
	while (!shared->written[0])
		sched_yield();
	char path[PROC_PATH_SIZE];
	struct numbers numbers;
	int64_t until = clock_now_ms() + PATIENCE_MS;
	do {
		numbers.count = 0;
		proc_numbers(proc_path(path, run.guardian.pid, "fd"), add_fd, &numbers);
	} while (numbers.count != 7 && clock_now_ms() < until);
	/* 0-2 null, socket, signals, one pipe, one log */
	assert_int_equal(numbers.count, 7);
	char cwd[16] = "";
	assert_int_equal(readlink(proc_path(path, run.guardian.pid, "cwd"), cwd, sizeof cwd), 1);
	assert_int_equal(getsid(run.guardian.pid), run.guardian.pid);
	assert_int_equal(getsid(shared->supervisor), run.guardian.pid);
	kill(run.guardian.pid, SIGTERM);
	assert_int_equal(await_guardian(&run), 0);
	assert_none_left(&run);
	assert_true(shared->orderly);
}

static void signals_to_the_guardian_are_handed_on_or_ignored(void **state)
{
	static const int handed_on[] = {SIGTERM, SIGINT, SIGHUP};
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct run run;
		if (start_guardian(&run)) {
			signal(SIGINT, on_term);
			signal(SIGHUP, on_term);
			supervise_orderly(&run, false);
		}
		await_ready();
		static const int ignored[] = {SIGUSR1, SIGUSR2, SIGQUIT, SIGTSTP, SIGPIPE, SIGALRM};
		for (size_t k = 0; k < sizeof ignored / sizeof *ignored; k++)
			kill(run.guardian.pid, ignored[k]);
		kill(run.guardian.pid, handed_on[i]);
		assert_int_equal(await_guardian(&run), 0);
		assert_true(shared->orderly);
		assert_none_left(&run);
	}
}

/* --- logs --- */

static void rotation_and_dropped_slots(void **state)
{
	struct run run;
	(void)state;
	if (start_guardian(&run)) {
		struct log log;
		struct log dropped;
		open_log(&run.guardian, &log, 0);
		open_log(&run.guardian, &dropped, 1);
		file_write_all(dropped.write_end, "lost\n", 5);
		guardian_drop(&run.guardian, 1, NULL);
		file_write_all(log.write_end, "line 0 of 0\n", 12);
		splice(log.read_end, NULL, log.file, NULL, 4096, 0);
		int second = open_log_file(0, 1);
		if (guardian_keep(&run.guardian, 0, log.read_end, second, NULL))
			_exit(93);
		file_write_all(log.write_end, "line 1 of 0\n", 12);
		splice(log.read_end, NULL, second, NULL, 4096, 0);
		file_write_all(log.write_end, "line 2 of 0\n", 12);
		shared->written[0] = 3;
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(await_guardian(&run), 137);
	assert_none_left(&run);
	assert_log_complete(0, 2);
	struct stat st;
	assert_int_equal(stat(log_path(1, 0), &st), 0);
	assert_int_equal(st.st_size, 0);
}

/* What stands in the file after the supervisor has ended with `code` or, where that is 0, by SIGKILL. */
static void end_with(int code, bool withdrawn, char *said, size_t size)
{
	struct run run;
	if (start_guardian(&run)) {
		int file = open_log_file(0, 0);
		file_write_all(file, "before\n", 7);
		if (guardian_tell_end(&run.guardian, file, NULL) ||
			(withdrawn && guardian_tell_end(&run.guardian, -1, NULL)))
			_exit(93);
		if (code)
			_exit(code);
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(await_guardian(&run), code ? code : 137);
	assert_none_left(&run);
	int fd = open(log_path(0, 0), O_RDONLY);
	ssize_t got = read(fd, said, size - 1);
	close(fd);
	said[got > 0 ? got : 0] = '\0';
}

static void it_tells_how_the_supervisor_ended(void **state)
{
	char said[128];
	(void)state;
	end_with(0, false, said, sizeof said);
	assert_string_equal(said, "before\nsupervisor was killed by SIGKILL\n");
	end_with(9, false, said, sizeof said);
	assert_string_equal(said, "before\nsupervisor ended with exit code 9\n");
	end_with(9, true, said, sizeof said);
	assert_string_equal(said, "before\n");
}

static void one_that_does_not_read_is_waited_for_once(void **state)
{
	struct run run;
	(void)state;
	if (start_guardian(&run)) {
		struct log log;
		int calls = 0;
		open_log(&run.guardian, &log, 0);
		kill(run.guardian.pid, SIGSTOP);
		while (!guardian_keep(&run.guardian, 0, log.read_end, log.file, NULL))
			if (++calls > 1000000)
				_exit(93);
		if (!run.guardian.is_silent ||
			!guardian_keep(&run.guardian, 0, log.read_end, log.file, NULL))
			_exit(94);
		kill(run.guardian.pid, SIGCONT);
		while (guardian_keep(&run.guardian, 0, log.read_end, log.file, NULL))
			sched_yield();
		_exit(run.guardian.is_silent ? 95 : 0);
	}
	assert_int_equal(await_guardian(&run), 0);
	assert_none_left(&run);
}

static void many_slots_in_one_go(void **state)
{
	struct run run;
	enum { MANY = 600 };
	(void)state;
	if (start_guardian(&run)) {
		struct rlimit files;
		getrlimit(RLIMIT_NOFILE, &files);
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
		int file = open_log_file(0, 0);
		if (files.rlim_max < 3 * MANY + 50)
			_exit(0);
		for (int i = 0; i < MANY; i++) {
			int ends[2];
			if (pipe2(ends, O_CLOEXEC) ||
				guardian_keep(&run.guardian, i, ends[0], file, NULL))
				_exit(94);
			if (write(ends[1], "x", 1) != 1)
				_exit(95);
		}
		if (guardian_keep(&run.guardian, GUARDIAN_SLOTS, 0, 0, NULL) != -1)
			_exit(96);
		kill(getpid(), SIGKILL);
	}
	int code = await_guardian(&run);
	assert_none_left(&run);
	if (!code)
		skip();
	assert_int_equal(code, 137);
	struct stat st;
	assert_int_equal(stat(log_path(0, 0), &st), 0);
	assert_int_equal(st.st_size, MANY);
}

static void draining_falls_back_where_splice_cannot(void **state)
{
	int ends[2];
	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	int file = open_log_file(0, 0);
	close(file);
	file = open(log_path(0, 0), O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_int_equal(file_write_all(ends[1], "line 0 of 0\nline 1 of 0\n", 24), 0);
	guardian_drain(ends[0], file); /* the other end is open: it must not wait */
	shared->written[0] = 2;
	assert_log_complete(0, 1);
	close(ends[0]);
	close(ends[1]);
	close(file);
}

/* --- S23 --- */

static void first_process(void)
{
	struct run run;
	if (start_guardian(&run))
		supervise(&run);
	while (!__atomic_load_n(&shared->ready, __ATOMIC_SEQ_CST))
		sched_yield();
	kill(shared->supervisor, SIGKILL);
	if (await_guardian(&run) != 137)
		_exit(1);
	assert_none_left(&run);
	_exit(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD ? 0 : 2);
}

static void fault_S23_below_the_first_process_of_a_container(void **state)
{
	(void)state;
	fflush(NULL);
	pid_t outside = fork();
	if (outside == 0) {
		if (unshare(CLONE_NEWPID | CLONE_NEWNS))
			_exit(77);
		pid_t first = fork();
		if (first == 0) {
			if (system("mount -t proc proc /proc"))
				_exit(77);
			first_process();
		}
		int status;
		waitpid(first, &status, 0);
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 99);
	}
	int status;
	waitpid(outside, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const char *wanted = getenv("STACKUP_TEST_SEED");
	seed = wanted ? strtoul(wanted, NULL, 10) : (unsigned long)clock_wall_ms();
	shared = mmap(
		NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || !mkdtemp(dir))
		return 1;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fault_S1_killed_when_all_run),
		cmocka_unit_test(fault_S1_killed_at_random_moments),
		cmocka_unit_test(fault_S2_guardian_killed_is_an_orderly_stop),
		cmocka_unit_test(fault_S4_the_exit_code_tells_how_it_ended),
		cmocka_unit_test(fault_S5_the_guardian_is_spared_by_the_oom_killer),
		cmocka_unit_test(the_guardian_keeps_nothing_of_its_caller),
		cmocka_unit_test(signals_to_the_guardian_are_handed_on_or_ignored),
		cmocka_unit_test(rotation_and_dropped_slots),
		cmocka_unit_test(it_tells_how_the_supervisor_ended),
		cmocka_unit_test(one_that_does_not_read_is_waited_for_once),
		cmocka_unit_test(many_slots_in_one_go),
		cmocka_unit_test(draining_falls_back_where_splice_cannot),
		cmocka_unit_test(fault_S23_below_the_first_process_of_a_container),
	};
	int failed = cmocka_run_group_tests_name("guardian", tests, NULL, NULL);
	file_remove_tree(dir, NULL);
	return failed;
}
