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
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/own.h"
#include "spawn/child.h"
#include "spawn/proc.h"
#include "spawn/tree.h"

/* After the project's: it has a macro of the name fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

enum { PATIENCE_MS = 20000 };
enum { WEB, API };

static char self_path[4096];

/* --- the services: this file with an argument. They say "ready" when they are what they are. ---
 */

static void say(const char *word)
{
	if (write(1, word, strlen(word)) < 0)
		_exit(1);
}

static _Noreturn void rest(void)
{
	for (;;)
		pause();
}

static void await_byte(int fd)
{
	char byte;
	if (read(fd, &byte, 1) != 1)
		_exit(1);
}

/* The child tells through the pipe when it is ready. */
static pid_t fork_ready(void (*child)(void))
{
	int ends[2];
	if (pipe(ends))
		_exit(1);
	pid_t pid = fork();
	if (pid == 0) {
		close(ends[0]);
		child();
		if (write(ends[1], "x", 1) != 1)
			_exit(1);
		close(ends[1]);
		rest();
	}
	close(ends[1]);
	await_byte(ends[0]);
	close(ends[0]);
	return pid;
}

static void do_nothing(void)
{
}

static void new_session(void)
{
	setsid();
}

static void with_a_child(void)
{
	fork_ready(do_nothing);
}

/* Lives on below a parent that is gone. */
static void leave_orphan(void (*child)(void))
{
	int ends[2];
	if (pipe(ends))
		_exit(1);
	pid_t pid = fork();
	if (pid == 0) {
		fork_ready(child);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	close(ends[0]);
	close(ends[1]);
}

static void clear_environment(void)
{
	char name[] = "sleep";
	char *argv[] = {self_path, name, NULL};
	char *env[] = {NULL};
	setsid();
	signal(SIGTERM, SIG_IGN);
	execve(self_path, argv, env);
	_exit(1);
}

/* Forks and ends, forks and ends, each in a session of its own. */
static void run_away(void)
{
	for (;;) {
		pid_t pid = fork();
		if (pid < 0)
			continue;
		if (pid > 0)
			_exit(0);
		setsid();
	}
}

/* All live, all fork, until 300 have been made. */
static void multiply(void)
{
	int *count = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (;;) {
		if (__atomic_add_fetch(count, 1, __ATOMIC_RELAXED) > 300)
			rest();
		if (fork() == 0)
			setsid();
	}
}

static void listen_below(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct stat st;
	char line[64];
	if (fork_ready(do_nothing) < 0 || listen(fd, 1) || fstat(fd, &st))
		_exit(1);
	snprintf(line, sizeof line, "%llu %d\n", (unsigned long long)st.st_ino, (int)getpid());
	say(line);
}

static void ignore_term(void)
{
	signal(SIGTERM, SIG_IGN);
}

static void become_cleared(void)
{
	if (fork() == 0)
		clear_environment();
}

static int act(const char *what)
{
	if (!strcmp(what, "family")) {
		for (int i = 0; i < 3; i++)
			fork_ready(i ? do_nothing : with_a_child);
	} else if (!strcmp(what, "setsid")) {
		fork_ready(new_session);
	} else if (!strcmp(what, "double")) {
		leave_orphan(new_session);
	} else if (!strcmp(what, "ignores")) {
		ignore_term();
		leave_orphan(ignore_term);
	} else if (!strcmp(what, "orphan")) {
		leave_orphan(do_nothing);
		say("ready\n");
		return 0;
	} else if (!strcmp(what, "orphans")) {
		fork_ready(new_session);
		leave_orphan(new_session);
		leave_orphan(with_a_child);
		say("ready\n");
		return 0;
	} else if (!strcmp(what, "cleared")) {
		fork_ready(become_cleared);
	} else if (!strcmp(what, "stopped")) {
		say("ready\n");
		raise(SIGSTOP);
	} else if (!strcmp(what, "chains")) {
		for (int i = 0; i < 4; i++)
			if (fork() == 0)
				run_away();
	} else if (!strcmp(what, "bomb")) {
		say("ready\n");
		multiply();
	} else if (!strcmp(what, "listen")) {
		listen_below();
		rest();
	} else if (!strcmp(what, "flood")) {
		say("ready\n");
		for (int i = 0; i < 10000; i++) {
			pid_t pid = vfork(); /* quick also with a sanitizer */
			if (pid == 0)
				_exit(0);
			if (pid < 0)
				i--;
		}
		_exit(0);
	}
	if (strcmp(what, "sleep"))
		say("ready\n");
	rest();
}

/* --- fixture --- */

struct world {
	struct spawner spawner;
	struct tree tree;
	struct error e;
	struct child children[2];
	char line[128];
	size_t reaped;
};

static char id_entry[] = "STACKUP_ID=test-tree-id";
enum { SECOND = 2 }; /* the environment of a second run of WEB, which has the row of API */
static char *environments[3][5] = {
	{id_entry, (char *)(uintptr_t) "STACKUP_SERVICE=web", (char *)(uintptr_t) "STACKUP_RUN=1",
		(char *)(uintptr_t) "ASAN_OPTIONS=detect_leaks=0", NULL},
	{id_entry, (char *)(uintptr_t) "STACKUP_SERVICE=api",
		(char *)(uintptr_t) "ASAN_OPTIONS=detect_leaks=0", NULL},
	{id_entry, (char *)(uintptr_t) "STACKUP_SERVICE=web", (char *)(uintptr_t) "STACKUP_RUN=2",
		(char *)(uintptr_t) "ASAN_OPTIONS=detect_leaks=0", NULL},
};

static int setup(void **state)
{
	static const char *const names[] = {"web", "api"};
	struct world *w = calloc(1, sizeof *w);
	*state = w;
	sigset_t child;
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	w->children[0].pidfd = w->children[1].pidfd = -1;
	return spawner_open(&w->spawner, &w->e) ||
		tree_open(&w->tree, "test-tree-id", names, 2, &w->e);
}

static void reap(struct world *w)
{
	struct exit_status status;
	while (spawner_reap(&w->spawner, &status)) {
		tree_reaped(&w->tree, status.pid);
		w->reaped++;
	}
}

static void await_death(void)
{
	const struct timespec most = {0, 200000000};
	sigset_t child;
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigtimedwait(&child, NULL, &most);
}

static size_t left(struct world *w, int service)
{
	struct tree_mark mark = {.service = service};
	tree_census(&w->tree, &mark, 1);
	return mark.left;
}

static bool is_alive(struct world *w, int service)
{
	return w->tree.leaders[service].alive;
}

/* As the keeper does: again after each exit, until nothing counts. */
static void kill_until_empty(struct world *w, int service)
{
	int64_t until = clock_now_ms() + PATIENCE_MS;
	for (;;) {
		assert_int_equal(tree_signal(&w->tree, service, SIGKILL, &w->e), 0);
		do {
			await_death();
			reap(w);
		} while (is_alive(w, service) && clock_now_ms() < until);
		if (!is_alive(w, service) && !left(w, service))
			return;
		assert_true(clock_now_ms() < until);
	}
}

static int teardown(void **state)
{
	struct world *w = *state;
	int64_t until = clock_now_ms() + PATIENCE_MS;
	tree_signal(&w->tree, TREE_EVERYTHING, SIGKILL, NULL);
	siginfo_t info;
	while (!waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) && clock_now_ms() < until) {
		reap(w);
		tree_signal(&w->tree, TREE_EVERYTHING, SIGKILL, NULL);
	}
	bool clean = waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD;
	child_forget(&w->children[0]);
	child_forget(&w->children[1]);
	tree_close(&w->tree);
	spawner_close(&w->spawner);
	free(w);
	return clean ? 0 : -1;
}

static void begin_as(struct world *w, int service, int as, const char *what)
{
	int ends[2];
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	char *argv[] = {self_path, (char *)(uintptr_t)what, NULL};
	struct recipe recipe = {.label = what,
		.paths = (char *[]){self_path, NULL},
		.argv = argv,
		.envp = environments[as],
		.dir = "/",
		.stdin_fd = -1,
		.stdout_fd = ends[1],
		.stderr_fd = 2,
		.tty_fd = -1};
	assert_int_equal(spawner_start(&w->spawner, &recipe, &w->children[service], &w->e), 0);
	tree_started(&w->tree, service, w->children[service].pid, as == SECOND ? 2 : 1);
	tree_outputs(&w->tree, service, (const int[]){ends[1], -1});
	close(ends[1]);
	size_t used = 0;
	while (used < sizeof w->line - 1 && (!used || w->line[used - 1] != '\n')) {
		struct pollfd polled = {.fd = ends[0], .events = POLLIN};
		assert_int_equal(poll(&polled, 1, PATIENCE_MS), 1);
		ssize_t got = read(ends[0], w->line + used, 1);
		assert_int_equal(got, 1);
		used++;
	}
	w->line[used] = '\0';
	close(ends[0]);
}

static void begin(struct world *w, int service, const char *what)
{
	begin_as(w, service, service, what);
}

static void await_leader_end(struct world *w, int service)
{
	struct pollfd polled = {.fd = w->children[service].pidfd, .events = POLLIN};
	assert_int_equal(poll(&polled, 1, PATIENCE_MS), 1);
	reap(w);
	assert_false(is_alive(w, service));
}

/* --- census --- */

static void descendants_are_counted_without_the_leader(void **state)
{
	struct world *w = *state;
	begin(w, WEB, "family");
	begin(w, API, "setsid");
	assert_int_equal(left(w, WEB), 4);
	assert_int_equal(left(w, API), 1);
	assert_int_equal(w->tree.unknown, 0);
	pid_t pids[16];
	assert_int_equal(tree_pids(&w->tree, WEB, pids, 16), 5);
	assert_int_equal(pids[0], w->children[WEB].pid);
	assert_int_equal(tree_pids(&w->tree, API, pids, 1), 2);
	assert_int_equal(pids[0], w->children[API].pid);
}

static void orphans_are_known_by_session_and_by_marker(void **state)
{
	struct world *w = *state;
	begin(w, WEB, "orphans");
	begin(w, API, "double");
	await_leader_end(w, WEB);
	reap(w);
	/* web left one by setsid, one by setsid below an orphan, two in its session; api's is its
	 * own */
	assert_int_equal(left(w, WEB), 4);
	assert_int_equal(left(w, API), 1);
	struct tree_mark marks[2] = {{.service = API, .left = 99}, {.service = WEB, .left = 99}};
	tree_census(&w->tree, marks, 2);
	assert_int_equal(marks[0].left, 1);
	assert_int_equal(marks[1].left, 4);
	assert_int_equal(w->tree.unknown, 0);
}

static void zombies_do_not_count(void **state)
{
	struct world *w = *state;
	begin(w, WEB, "orphan");
	await_leader_end(w, WEB);
	assert_int_equal(left(w, WEB), 1);
	assert_int_equal(tree_signal(&w->tree, WEB, SIGKILL, &w->e), 0);
	siginfo_t info;
	assert_int_equal(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(left(w, WEB), 0); /* not reaped yet */
}

static void helpers_are_nobodys_tree(void **state)
{
	struct world *w = *state;
	begin(w, API, "orphans"); /* a command check: same environment as the service */
	tree_reaped(&w->tree, w->children[API].pid);
	w->tree.leaders[API].pid = 0;
	tree_helper(&w->tree, w->children[API].pid);
	begin(w, WEB, "family");
	struct pollfd polled = {.fd = w->children[API].pidfd, .events = POLLIN};
	assert_int_equal(poll(&polled, 1, PATIENCE_MS), 1);
	/* What it left in its session goes with it, what changed its session is the service's. */
	assert_int_equal(left(w, API), 4);
	assert_int_equal(tree_signal_helper(&w->tree, w->children[API].pid, SIGKILL, &w->e), 0);
	while (left(w, API) != 2)
		await_death();
	reap(w);
	assert_int_equal(left(w, API), 2);
	assert_int_equal(left(w, WEB), 4);
}

static void fault_C18_a_cleared_environment_is_unknown_or_remembered(void **state)
{
	struct world *w = *state;
	begin(w, WEB, "cleared");
	/* Two below: one that waits, and one without environment in a session of its own. */
	while (left(w, WEB) != 2)
		sched_yield();
	/* TERM takes leader and child; the third ignores it and falls to us. It was seen. */
	bool own_session = false;
	while (!own_session) {
		pid_t pids[8];
		size_t count = tree_pids(&w->tree, WEB, pids, 8);
		for (size_t i = 0; i < count; i++) {
			struct proc_stat stat;
			OWNED_TEXT content = {0};
			if (proc_stat(pids[i], &stat) && stat.session == pids[i] &&
				pids[i] != w->children[WEB].pid)
				own_session = proc_environ(pids[i], &content) && !content.length;
		}
	}
	assert_int_equal(tree_signal(&w->tree, WEB, SIGTERM, &w->e), 0);
	await_leader_end(w, WEB);
	for (struct tree_mark mark = {.service = WEB};;) {
		reap(w);
		tree_census(&w->tree, &mark, 1);
		if (mark.left == 1)
			break;
		await_death();
	}
	assert_int_equal(w->tree.unknown, 0);
	/* Its output is the service's. */
	w->tree.memory.count = 0;
	assert_int_equal(left(w, WEB), 1);
	assert_int_equal(w->tree.unknown, 0);
	/* That of two services, both with their leaders, is nobody's. */
	memcpy(w->tree.leaders[API].outputs, w->tree.leaders[WEB].outputs,
		sizeof w->tree.leaders[API].outputs);
	w->tree.leaders[WEB].alive = w->tree.leaders[API].alive = true;
	assert_int_equal(left(w, WEB), 0);
	assert_int_equal(w->tree.unknown, 1);
	w->tree.leaders[WEB].alive = false;
	assert_int_equal(left(w, API), 1);
	w->tree.leaders[API].alive = false;
	tree_outputs(&w->tree, WEB, (const int[]){-1, -1});
	tree_outputs(&w->tree, API, (const int[]){-1, -1});
	assert_int_equal(left(w, WEB), 0);
	assert_int_equal(w->tree.unknown, 1);
}

/* --- killing --- */

static void fault_C3_setsid_grandchild_is_gone(void **state)
{
	struct world *w = *state;
	begin(w, WEB, "setsid");
	kill_until_empty(w, WEB);
}

static void fault_C4_double_fork_gets_term_then_kill(void **state)
{
	struct world *w = *state;
	begin(w, WEB, "double");
	begin(w, API, "family");
	assert_int_equal(left(w, WEB), 1);
	assert_int_equal(tree_signal(&w->tree, WEB, SIGTERM, &w->e), 0);
	await_leader_end(w, WEB);
	while (left(w, WEB)) {
		await_death();
		reap(w);
	}
	assert_true(is_alive(w, API));
	assert_int_equal(left(w, API), 4);
}

static void fault_C5_left_members_that_ignore_term(void **state)
{
	struct world *w = *state;
	begin(w, WEB, "ignores");
	assert_int_equal(tree_signal(&w->tree, WEB, SIGTERM, &w->e), 0);
	assert_int_equal(child_signal(&w->children[WEB], SIGKILL), 0);
	await_leader_end(w, WEB);
	assert_int_equal(left(w, WEB), 1);
	assert_int_equal(tree_signal(&w->tree, WEB, SIGTERM, &w->e), 0);
	assert_int_equal(left(w, WEB), 1);
	kill_until_empty(w, WEB);
}

static void fault_C2_stopped_ones_too(void **state)
{
	struct world *w = *state;
	begin(w, WEB, "stopped");
	struct proc_stat stat = {0};
	while (stat.state != 'T')
		assert_true(proc_stat(w->children[WEB].pid, &stat));
	assert_int_equal(tree_signal(&w->tree, WEB, SIGTERM, &w->e), 0);
	assert_int_equal(tree_signal(&w->tree, WEB, SIGCONT, &w->e), 0);
	await_leader_end(w, WEB);
	begin(w, WEB, "stopped");
	kill_until_empty(w, WEB);
}

static void fault_C7_fork_bomb(void **state)
{
	struct world *w = *state;
	begin(w, WEB, "bomb");
	begin(w, API, "family");
	kill_until_empty(w, WEB);
	assert_int_equal(left(w, API), 4);
}

static void fault_C8_forks_as_fast_as_it_is_killed(void **state)
{
	struct world *w = *state;
	int64_t before = clock_now_ms();
	begin(w, WEB, "chains");
	begin(w, API, "family");
	kill_until_empty(w, WEB);
	assert_true(clock_now_ms() - before < 10000);
	assert_int_equal(left(w, API), 4);
}

static void fault_C9_zombie_flood_is_bounded_and_cheap(void **state)
{
	struct world *w = *state;
	begin(w, WEB, "flood");
	struct pollfd polled = {.fd = w->children[WEB].pidfd, .events = POLLIN};
	assert_int_equal(poll(&polled, 1, PATIENCE_MS), 1);
	struct exit_status status;
	int turns = 0;
	size_t reaped = 0;
	for (bool more = true; more; turns++) {
		int in_turn = 0;
		while (in_turn < 256 && (more = spawner_reap(&w->spawner, &status))) {
			tree_reaped(&w->tree, status.pid);
			in_turn++;
		}
		reaped += (size_t)in_turn;
		assert_int_equal(left(w, WEB), 0);
	}
	assert_int_equal(reaped, 10001);
	assert_true(turns >= 40);
}

static bool set_last_pid(pid_t pid)
{
	char text[16];
	int length = snprintf(text, sizeof text, "%d", (int)pid);
	OWNED_FD fd = open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write(fd, text, (size_t)length) == length;
}

static void fault_C15_a_reused_pid_is_not_hit(void **state)
{
	struct world *w = *state;
	int reused = 0;
	for (int try = 0; try < 200 && reused < 10; try++) {
		begin(w, WEB, "sleepy");
		struct child old = w->children[WEB];
		assert_int_equal(child_signal(&old, SIGKILL), 0);
		await_leader_end(w, WEB);
		if (!set_last_pid(old.pid - 1)) {
			child_forget(&w->children[WEB]);
			skip();
		}
		pid_t stranger = fork();
		if (stranger == 0)
			rest();
		if (stranger == old.pid) {
			reused++;
			assert_int_equal(child_signal(&old, SIGKILL), 0);
			/* Nor is it taken for the leader: session and marks are ours, not its. */
			assert_int_equal(tree_signal(&w->tree, WEB, SIGKILL, &w->e), 0);
			siginfo_t info = {0};
			assert_int_equal(
				waitid(P_PID, (id_t)stranger, &info, WEXITED | WNOHANG | WNOWAIT),
				0);
			assert_int_equal(info.si_pid, 0);
		}
		kill(stranger, SIGKILL);
		waitpid(stranger, NULL, 0);
		child_forget(&w->children[WEB]);
	}
	assert_true(reused > 0);
}

static void everything_at_once(void **state)
{
	struct world *w = *state;
	begin(w, WEB, "orphans");
	begin(w, API, "setsid");
	w->tree.leaders[WEB].pid = 0;
	assert_int_equal(tree_signal(&w->tree, TREE_EVERYTHING, SIGKILL, &w->e), 0);
	siginfo_t info;
	while (!waitid(P_ALL, 0, &info, WEXITED | WNOWAIT))
		reap(w);
	assert_int_equal(errno, ECHILD);
}

static void renaming_keeps_what_runs(void **state)
{
	struct world *w = *state;
	static const char *const names[] = {"new", "api", "other"};
	begin(w, WEB, "setsid");
	begin(w, API, "family");
	assert_int_equal(tree_rename(&w->tree, names, 3, &w->e), 0);
	assert_int_equal(left(w, 1), 4);
	assert_int_equal(left(w, 0), 0);
	static const char *const swapped[] = {"api", "web"};
	assert_int_equal(tree_rename(&w->tree, swapped, 2, &w->e), 0);
	assert_int_equal(left(w, 0), 4);
	assert_int_equal(tree_signal(&w->tree, 0, SIGKILL, &w->e), 0);
}

static void swapping_takes_orphans_along_that_were_seen(void **state)
{
	struct world *w = *state;
	begin(w, WEB, "setsid");
	begin(w, API, "family");
	assert_int_equal(tree_signal(&w->tree, WEB, 0, &w->e), 0);
	tree_swap(&w->tree, WEB, API);
	assert_int_equal(left(w, API), 1);
	assert_int_equal(left(w, WEB), 4);
	kill(w->children[WEB].pid, SIGKILL);
	while (is_alive(w, API)) {
		await_death();
		reap(w);
	}
	assert_int_equal(left(w, API), 1);
	assert_int_equal(left(w, WEB), 4);
	kill_until_empty(w, API);
	assert_true(is_alive(w, WEB));
}

static void two_trees_of_one_service_are_told_apart(void **state)
{
	struct world *w = *state;
	begin(w, WEB, "double");
	tree_double(&w->tree, WEB, API);
	begin_as(w, API, SECOND, "double");
	assert_int_equal(left(w, WEB), 1);
	assert_int_equal(left(w, API), 1);
	tree_swap(&w->tree, WEB, API);
	kill_until_empty(w, API);
	assert_true(is_alive(w, WEB));
	assert_int_equal(left(w, WEB), 1);
}

/* --- whose socket --- */

static void row_H14_a_listener_is_ours_or_a_strangers(void **state)
{
	struct world *w = *state;
	begin(w, API, "family");
	begin(w, WEB, "listen");
	char *end;
	uint64_t inode = strtoull(w->line, &end, 10);
	pid_t owner = (pid_t)strtol(end, NULL, 10);
	struct tree_listener seen = {0};
	assert_int_equal(tree_listener_pid(&w->tree, WEB, inode, &seen), owner);
	assert_int_equal(seen.pid, owner);
	assert_int_equal(tree_listener_pid(&w->tree, WEB, inode, &seen), owner);
	assert_int_equal(
		tree_listener_pid(&w->tree, API, inode, &(struct tree_listener){0}), TREE_STRANGER);

	OWNED_FD foreign = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct stat st;
	fstat(foreign, &st);
	assert_int_equal(tree_listener_pid(&w->tree, WEB, st.st_ino, &seen), TREE_STRANGER);
	assert_int_equal(seen.pid, 0);
}

int main(int argc, char **argv)
{
	ssize_t length = readlink("/proc/self/exe", self_path, sizeof self_path - 1);
	if (length < 0)
		return 1;
	if (argc > 1)
		return act(argv[1]);
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(descendants_are_counted_without_the_leader),
		T(orphans_are_known_by_session_and_by_marker),
		T(zombies_do_not_count),
		T(helpers_are_nobodys_tree),
		T(fault_C18_a_cleared_environment_is_unknown_or_remembered),
		T(fault_C3_setsid_grandchild_is_gone),
		T(fault_C4_double_fork_gets_term_then_kill),
		T(fault_C5_left_members_that_ignore_term),
		T(fault_C2_stopped_ones_too),
		T(fault_C7_fork_bomb),
		T(fault_C8_forks_as_fast_as_it_is_killed),
		T(fault_C9_zombie_flood_is_bounded_and_cheap),
		T(fault_C15_a_reused_pid_is_not_hit),
		T(everything_at_once),
		T(renaming_keeps_what_runs),
		T(swapping_takes_orphans_along_that_were_seen),
		T(two_trees_of_one_service_are_told_apart),
		T(row_H14_a_listener_is_ours_or_a_strangers),
	};
	return cmocka_run_group_tests_name("tree", tests, NULL, NULL);
}
