/* rooms: spawn model base */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/own.h"
#include "spawn/child.h"
#include "spawn/explain.h"
#include "spawn/recipe.h"

/* After the project's: it has a macro of the name fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

enum { PATIENCE_MS = 20000, NOBODY = 65534 };

static char self_path[4096];
static char dir[] = "/tmp/stackup-spawn-XXXXXX";

/* --- the program that is started: this file with an argument --- */

static int show_fds(void)
{
	for (int fd = 0; fd < 1024; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			printf("%d ", fd);
	return 0;
}

static int show_signals(void)
{
	OWNED_TEXT status = {0};
	if (!file_read_proc("/proc/self/status", &status))
		return 1;
	const char *ignored = strstr(status.data, "SigIgn:");
	const char *blocked = strstr(status.data, "SigBlk:");
	printf("%.24s %.24s", blocked, ignored);
	return 0;
}

static int show_state(void)
{
	struct rlimit files;
	getrlimit(RLIMIT_NOFILE, &files);
	mode_t mask = umask(0);
	char cwd[4096];
	printf("umask %o files %llu session %d group %d dir %s tty %d uid %d gid %d groups %d",
		mask, (unsigned long long)files.rlim_cur, getsid(0) == getpid(),
		getpgrp() == getpid(), getcwd(cwd, sizeof cwd) ? cwd : "?",
		open("/dev/tty", O_RDWR) >= 0, (int)getuid(), (int)getgid(), getgroups(0, NULL));
	return 0;
}

static int show_listen(void)
{
	struct stat st;
	const char *pid = getenv("LISTEN_PID");
	printf("pid %d fds %s names %s third %d fourth %d fifth %d",
		pid && (int)strtol(pid, NULL, 10) == getpid() && pid[0] != '0',
		getenv("LISTEN_FDS"), getenv("LISTEN_FDNAMES"),
		!fstat(3, &st) && S_ISSOCK(st.st_mode), !fstat(4, &st) && S_ISSOCK(st.st_mode),
		fcntl(5, F_GETFD) >= 0);
	return 0;
}

static int act(const char *what)
{
	if (!strcmp(what, "fds"))
		return show_fds();
	if (!strcmp(what, "signals"))
		return show_signals();
	if (!strcmp(what, "state"))
		return show_state();
	if (!strcmp(what, "listen"))
		return show_listen();
	if (!strcmp(what, "exit127"))
		return 127;
	if (!strcmp(what, "abort"))
		abort();
	return 1;
}

/* --- fixture --- */

struct world {
	struct spawner spawner;
	struct error e;
	struct recipe_made made;
	struct child child;
	struct exit_status status;
	char output[8192];
};

static char *environment[] = {(char *)(uintptr_t) "PATH=/usr/bin:/bin",
	(char *)(uintptr_t) "ASAN_OPTIONS=detect_leaks=0", (char *)(uintptr_t) "LISTEN_PID=99",
	NULL};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	*state = w;
	return spawner_open(&w->spawner, &w->e);
}

static int teardown(void **state)
{
	struct world *w = *state;
	recipe_release(&w->made);
	spawner_close(&w->spawner);
	free(w);
	return 0;
}

static char *in_dir(const char *name)
{
	static char path[4200];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

static char *make_file(const char *name, const char *content, mode_t mode)
{
	char *path = in_dir(name);
	unlink(path);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(file_write_all(fd, content, strlen(content)), 0);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
	return path;
}

static char *const *words(const char *first, const char *second)
{
	static char *argv[3];
	argv[0] = (char *)(uintptr_t)first;
	argv[1] = (char *)(uintptr_t)second;
	argv[2] = NULL;
	return argv;
}

static int build(struct world *w, const char *program, const char *argument)
{
	static struct command command;
	command = (struct command){.text = program, .argv = words(program, argument)};
	struct recipe_request request = {
		.label = "web", .command = &command, .env = environment, .dir = dir};
	recipe_release(&w->made);
	return recipe_build(&w->made, &request, &w->e);
}

static void await(int pidfd)
{
	struct pollfd polled = {.fd = pidfd, .events = POLLIN};
	assert_int_equal(poll(&polled, 1, PATIENCE_MS), 1);
}

static void finish(struct world *w)
{
	await(w->child.pidfd);
	assert_int_equal(spawner_reap(&w->spawner, &w->status), 1);
	assert_int_equal(w->status.pid, w->child.pid);
	child_forget(&w->child);
	assert_int_equal(w->child.pidfd, -1);
}

static void start(struct world *w)
{
	assert_int_equal(spawner_start(&w->spawner, &w->made.recipe, &w->child, &w->e), 0);
}

/* Starts the recipe, collects what it prints, and its end. */
static const char *outcome(struct world *w)
{
	int ends[2];
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	w->made.recipe.stdout_fd = ends[1];
	start(w);
	close(ends[1]);
	size_t used = 0;
	ssize_t got;
	while ((got = read(ends[0], w->output + used, sizeof w->output - 1 - used)) > 0)
		used += (size_t)got;
	w->output[used] = '\0';
	close(ends[0]);
	finish(w);
	return w->output;
}

/* The error of a start that fails in the child, in words. */
static const char *explained(struct world *w)
{
	start(w);
	finish(w);
	assert_non_null(w->status.stage);
	assert_int_equal(
		explain_failure(&w->made.recipe, w->status.stage, w->status.number, &w->e), -1);
	return w->e.text;
}

/* The same of a program that cannot be executed. */
static const char *refused(struct world *w, const char *program)
{
	assert_int_equal(build(w, program, NULL), 0);
	const char *text = explained(w);
	assert_string_equal(w->status.stage, "exec");
	return text;
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" does not say \"%s\"", text, part);
}

/* --- starts --- */

static void a_program_runs_and_its_code_is_told(void **state)
{
	struct world *w = *state;
	assert_int_equal(build(w, "/bin/sh", NULL), 0);
	w->made.recipe.argv = (char *const[]){(char *)(uintptr_t) "sh", (char *)(uintptr_t) "-c",
		(char *)(uintptr_t) "echo hello; exit 3", NULL};
	assert_string_equal(outcome(w), "hello\n");
	assert_int_equal(w->status.code, 3);
	assert_int_equal(w->status.signal, 0);
	assert_null(w->status.stage);
}

static void fault_A18_exit_127_is_no_failed_exec(void **state)
{
	struct world *w = *state;
	assert_int_equal(build(w, self_path, "exit127"), 0);
	start(w);
	finish(w);
	assert_int_equal(w->status.code, 127);
	assert_null(w->status.stage);

	char *path = make_file("vanishes", "#!/bin/sh\n", 0755);
	assert_int_equal(build(w, path, NULL), 0);
	unlink(path);
	assert_has(explained(w), "does not exist");
	assert_string_equal(w->status.stage, "exec");
	assert_int_equal(w->status.number, ENOENT);
	assert_int_equal(w->e.code, EXIT_NO_COMMAND);
}

static void row_B7_a_signal_is_told(void **state)
{
	struct world *w = *state;
	assert_int_equal(build(w, self_path, "abort"), 0);
	start(w);
	finish(w);
	assert_int_equal(w->status.code, -1);
	assert_int_equal(w->status.signal, SIGABRT);
	assert_null(w->status.stage);
}

static void fault_A20_a_child_sees_only_its_own_descriptors(void **state)
{
	struct world *w = *state;
	int leaked[40];
	for (int i = 0; i < 40; i++)
		leaked[i] =
			open("/dev/null", O_RDONLY); /* not close-on-exec: as a careless library */
	assert_int_equal(build(w, self_path, "fds"), 0);
	assert_string_equal(outcome(w), "0 1 2 ");
	for (int i = 0; i < 40; i++)
		close(leaked[i]);
}

static void fault_A21_no_signal_is_ignored_or_blocked(void **state)
{
	struct world *w = *state;
	sigset_t blocked;
	sigset_t before;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_BLOCK, &blocked, &before);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGRTMIN + 3, SIG_IGN);
	assert_int_equal(build(w, self_path, "signals"), 0);
	const char *seen = outcome(w);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	signal(SIGRTMIN + 3, SIG_DFL);
	sigset_t after;
	sigprocmask(SIG_SETMASK, &before, &after);
	assert_int_equal(sigismember(&after, SIGUSR1), 1);
	assert_string_equal(seen, "SigBlk:\t0000000000000000 SigIgn:\t0000000000000000");
}

static void fault_A22_clean_state_on_every_start(void **state)
{
	struct world *w = *state;
	char first[sizeof w->output];
	mode_t mask = umask(077);
	assert_int_equal(build(w, self_path, "state"), 0);
	snprintf(first, sizeof first, "%s", outcome(w));
	assert_has(first, "umask 22 ");
	assert_has(first, "session 1 group 1 ");
	assert_has(first, "tty 0 ");
	char where[64];
	snprintf(where, sizeof where, "dir %s ", dir);
	assert_has(first, where);
	char files[64];
	snprintf(files, sizeof files, "files %llu ", (unsigned long long)w->spawner.files.rlim_cur);
	assert_has(first, files);
	umask(0);
	assert_string_equal(outcome(w), first);
	umask(mask);

	w->made.recipe.files_max = 77;
	assert_has(outcome(w), "files 77 ");
}

static void our_own_limit_is_raised_but_not_the_childs(void **state)
{
	struct world *w = *state;
	struct rlimit ours;
	getrlimit(RLIMIT_NOFILE, &ours);
	assert_int_equal(ours.rlim_cur, w->spawner.files.rlim_max);
}

static void listening_sockets_are_passed_by_number_and_name(void **state)
{
	struct world *w = *state;
	int sockets[2] = {socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
		socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
	/* The worst case for moves: each has the other's number. */
	int at_three = fcntl(sockets[1], F_DUPFD_CLOEXEC, 3);
	int crossed[2] = {sockets[1], sockets[0]};
	struct command command = {.argv = words(self_path, "listen")};
	struct recipe_request request = {.label = "web",
		.command = &command,
		.env = environment,
		.dir = dir,
		.listen_fds = crossed,
		.listen_count = 2,
		.listen_names = "main:admin"};
	assert_int_equal(recipe_build(&w->made, &request, &w->e), 0);
	assert_string_equal(outcome(w), "pid 1 fds 2 names main:admin third 1 fourth 1 fifth 0");
	close(at_three);
	close(sockets[0]);
	close(sockets[1]);
}

static void a_terminal_becomes_the_controlling_one(void **state)
{
	struct world *w = *state;
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(master >= 0);
	assert_int_equal(grantpt(master) || unlockpt(master), 0);
	int slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_int_equal(build(w, self_path, "state"), 0);
	w->made.recipe.tty_fd = slave;
	start(w);
	finish(w);
	assert_int_equal(w->status.code, 0);
	ssize_t got = read(master, w->output, sizeof w->output - 1);
	assert_true(got > 0);
	w->output[got] = '\0';
	assert_has(w->output, "tty 1 ");
	close(slave);
	close(master);
}

static void another_user_with_its_groups(void **state)
{
	struct world *w = *state;
	if (geteuid() != 0)
		skip();
	struct passwd *entry = getpwuid(NOBODY);
	if (!entry)
		skip();
	struct command command = {.argv = words(self_path, "state")};
	struct recipe_request request = {.label = "web",
		.command = &command,
		.env = environment,
		.dir = "/",
		.user = entry->pw_name};
	char copy[4 * 4200];
	snprintf(copy, sizeof copy, "cp %s %s && chmod 755 %s %s/actor", self_path, in_dir("actor"),
		dir, dir);
	assert_int_equal(system(copy), 0);
	command.argv = words(in_dir("actor"), "state");
	assert_int_equal(recipe_build(&w->made, &request, &w->e), 0);
	assert_has(outcome(w), "uid 65534 gid 65534 groups 1");
	assert_int_equal(w->status.code, 0);
}

static void an_unknown_user_is_said(void **state)
{
	struct world *w = *state;
	struct command command = {.argv = words("/bin/true", NULL)};
	struct recipe_request request = {.label = "web",
		.command = &command,
		.env = environment,
		.dir = "/",
		.user = "no-such-user"};
	assert_int_equal(recipe_build(&w->made, &request, &w->e), -1);
	assert_string_equal(w->e.text, "there is no user 'no-such-user'");
}

/* --- what cannot be executed --- */

static void fault_A1_not_found_names_program_and_path(void **state)
{
	struct world *w = *state;
	assert_string_equal(refused(w, "nosuchprogram"),
		"program 'nosuchprogram' was not found in the 2 directories of PATH");
	explain_missing("nosuchprogram", "/opt/bin", &w->e);
	assert_string_equal(w->e.text, "program 'nosuchprogram' was not found in the one directory of PATH");
	assert_int_equal(w->e.code, EXIT_NO_COMMAND);
	assert_string_equal(refused(w, "bin/nosuch"), "'bin/nosuch' does not exist");
}

static void fault_A2_not_executable_hints_chmod(void **state)
{
	struct world *w = *state;
	make_file("plain", "#!/bin/sh\n", 0644);
	assert_string_equal(refused(w, "./plain"), "'./plain' is not executable");
	assert_int_equal(w->e.code, EXIT_NOT_EXECUTABLE);
	assert_string_equal(w->e.hint, "chmod +x ./plain");
}

static void fault_A3_a_directory_is_said(void **state)
{
	struct world *w = *state;
	assert_string_equal(refused(w, "/tmp"), "'/tmp' is a directory, not a program");
}

static void fault_A4_a_missing_interpreter_is_named(void **state)
{
	struct world *w = *state;
	make_file("script", "#!/no/such/interpreter -x\n", 0755);
	assert_has(refused(w, "./script"), "'/no/such/interpreter' does not exist");
}

static void fault_A5_windows_line_endings_are_said(void **state)
{
	struct world *w = *state;
	make_file("dos", "#!/bin/sh\r\necho hi\r\n", 0755);
	assert_has(refused(w, "./dos"), "Windows line endings");
	assert_has(w->e.text, "'/bin/sh'");
	assert_has(w->e.hint, "sed -i");
}

static void fault_A6_no_magic_or_empty(void **state)
{
	struct world *w = *state;
	make_file("empty", "", 0755);
	assert_has(refused(w, "./empty"), "is an empty file");
	make_file("words", "echo hello\n", 0755);
	assert_has(refused(w, "./words"), "neither a program nor a script");
	/* What may have a handler of its own is left to the kernel, and never falls back to sh. */
	make_file("binary", "\x01\x02junk", 0755);
	assert_int_equal(build(w, "./binary", NULL), 0);
	assert_has(explained(w), "is not a program that this system can execute");
	assert_int_equal(w->status.number, ENOEXEC);
}

static void fault_A7_text_busy_is_tried_again_and_the_writer_named(void **state)
{
	struct world *w = *state;
	char path[4200];
	snprintf(path, sizeof path, "%s", in_dir("busy"));
	char copy[9000];
	snprintf(copy, sizeof copy, "cp /bin/true %s", path);
	assert_int_equal(system(copy), 0);
	assert_int_equal(build(w, path, NULL), 0);

	int writer = open(path, O_WRONLY | O_CLOEXEC);
	int64_t before = clock_now_ms();
	start(w);
	assert_true(clock_now_ms() - before < 400); /* the loop is not held up */
	close(writer);
	finish(w);
	assert_int_equal(w->status.code, 0);
	assert_null(w->status.stage);

	writer = open(path, O_WRONLY | O_CLOEXEC);
	before = clock_now_ms();
	assert_has(explained(w), "is being written");
	assert_true(clock_now_ms() - before >= 490);
	char who[64];
	snprintf(who, sizeof who, "process %d (", (int)getpid());
	assert_has(w->e.hint, who);
	close(writer);
}

static void fault_A8_too_large_says_sizes(void **state)
{
	struct world *w = *state;
	size_t size = 3 * 1024 * 1024;
	char *large = malloc(size);
	memset(large, 'x', size);
	memcpy(large, "BIG=", 4);
	large[size - 1] = '\0';
	char *env[] = {large, NULL};
	assert_int_equal(build(w, "/bin/true", NULL), 0);
	w->made.recipe.envp = env;
	assert_has(explained(w),
		"variable 'BIG' has 3145727 bytes; the system's limit for one is 131071");
	assert_int_equal(w->status.number, E2BIG);
	free(large);

	enum { MANY = 100, EACH = 100 * 1024 };
	char *many[MANY + 1] = {0};
	for (int i = 0; i < MANY; i++) {
		many[i] = malloc(EACH);
		memset(many[i], 'y', EACH);
		many[i][1] = '=';
		many[i][EACH - 1] = '\0';
	}
	w->made.recipe.envp = many;
	assert_has(explained(w), "arguments and environment have 10240");
	for (int i = 0; i < MANY; i++)
		free(many[i]);
	w->made.recipe.envp = environment;
}

static void fault_A9_an_interpreter_loop(void **state)
{
	struct world *w = *state;
	char content[4300];
	snprintf(content, sizeof content, "#!%s\n", in_dir("loop"));
	make_file("loop", content, 0755);
	assert_has(refused(w, "./loop"), "lead back to themselves");
}

static void fault_A15_the_missing_part_of_the_directory(void **state)
{
	struct world *w = *state;
	char wanted[4300];
	struct error e;
	make_file("file", "x", 0644);
	assert_int_equal(build(w, "/bin/true", NULL), 0);

	char deep[4200];
	snprintf(deep, sizeof deep, "%s", in_dir("gone/below/it"));
	w->made.recipe.dir = deep;
	explained(w);
	assert_string_equal(w->status.stage, "directory");
	snprintf(wanted, sizeof wanted, "there is no '%s'", in_dir("gone"));
	assert_has(w->e.text, wanted);

	assert_int_equal(explain_directory(in_dir("file"), &e), -1);
	assert_has(e.text, "is a file");
	assert_int_equal(explain_directory(in_dir("file/below"), &e), -1);
	assert_has(e.text, "is a file");
	assert_int_equal(explain_directory(dir, &e), 0);
	w->made.recipe.dir = dir;
}

/* Runs `check` in a process of another user; its exit code 0 is success. */
static void as_nobody(void (*check)(void))
{
	if (geteuid() != 0)
		skip();
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		if (setgroups(0, NULL) || setgid(NOBODY) || setuid(NOBODY))
			_exit(90);
		check();
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		fail_msg("as nobody: status %x", (unsigned)status);
}

#define must(condition, code)                                                                      \
	do {                                                                                       \
		if (!(condition))                                                                  \
			_exit(code);                                                               \
	} while (0)

static void try_closed_directory(void)
{
	struct error e;
	must(explain_directory(in_dir("closed/inner"), &e) == -1, 1);
	must(strstr(e.text, "closed'") && strstr(e.text, "Permission denied"), 2);
	must(explain_file(in_dir("plain"), "./plain", &e) == -1, 3);
	must(!strcmp(e.hint, "chmod +x ./plain"), 4);
}

static void fault_A15_no_permission_as_another_user(void **state)
{
	(void)state;
	mkdir(in_dir("closed"), 0700);
	make_file("plain", "#!/bin/sh\n", 0644);
	as_nobody(try_closed_directory);
}

static void try_process_limit(void)
{
	struct spawner spawner;
	struct error e;
	struct child child;
	struct recipe recipe = {.paths = words("/bin/true", NULL),
		.argv = words("/bin/true", NULL),
		.envp = environment,
		.dir = "/",
		.stdin_fd = -1,
		.stdout_fd = -1,
		.stderr_fd = -1,
		.tty_fd = -1};
	must(!spawner_open(&spawner, &e), 1);
	struct rlimit before;
	getrlimit(RLIMIT_NPROC, &before);
	struct rlimit none = {0, before.rlim_max};
	must(!setrlimit(RLIMIT_NPROC, &none), 2);
	must(spawner_start(&spawner, &recipe, &child, &e) == -1, 3);
	must(e.number == EAGAIN, 4);
	must(strstr(e.hint, "process limit"), 5);
	setrlimit(RLIMIT_NPROC, &before);
	must(!spawner_start(&spawner, &recipe, &child, &e), 6);
	struct exit_status status;
	struct pollfd polled = {.fd = child.pidfd, .events = POLLIN};
	poll(&polled, 1, PATIENCE_MS);
	must(spawner_reap(&spawner, &status) == 1 && status.code == 0, 7);
	child_forget(&child);
	spawner_close(&spawner);
}

static void fault_A11_process_limit_passes(void **state)
{
	(void)state;
	as_nobody(try_process_limit);
}

static int count_fds(void)
{
	int count = 0;
	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void fault_A13_no_descriptors_left(void **state)
{
	struct world *w = *state;
	assert_int_equal(build(w, "/bin/true", NULL), 0);
	int before = count_fds();
	int lowest = dup(0);
	close(lowest);
	struct rlimit limit;
	getrlimit(RLIMIT_NOFILE, &limit);
	struct rlimit tight = {(rlim_t)lowest, limit.rlim_max};
	setrlimit(RLIMIT_NOFILE, &tight);
	int result = spawner_start(&w->spawner, &w->made.recipe, &w->child, &w->e);
	struct spawner second;
	struct error e;
	int second_result = spawner_open(&second, &e);
	setrlimit(RLIMIT_NOFILE, &limit);
	assert_int_equal(result, -1);
	assert_int_equal(w->e.number, EMFILE);
	assert_int_equal(second_result, -1);
	assert_int_equal(count_fds(), before);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nor a process */
	start(w);
	finish(w);
	assert_int_equal(w->status.code, 0);
}

static void fault_A19_killed_before_exec(void **state)
{
	struct world *w = *state;
	char path[4200];
	snprintf(path, sizeof path, "%s", make_file("unborn", "#!/bin/sh\n", 0755));
	assert_int_equal(build(w, path, NULL), 0);
	int writer = open(path, O_WRONLY | O_CLOEXEC); /* keeps it before its exec */
	start(w);
	/* It has left our session when it is past its first steps. */
	while (getsid(w->child.pid) != w->child.pid)
		sched_yield();
	assert_int_equal(child_signal(&w->child, SIGKILL), 0);
	finish(w);
	close(writer);
	assert_int_equal(w->status.signal, SIGKILL);
	assert_string_equal(w->status.stage, "killed before exec");
	assert_int_equal(w->status.number, 0);
	explain_failure(&w->made.recipe, w->status.stage, w->status.number, &w->e);
	assert_has(w->e.text, "killed before");

	/* The same signal after it is the program's own end. */
	assert_int_equal(build(w, "/bin/sleep", "100"), 0);
	start(w);
	char name[64] = "";
	char comm[64];
	snprintf(comm, sizeof comm, "/proc/%d/comm", (int)w->child.pid);
	while (strcmp(name, "sleep\n")) {
		OWNED_TEXT content = {0};
		assert_true(file_read_proc(comm, &content));
		snprintf(name, sizeof name, "%s", text_string(&content));
	}
	child_signal(&w->child, SIGKILL);
	finish(w);
	assert_int_equal(w->status.signal, SIGKILL);
	assert_null(w->status.stage);
}

static void fault_A24_the_path_of_the_service_is_searched(void **state)
{
	struct world *w = *state;
	make_file("only-here", "#!/bin/sh\nexit 9\n", 0755);
	char path[4300];
	snprintf(path, sizeof path, "PATH=/nowhere:%s:/bin", dir);
	char *own[] = {path, NULL};
	struct command command = {.argv = words("only-here", NULL)};
	struct recipe_request request = {
		.label = "web", .command = &command, .env = own, .dir = "/"};
	assert_int_equal(recipe_build(&w->made, &request, &w->e), 0);
	assert_string_equal(w->made.recipe.paths[1], in_dir("only-here"));
	start(w);
	finish(w);
	assert_int_equal(w->status.code, 9);

	/* In the child one that cannot be executed, or is no file, does not hide a later one either. */
	mkdir(in_dir("shut"), 0755);
	mkdir(in_dir("odd"), 0755);
	mkdir(in_dir("odd/only-here"), 0755);
	make_file("shut/only-here", "#!/bin/sh\n", 0644);
	snprintf(path, sizeof path, "PATH=shut:odd::/bin");
	request.dir = dir;
	recipe_release(&w->made);
	assert_int_equal(recipe_build(&w->made, &request, &w->e), 0);
	start(w);
	finish(w);
	assert_int_equal(w->status.code, 9);

	/* An empty part and a relative part start from the service's directory. */
	struct text found = {0};
	assert_int_equal(recipe_find_program("only-here", "/nowhere:", dir, &found, &w->e), 0);
	char wanted[4300];
	snprintf(wanted, sizeof wanted, "%s/only-here", dir);
	assert_string_equal(found.data, wanted);
	text_release(&found);
	/* One that cannot be executed does not hide a later one. */
	mkdir(in_dir("first"), 0755);
	make_file("first/only-here", "#!/bin/sh\n", 0644);
	assert_int_equal(recipe_find_program("only-here", "first:.", dir, &found, &w->e), 0);
	assert_has(found.data, "/./only-here");
	text_release(&found);
	assert_int_equal(recipe_find_program("only-here", "first", dir, &found, &w->e), -1);
	assert_has(w->e.text, "is not executable");
	text_release(&found);
}

static void the_loop_does_not_wait_for_a_start(void **state)
{
	struct world *w = *state;
	assert_int_equal(spawner_reap(&w->spawner, &w->status), 0);
	assert_int_equal(build(w, "/bin/sleep", "100"), 0);
	start(w);
	assert_int_equal(spawner_reap(&w->spawner, &w->status), 0);
	assert_int_equal(child_signal_group(&w->child, SIGTERM), 0);
	finish(w);
	assert_int_equal(w->status.signal, SIGTERM);
}

static void fault_C10_adopted_orphans_are_reaped(void **state)
{
	struct world *w = *state;
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	assert_int_equal(build(w, "/bin/sh", NULL), 0);
	w->made.recipe.argv = (char *const[]){(char *)(uintptr_t) "sh", (char *)(uintptr_t) "-c",
		(char *)(uintptr_t) "for i in 1 2 3 4 5; do (exit 7) & done", NULL};
	start(w);
	int reaped = 0;
	siginfo_t info;
	while (!waitid(P_ALL, 0, &info, WEXITED | WNOWAIT)) {
		assert_int_equal(spawner_reap(&w->spawner, &w->status), 1);
		assert_null(w->status.stage);
		reaped++;
	}
	assert_int_equal(errno, ECHILD);
	assert_true(reaped >= 1 && reaped <= 6);
	child_forget(&w->child);
	prctl(PR_SET_CHILD_SUBREAPER, 0);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return act(argv[1]);
	ssize_t length = readlink("/proc/self/exe", self_path, sizeof self_path - 1);
	if (length < 0 || !mkdtemp(dir) || chmod(dir, 0755))
		return 1;
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_program_runs_and_its_code_is_told),
		T(fault_A18_exit_127_is_no_failed_exec),
		T(row_B7_a_signal_is_told),
		T(fault_A20_a_child_sees_only_its_own_descriptors),
		T(fault_A21_no_signal_is_ignored_or_blocked),
		T(fault_A22_clean_state_on_every_start),
		T(our_own_limit_is_raised_but_not_the_childs),
		T(listening_sockets_are_passed_by_number_and_name),
		T(a_terminal_becomes_the_controlling_one),
		T(another_user_with_its_groups),
		T(an_unknown_user_is_said),
		T(fault_A1_not_found_names_program_and_path),
		T(fault_A2_not_executable_hints_chmod),
		T(fault_A3_a_directory_is_said),
		T(fault_A4_a_missing_interpreter_is_named),
		T(fault_A5_windows_line_endings_are_said),
		T(fault_A6_no_magic_or_empty),
		T(fault_A7_text_busy_is_tried_again_and_the_writer_named),
		T(fault_A8_too_large_says_sizes),
		T(fault_A9_an_interpreter_loop),
		T(fault_A15_the_missing_part_of_the_directory),
		T(fault_A15_no_permission_as_another_user),
		T(fault_A11_process_limit_passes),
		T(fault_A13_no_descriptors_left),
		T(fault_A19_killed_before_exec),
		T(fault_A24_the_path_of_the_service_is_searched),
		T(the_loop_does_not_wait_for_a_start),
		T(fault_C10_adopted_orphans_are_reaped),
	};
	int failed = cmocka_run_group_tests_name("spawn", tests, NULL, NULL);
	file_remove_tree(dir, NULL);
	return failed;
}
