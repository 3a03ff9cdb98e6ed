#include "spawn/child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/list.h"
#include "base/own.h"
#include "spawn/proc.h"

/*
 * What a child is called between fork and exec. A zombie that was killed with this name never
 * became the program: execve(2) sets the name.
 */
#define UNBORN "stackup-unborn"

enum { BUSY_TRIES = 5, BUSY_PAUSE_MS = 100 };

const char *spawn_stage_word(enum spawn_stage stage)
{
	static const char *const words[] = {
#define X(name, word) [name] = word,
		SPAWN_STAGES(X)
#undef X
	};
	return words[stage];
}

static int open_pipe(struct spawner *spawner, struct error *e)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC))
		return fail_errno(e, EXIT_FAILED, "cannot create a pipe");
	spawner->error_read = ends[0];
	spawner->error_write = ends[1];
	/* Only our end: a child that writes while the pipe is full had better wait. */
	if (fcntl(ends[0], F_SETFL, O_NONBLOCK))
		return fail_errno(e, EXIT_FAILED, "cannot prepare a pipe");
	return 0;
}

int spawner_open(struct spawner *spawner, struct error *e)
{
	*spawner = (struct spawner){.error_read = -1, .error_write = -1};
	spawner->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (spawner->null_fd < 0)
		fail_errno(e, EXIT_FAILED, "cannot open /dev/null");
	if (spawner->null_fd < 0 || open_pipe(spawner, e)) {
		spawner_close(spawner);
		return -1;
	}
	getrlimit(RLIMIT_NOFILE, &spawner->files);
	struct rlimit raised = {spawner->files.rlim_max, spawner->files.rlim_max};
	setrlimit(RLIMIT_NOFILE, &raised);
	pad_open(&spawner->pad, spawner->error_write + 1, spawner->null_fd);
	oom_open(&spawner->oom);
	return 0;
}

void spawner_close(struct spawner *spawner)
{
	const int fds[] = {spawner->error_read, spawner->error_write, spawner->null_fd};
	for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	pad_close(&spawner->pad);
	oom_close(&spawner->oom);
	list_release(&spawner->failures);
	list_release(&spawner->unborn);
	spawner->error_read = spawner->error_write = spawner->null_fd = -1;
}

/*
 * From here to execve only async-signal-safe calls, and no heap: other threads of ours (name
 * look-ups) may have held any lock at the moment of the fork.
 */

struct birth {
	const struct spawner *spawner;
	const struct recipe *recipe;
	int slot; /* of the pad; -1: the table of descriptors is our own */
	int output_fd;
	int errors_fd;
	int error_fd; /* where the error pipe is now */
};

static _Noreturn void give_up(const struct birth *birth, enum spawn_stage stage)
{
	struct spawn_failure failure = {.pid = getpid(), .stage = (int)stage, .number = errno};
	ssize_t put;
	do
		put = write(birth->error_fd, &failure, sizeof failure);
	while (put < 0 && errno == EINTR);
	_exit(put == (ssize_t)sizeof failure ? 127 : 126);
}

/* Handlers go by themselves at exec; what was ignored would stay ignored. */
static void reset_signals(void)
{
	struct sigaction action = {.sa_handler = SIG_DFL};
	for (int signal = 1; signal < NSIG; signal++)
		sigaction(signal, &action, NULL);
}

static void unblock_signals(void)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/*
 * The descriptors of the program are 0, 1, 2, then the listeners, then (until exec) the error pipe;
 * all others are closed. First copies above all that, then into place: a source may have the number
 * of a target.
 */
static int place_descriptors(struct birth *birth)
{
	const struct recipe *r = birth->recipe;
	int null_fd = birth->spawner->null_fd;
	int sources[4 + SPAWN_LISTEN_MOST] = {r->stdin_fd, birth->output_fd, birth->errors_fd};
	int count = 3;
	for (int i = 0; i < 3; i++) {
		if (r->tty_fd >= 0)
			sources[i] = r->tty_fd;
		else if (sources[i] < 0)
			sources[i] = null_fd;
	}
	for (size_t i = 0; i < r->listen_count; i++)
		sources[count++] = r->listen_fds[i];
	sources[count++] = birth->error_fd;

	for (int i = 0; i < count; i++) {
		sources[i] = fcntl(sources[i], F_DUPFD_CLOEXEC, count);
		if (sources[i] < 0)
			return -1;
	}
	birth->error_fd = sources[count - 1];
	for (int i = 0; i < count - 1; i++)
		if (dup2(sources[i], i) < 0)
			return -1;
	if (dup3(birth->error_fd, count - 1, O_CLOEXEC) < 0)
		return -1;
	birth->error_fd = count - 1;
	return close_range((unsigned)count, ~0U, 0);
}

static int set_limits(const struct birth *birth)
{
	struct rlimit files = birth->spawner->files;
	if (birth->recipe->files_max > 0) {
		files.rlim_cur = (rlim_t)birth->recipe->files_max;
		if (files.rlim_max < files.rlim_cur)
			files.rlim_max = files.rlim_cur;
	}
	return setrlimit(RLIMIT_NOFILE, &files);
}

/* Into the child's own copy of the environment. */
static void write_listen_pid(char *variable)
{
	char *at = variable + sizeof "LISTEN_PID=" - 1;
	char digits[12];
	int count = 0;
	for (pid_t pid = getpid(); pid > 0; pid /= 10)
		digits[count++] = (char)('0' + pid % 10);
	while (count)
		*at++ = digits[--count];
	*at = '\0';
}

/* A compiler that still writes the program is waited for here: this process hangs, not the loop. */
static void execute_one(const char *path, const struct recipe *recipe)
{
	const struct timespec pause = {.tv_nsec = BUSY_PAUSE_MS * 1000000L};
	for (int try = 0;; try++) {
		execve(path, recipe->argv, recipe->envp);
		if (errno != ETXTBSY || try == BUSY_TRIES)
			return;
		nanosleep(&pause, NULL);
	}
}

/* As execvp(3): one that may not be executed, or is not there, does not hide a later one. */
static void execute(const struct recipe *recipe)
{
	int number = ENOENT;
	for (char *const *path = recipe->paths; *path; path++) {
		execute_one(*path, recipe);
		if (errno == EACCES)
			number = EACCES;
		else if (errno != ENOENT && errno != ENOTDIR && errno != ESTALE)
			return;
	}
	errno = number;
}

static _Noreturn void become(struct birth birth)
{
	const struct recipe *recipe = birth.recipe;
	if (birth.slot >= 0 && pad_leave(&birth.spawner->pad, birth.slot))
		give_up(&birth, SPAWN_DESCRIPTORS);
	prctl(PR_SET_NAME, UNBORN);
	reset_signals();
	unblock_signals();
	umask(022);
	if (setsid() < 0)
		give_up(&birth, SPAWN_SESSION);
	if (recipe->tty_fd >= 0 && ioctl(recipe->tty_fd, TIOCSCTTY, 0))
		give_up(&birth, SPAWN_TERMINAL);
	if (place_descriptors(&birth))
		give_up(&birth, SPAWN_DESCRIPTORS);
	if (set_limits(&birth))
		give_up(&birth, SPAWN_LIMITS);
	if (recipe->change_user && setgroups(recipe->group_count, recipe->groups))
		give_up(&birth, SPAWN_GROUPS);
	if (recipe->change_user && (setgid(recipe->gid) || setuid(recipe->uid)))
		give_up(&birth, SPAWN_USER);
	if (chdir(recipe->dir))
		give_up(&birth, SPAWN_DIRECTORY);
	if (recipe->listen_pid)
		write_listen_pid(recipe->listen_pid);
	execute(recipe);
	give_up(&birth, SPAWN_EXEC);
}

/*
 * A fork with a pidfd in one call. Not vfork or posix_spawn: they make the parent wait for the
 * exec, which may hang on a file system; and they are no faster here (fork 0.45 ms, posix_spawn
 * 0.60 ms).
 */
static pid_t fork_with_pidfd(int *pidfd, uint64_t flags)
{
	struct clone_args args = {
		.flags = CLONE_PIDFD | flags,
		.pidfd = (uint64_t)(uintptr_t)pidfd,
		.exit_signal = SIGCHLD,
	};
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);
	if (pid >= 0 || (errno != ENOSYS && errno != EPERM))
		return pid;
	/* Containers whose filter does not know clone3. */
	pid = _Fork();
	if (pid <= 0)
		return pid;
	*pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (*pidfd >= 0)
		return pid;
	int number = errno;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	errno = number;
	return -1;
}

static int explain_fork(struct error *e)
{
	int number = errno;
	fail_errno(e, EXIT_FAILED, "cannot create a process");
	if (number == EAGAIN)
		error_hint(
			e, "the process limit is reached (ulimit -u, or pids.max of the cgroup)");
	else if (number == EMFILE)
		error_hint(e, "the limit of open files is reached (ulimit -n)");
	return -1;
}

/* By way of the pad where it is all that the child needs, and stays open here anyway. */
static struct birth prepare(struct spawner *spawner, const struct recipe *recipe)
{
	bool plain = recipe->stdin_fd < 0 && recipe->tty_fd < 0 && !recipe->listen_count;
	struct birth birth = {
		.spawner = spawner,
		.recipe = recipe,
		.slot = -1,
		.output_fd = recipe->stdout_fd,
		.errors_fd = recipe->stderr_fd,
		.error_fd = spawner->error_write,
	};
	if (!plain || !recipe->lasting_output)
		return birth;
	birth.slot = pad_take(&spawner->pad, recipe->stdout_fd, recipe->stderr_fd);
	if (birth.slot >= 0) {
		birth.output_fd = spawner->pad.slots[birth.slot].output;
		birth.errors_fd = spawner->pad.slots[birth.slot].errors;
	}
	return birth;
}

/* Without memory for the list nobody is ever known to be born, which is only slower. */
static void await_birth(struct spawner *spawner, pid_t pid)
{
	if (!list_push(&spawner->unborn, pid))
		spawner->unborn_lost = true;
}

void spawner_born(struct spawner *spawner, pid_t pid)
{
	for (size_t i = 0; i < spawner->unborn.count; i++) {
		if (spawner->unborn.items[i] == pid) {
			list_remove(&spawner->unborn, i);
			return;
		}
	}
}

int spawner_start(
	struct spawner *spawner, const struct recipe *recipe, struct child *child, struct error *e)
{
	if (recipe->listen_count > SPAWN_LISTEN_MOST)
		return fail(e, EXIT_FAILED, "more than %d listening sockets", SPAWN_LISTEN_MOST);
	struct birth birth = prepare(spawner, recipe);
	/* Our handlers must not run in the child: they would write into our event loop. */
	sigset_t all;
	sigset_t before;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	int pidfd = -1;
	pid_t pid = fork_with_pidfd(&pidfd, birth.slot >= 0 ? CLONE_FILES : 0);
	if (pid == 0)
		become(birth);
	int number = errno;
	sigprocmask(SIG_SETMASK, &before, NULL);
	errno = number;
	if (birth.slot >= 0 && pid < 0)
		pad_give(&spawner->pad, birth.slot);
	if (pid < 0)
		return explain_fork(e);
	if (birth.slot >= 0)
		pad_started(&spawner->pad, birth.slot, pid);
	await_birth(spawner, pid);
	*child = (struct child){.pid = pid, .pidfd = pidfd};
	return 0;
}

static void read_failures(struct spawner *spawner)
{
	struct spawn_failure failure;
	for (;;) {
		ssize_t got = read(spawner->error_read, &failure, sizeof failure);
		if (got < 0 && errno == EINTR)
			continue;
		if (got != (ssize_t)sizeof failure || !list_push(&spawner->failures, failure))
			return;
	}
}

static bool take_failure(struct spawner *spawner, pid_t pid, struct spawn_failure *failure)
{
	for (size_t i = 0; i < spawner->failures.count; i++) {
		if (spawner->failures.items[i].pid != pid)
			continue;
		*failure = spawner->failures.items[i];
		list_remove(&spawner->failures, i);
		return true;
	}
	return false;
}

static void describe(const siginfo_t *info, struct exit_status *status)
{
	bool exited = info->si_code == CLD_EXITED;
	*status = (struct exit_status){
		.pid = info->si_pid,
		.code = exited ? info->si_status : -1,
		.signal = exited ? 0 : info->si_status,
		.core_dumped = info->si_code == CLD_DUMPED,
	};
}

/*
 * While the zombie is there its number is its own, and its record is in the pipe, because it was written
 * before the exit.
 */
static void look_for_failure(struct spawner *spawner, struct exit_status *status)
{
	struct spawn_failure failure;
	read_failures(spawner);
	if (take_failure(spawner, status->pid, &failure)) {
		status->stage = spawn_stage_word((enum spawn_stage)failure.stage);
		status->number = failure.number;
	} else if (status->signal && proc_is_called(status->pid, UNBORN)) {
		status->stage = spawn_stage_word(SPAWN_KILLED);
	}
}

/* Looks first and reaps after, unless all are known to have become their programs. */
int spawner_reap(struct spawner *spawner, struct exit_status *status)
{
	bool all_born = !spawner->unborn.count && !spawner->unborn_lost;
	siginfo_t info = {0};
	if (proc_wait(P_ALL, 0, &info, WEXITED | WNOHANG | (all_born ? 0 : WNOWAIT)) || !info.si_pid)
		return 0;
	describe(&info, status);
	status->by_oom_killer = status->signal == SIGKILL && oom_struck(&spawner->oom);
	if (!all_born) {
		look_for_failure(spawner, status);
		proc_wait(P_PID, (id_t)info.si_pid, &info, WEXITED | WNOHANG);
		spawner_born(spawner, status->pid);
	}
	pad_reaped(&spawner->pad, status->pid);
	return 1;
}

static int sent(int result)
{
	return result && errno == EPERM ? -1 : 0;
}

int child_signal(const struct child *child, int signal)
{
	return sent((int)syscall(SYS_pidfd_send_signal, child->pidfd, signal, NULL, 0));
}

int child_signal_group(const struct child *child, int signal)
{
	if (child->pid <= 0)
		return 0;
	int result = kill(-child->pid, signal);
	/* Just forked and not yet a group of its own. */
	if (result && errno == ESRCH)
		return child_signal(child, signal);
	return sent(result);
}

void child_forget(struct child *child)
{
	if (child->pidfd >= 0)
		close(child->pidfd);
	*child = (struct child){.pidfd = -1};
}

int child_reach(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

bool child_await_end(pid_t pid, int patience_ms)
{
	OWNED_FD fd = child_reach(pid);
	struct pollfd end = {.fd = fd, .events = POLLIN};
	return fd < 0 || poll(&end, 1, patience_ms) > 0;
}
