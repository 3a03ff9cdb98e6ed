/* rooms: base model registry listeners */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "alone.h"
#include "base/own.h"
#include "listeners/owner.h"
#include "registry/bytelock.h"

/* Last: it has a macro called fail. */
#include <cmocka.h>

extern char **environ;

/* As servers do that show a title: what /proc/PID/environ reads is theirs to overwrite. */
static void overwrite_environment(void)
{
	char *end = environ[0];
	for (char **at = environ; *at; at++)
		end = *at + strlen(*at) + 1;
	memset(environ[0], 0, (size_t)(end - environ[0]));
}

static void wait_for_end(int fd)
{
	char byte;
	while (read(fd, &byte, 1) > 0)
		continue;
}

/*
 * What this program does when a test starts it again: `parent LOCK ANSWER GATE`. It holds the byte of
 * an instance in LOCK (none: -), forks a server that overwrites its environment, writes the pid to ANSWER, and both live until GATE is closed.
 */
static int act(char **argv)
{
	int answer = (int)strtol(argv[3], NULL, 10), gate = (int)strtol(argv[4], NULL, 10);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	int lock = strcmp(argv[2], "-") != 0 ? bytelock_open(argv[2], NULL) : -1;
	if (lock >= 0 && bytelock_try(lock, 3, 1, NULL) != 1)
		return 1;
	pid_t child = fork();
	if (!child) {
		pid_t self = getpid();
		close(lock);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		overwrite_environment();
		(void)!write(answer, &self, sizeof self);
		wait_for_end(gate);
		_exit(0);
	}
	wait_for_end(gate);
	waitpid(child, NULL, 0);
	return 0;
}

struct family {
	pid_t parent;
	pid_t server;
	int gate;
};

static struct family begin_family(const char *lock, const char *log, char *const env[])
{
	struct family family;
	int answer[2], gate[2];
	char answer_word[12], gate_word[12];
	assert_return_code(pipe(answer) | pipe(gate), errno);
	family.parent = fork();
	if (!family.parent) {
		int fd = log ? open(log, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) : -1;
		if (fd >= 0)
			dup2(fd, 2);
		close(answer[0]);
		close(gate[1]);
		snprintf(answer_word, sizeof answer_word, "%d", answer[1]);
		snprintf(gate_word, sizeof gate_word, "%d", gate[0]);
		char name[128];
		snprintf(name, sizeof name, "%s", lock);
		char *argv[] = {(char[]){"x"}, (char[]){"parent"}, name, answer_word, gate_word, NULL};
		execve("/proc/self/exe", argv, env);
		_exit(127);
	}
	close(answer[1]);
	close(gate[0]);
	family.gate = gate[1];
	assert_int_equal(read(answer[0], &family.server, sizeof family.server), sizeof family.server);
	close(answer[0]);
	return family;
}

static void end_family(struct family *family)
{
	close(family->gate);
	assert_int_equal(waitpid(family->parent, NULL, 0), family->parent);
}

static void marks_of_an_ancestor_count(void **state)
{
	(void)state;
	char *env[] = {(char[]){"PATH=/bin"}, (char[]){"STACKUP_ID=run-7"}, (char[]){"STACKUP_PROJECT=shop"},
		(char[]){"STACKUP_INSTANCE=3"}, (char[]){"STACKUP_SERVICE=db"}, NULL};
	struct family family = begin_family("-", NULL, env);
	struct owner owner;
	assert_true(owner_describe(family.server, &owner));
	assert_string_equal(owner.run_id, "run-7");
	assert_string_equal(owner.project, "shop");
	assert_string_equal(owner.service, "db");
	assert_int_equal(owner.instance, 3);
	owner_release(&owner);
	end_family(&family);
}

static void a_supervisor_tells_whose_its_child_is(void **state)
{
	(void)state;
	char *env[] = {(char[]){"PATH=/bin"}, NULL};
	char dir[64], path[128], log[160], ports[160], locks[100], lock[120];
	alone_directory(dir);
	snprintf(path, sizeof path, "%s/shop/3", dir);
	snprintf(log, sizeof log, "%s/supervisor.log", path);
	snprintf(locks, sizeof locks, "%s/locks", dir);
	snprintf(lock, sizeof lock, "%s/p7.lock", locks);
	assert_int_equal(file_make_directories(path, NULL) | file_make_directories(locks, NULL), 0);
	snprintf(ports, sizeof ports, "%s/ports.env", path);
	static const char lines[] = "DB_PORT=30122\nSTACKUP_ID=run-8\n";
	assert_int_equal(file_replace(ports, lines, sizeof lines - 1, NULL), 0);
	struct family family = begin_family(lock, log, env);
	struct owner owner;
	assert_true(owner_describe(family.server, &owner));
	assert_string_equal(owner.run_id, "run-8");
	assert_string_equal(owner.project, "shop");
	assert_int_equal(owner.instance, 3);
	assert_string_equal(owner.state_dir, path);
	assert_false(owner.supervisor);
	assert_true(owner_is_ours(&owner, dir));
	owner_release(&owner);
	/* Itself it is a supervisor, of no run. */
	assert_true(owner_describe(family.parent, &owner));
	assert_true(owner.supervisor);
	assert_null(owner.run_id);
	owner_release(&owner);
	end_family(&family);
	alone_remove(dir);
}

static void a_stranger_has_no_marks(void **state)
{
	(void)state;
	char *env[] = {(char[]){"PATH=/bin"}, NULL};
	struct family family = begin_family("-", NULL, env);
	struct owner owner;
	assert_true(owner_describe(family.server, &owner));
	assert_null(owner.run_id);
	assert_null(owner.project);
	owner_release(&owner);
	/* A whole environment without marks is believed: nobody else is asked. */
	assert_true(owner_describe(family.parent, &owner));
	assert_null(owner.run_id);
	owner_release(&owner);
	end_family(&family);
}

int main(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[1], "parent"))
		return act(argv);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(marks_of_an_ancestor_count),
		cmocka_unit_test(a_supervisor_tells_whose_its_child_is),
		cmocka_unit_test(a_stranger_has_no_marks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
