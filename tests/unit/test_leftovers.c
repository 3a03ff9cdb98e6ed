/* rooms: base model registry listeners orphans */
/* Who is signalled: who carries marks of a dead run, and nobody who has got such a number. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alone.h"
#include "base/clock.h"
#include "orphans/ending.h"
#include "orphans/leftovers.h"
#include "registry/lock.h"

#include <cmocka.h>

static char state_dir[64];
static pid_t started[8];
static size_t start_count;

static int begin(void **state)
{
	(void)state;
	char locks[80];
	if (!alone_directory(state_dir))
		return -1;
	snprintf(locks, sizeof locks, "%s/locks", state_dir);
	return file_make_directories(locks, NULL);
}

static int end(void **state)
{
	(void)state;
	while (start_count)
		kill(started[--start_count], SIGKILL);
	while (waitpid(-1, NULL, 0) > 0)
		continue;
	alone_remove(state_dir);
	return 0;
}

/* ---- processes ---- */

static pid_t keep(pid_t pid)
{
	assert_true(pid > 0);
	started[start_count++] = pid;
	return pid;
}

static char *marks[6];

/* The environment of a service of project shop, until the next call. */
static char **marks_of(const char *run_id, const char *project, const char *instance)
{
	static char rows[5][128];
	snprintf(rows[0], sizeof rows[0], "STACKUP_ID=%s", run_id);
	snprintf(rows[1], sizeof rows[1], "STACKUP_PROJECT=%s", project);
	snprintf(rows[2], sizeof rows[2], "STACKUP_INSTANCE=%s", instance);
	snprintf(rows[3], sizeof rows[3], "STACKUP_SERVICE=api");
	snprintf(rows[4], sizeof rows[4], "STACKUP_STATE_DIR=%s/%s/%s", state_dir, project,
		instance);
	for (int i = 0; i < 5; i++)
		marks[i] = rows[i];
	return marks;
}

/* Becomes the program; whoever started it may go on when that has happened. */
static pid_t start(char *const *argv, char **environment)
{
	int ends[2];
	char byte;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execve(argv[0], argv, environment);
		_exit(127);
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 0);
	close(ends[0]);
	return keep(pid);
}

static pid_t start_marked(const char *run_id, const char *project, const char *instance)
{
	static char program[] = "/bin/sleep";
	static char seconds[] = "600";
	char *const argv[] = {program, seconds, NULL};
	return start(argv, marks_of(run_id, project, instance));
}

static struct owner owner_of(pid_t pid)
{
	return (struct owner){.pid = pid, .start_ticks = owner_start_ticks(pid)};
}

static bool lives(pid_t pid)
{
	siginfo_t info = {0};
	return !waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) && !info.si_pid;
}

/* The signal that ended it; it stays a zombie. */
static int ended_by(pid_t pid)
{
	siginfo_t info = {0};
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	return info.si_status;
}

/* ---- by number and start time ---- */

static void promise_P3_who_has_got_the_number_is_not_signalled(void **state)
{
	(void)state;
	pid_t pid = start_marked("old", "shop", "1");
	struct owner earlier = owner_of(pid);
	earlier.start_ticks--;
	int64_t before = clock_now_ms();
	assert_true(ending_is_over(&earlier));
	assert_int_equal(ending_signal(&earlier, SIGKILL), 0);
	ending_wait(&earlier, before + 20000);
	assert_true(clock_now_ms() - before < 10000);
	assert_true(lives(pid));
	struct owner same = owner_of(pid);
	assert_false(ending_is_over(&same));
	assert_int_equal(ending_signal(&same, SIGTERM), 0);
	ending_wait(&same, before + 20000);
	assert_int_equal(ended_by(pid), SIGTERM);
	/* A zombie has ended, and gets nothing. */
	assert_true(ending_is_over(&same));
	assert_int_equal(ending_signal(&same, SIGKILL), 0);
}

static void fault_C2_a_stopped_one_goes_on_to_end(void **state)
{
	(void)state;
	siginfo_t info;
	pid_t pid = start_marked("old", "shop", "1");
	kill(pid, SIGSTOP);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOWAIT), 0);
	struct owner owner = owner_of(pid);
	assert_int_equal(ending_signal(&owner, SIGTERM), 0);
	ending_wait(&owner, clock_now_ms() + 20000);
	assert_false(lives(pid));
	assert_int_equal(ended_by(pid), SIGTERM);
}

static void a_wait_ends_at_its_deadline(void **state)
{
	(void)state;
	struct owner owner = owner_of(start_marked("old", "shop", "1"));
	int64_t before = clock_now_ms();
	ending_wait(&owner, before + 50);
	assert_true(clock_now_ms() - before >= 49);
	ending_wait(&owner, before);
	assert_true(lives(owner.pid));
}

/* ---- by marks ---- */

static size_t found(const char *project, int instance, const char *run_id, pid_t expected)
{
	struct owner_list all = {0};
	leftovers_find(state_dir, project, instance, run_id, &all);
	size_t count = all.count;
	if (expected) {
		assert_int_equal(count, 1);
		assert_int_equal(all.items[0].pid, expected);
	}
	owners_release(&all);
	return count;
}

static void leftovers_are_of_a_project_an_instance_and_a_dead_run(void **state)
{
	(void)state;
	pid_t first = start_marked("old", "shop", "1");
	pid_t third = start_marked("older", "shop", "3");
	found("shop", 1, NULL, first);
	found("shop", 3, "new", third);
	found("shop", 0, "old", third);
	assert_int_equal(found("shop", 0, NULL, 0), 2);
	assert_int_equal(found("shop", 2, NULL, 0), 0);
	assert_int_equal(found("shop", 1, "old", 0), 0);
	assert_int_equal(found("sho", 0, NULL, 0), 0);
}

static void leftovers_of_another_registry_are_not_ours(void **state)
{
	(void)state;
	char own[sizeof state_dir];
	start_marked("old", "shop", "1");
	memcpy(own, state_dir, sizeof own);
	snprintf(state_dir, sizeof state_dir, "%.50s-2", own);
	assert_int_equal(found("shop", 1, NULL, 0), 0);
	memcpy(state_dir, own, sizeof own);
}

static void leftovers_are_ended_and_nobody_else(void **state)
{
	(void)state;
	struct owner_list removed = {0};
	pid_t old = start_marked("old", "shop", "1");
	pid_t running = start_marked("new", "shop", "1");
	pid_t other = start_marked("old", "blog", "1");
	assert_int_equal(leftovers_remove(state_dir, "shop", 1, "new", 5000, &removed, NULL), 0);
	assert_int_equal(removed.count, 1);
	assert_int_equal(ended_by(old), SIGTERM);
	assert_true(lives(running) && lives(other));
	owners_release(&removed);
}

/* ---- who is never one ---- */

/* In a process that carries the marks: what does one that it has started find? */
static int look_from_below(const char *below)
{
	int status = 0;
	struct owner_list all = {0};
	pid_t child = fork();
	if (!child) {
		leftovers_find(below, "shop", 1, NULL, &all);
		_exit(all.count ? 1 : 0);
	}
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 2;
}

static void the_shell_that_asks_is_none(void **state)
{
	(void)state;
	static char program[] = "/proc/self/exe";
	char *const argv[] = {program, state_dir, NULL};
	int status;
	pid_t shell = start(argv, marks_of("old", "shop", "1"));
	assert_int_equal(waitpid(shell, &status, 0), shell);
	start_count--;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* Forks a supervisor that holds the byte of an instance; it says when. */
static _Noreturn void guard(int ready)
{
	int lock;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!fork()) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (instance_lock(state_dir, 17, 3, 1, &lock, NULL) == 1)
			(void)!write(ready, "+", 1);
	}
	for (;;)
		pause();
}

static void supervisors_and_guardians_are_spared(void **state)
{
	(void)state;
	int ends[2];
	char byte = '-';
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid_t guardian = fork();
	if (!guardian)
		guard(ends[1]);
	keep(guardian);
	close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	close(ends[0]);
	char path[64];
	OWNED_TEXT children = {0};
	snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)guardian, (int)guardian);
	assert_true(file_read_proc(path, &children));
	pid_t supervisor = (pid_t)strtol(text_string(&children), NULL, 10);
	assert_true(leftovers_spare(supervisor));
	assert_true(leftovers_spare(guardian));
	assert_false(leftovers_spare(start_marked("old", "shop", "3")));
	assert_false(leftovers_spare(getpid()));
	kill(supervisor, SIGKILL);
	while (leftovers_spare(supervisor))
		sched_yield();
	assert_false(leftovers_spare(guardian));
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return look_from_below(argv[1]);
	prctl(PR_SET_CHILD_SUBREAPER, 1); /* the children of those that are killed fall to us */
#define AT_PLACE(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		AT_PLACE(promise_P3_who_has_got_the_number_is_not_signalled),
		AT_PLACE(fault_C2_a_stopped_one_goes_on_to_end),
		AT_PLACE(a_wait_ends_at_its_deadline),
		AT_PLACE(leftovers_are_of_a_project_an_instance_and_a_dead_run),
		AT_PLACE(leftovers_of_another_registry_are_not_ours),
		AT_PLACE(leftovers_are_ended_and_nobody_else),
		AT_PLACE(the_shell_that_asks_is_none),
		AT_PLACE(supervisors_and_guardians_are_spared),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
