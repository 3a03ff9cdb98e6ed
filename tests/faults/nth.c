/*
 * nth - one system call of stackup's own processes fails, or brings a signal, whichever is wanted.
 *
 *   nth [--attach ROLE=PID]... --list FILE -- COMMAND...
 *   nth [--attach ROLE=PID]... --fault ROLE:CALL:K:WHAT --hit FILE -- COMMAND...
 *
 * Roles go down from parent to child: the command is the "client", whom it forks the "guardian", then
 * the "supervisor", whose children are each a "child" until they execute something; from there on nobody
 * looks. --attach takes processes that run already. K counts the calls of that kind in all processes
 * of the role, from 1. WHAT is an error's number; or KILL: the process ends before the call is made;
 * or BOTH: supervisor and guardian do; or TERM.
 *
 * The list has a line a call, in the order in which they came: ROLE CALL K, and the numbers of the
 * errors that the call may well have (calls.def). FILE of --hit gets a byte when the fault happened; the
 * tracing is over then. So it is when the command ends, whose exit code is nth's (128 + signal).
 *
 * The reason for not taking strace: there every call of every child goes on being traced to its end,
 * and a call cannot be named by who makes it.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/reg.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

/* <sys/ptrace.h> and <linux/ptrace.h> cannot both be included. */
typedef struct __ptrace_syscall_info call_info;

enum role { CLIENT, GUARDIAN, SUPERVISOR, CHILD, ROLES };
enum { CALLS_MOST = 512, TRACED_MOST = 256, ERRORS_MOST = 4, KILL = -1, BOTH = -2, TERM = -3 };

static const char *const role_names[ROLES] = {"client", "guardian", "supervisor", "child"};

static const struct call {
	const char *name;
	int errors[ERRORS_MOST + 1];
} calls[CALLS_MOST] = {
#define CALL(name, ...) [SYS_##name] = {#name, {__VA_ARGS__}},
#include "calls.def"
#undef CALL
};

/* A thread that is traced. */
struct traced {
	pid_t pid;
	pid_t process;
	enum role role;
	bool known; /* its parent has said whose child it is */
	bool stopped; /* it waits for its parent to say so */
	bool fails; /* the call that it is in */
};

static struct traced traced[TRACED_MOST];
static size_t traced_count;
static long counts[ROLES][CALLS_MOST];
static FILE *list;
static bool over; /* nobody is traced any more after his next stop */

static struct {
	enum role role;
	long call;
	long k;
	int what;
	const char *hit;
} fault = {.k = -1};

static _Noreturn void usage(const char *what)
{
	fprintf(stderr, "nth: %s\n", what);
	exit(125);
}

static struct traced *find(pid_t pid)
{
	for (size_t i = 0; i < traced_count; i++)
		if (traced[i].pid == pid)
			return &traced[i];
	if (traced_count == TRACED_MOST)
		usage("too many processes");
	traced[traced_count] = (struct traced){.pid = pid};
	return &traced[traced_count++];
}

static void forget(pid_t pid)
{
	struct traced *t = find(pid);
	*t = traced[--traced_count];
}

/* ---- the options ---- */

static enum role role_of(const char *name, size_t length)
{
	for (int i = 0; i < ROLES; i++)
		if (strlen(role_names[i]) == length && strncmp(role_names[i], name, length) == 0)
			return (enum role)i;
	usage("roles are client, guardian, supervisor and child");
}

static long call_of(const char *name)
{
	for (long i = 0; i < CALLS_MOST; i++)
		if (calls[i].name && strcmp(calls[i].name, name) == 0)
			return i;
	return strtol(name, NULL, 10);
}

static int what_of(const char *word)
{
	static const char *const words[] = {"KILL", "BOTH", "TERM"};
	for (int i = 0; i < 3; i++)
		if (strcmp(words[i], word) == 0)
			return -1 - i;
	return (int)strtol(word, NULL, 10);
}

/* ROLE:CALL:K:WHAT */
static void read_fault(char *text)
{
	char *parts[4] = {NULL};
	for (int i = 0; i < 4; i++)
		parts[i] = strsep(&text, ":");
	if (!parts[3] || text)
		usage("a fault is ROLE:CALL:K:WHAT");
	fault.role = role_of(parts[0], strlen(parts[0]));
	fault.call = call_of(parts[1]);
	fault.k = strtol(parts[2], NULL, 10);
	fault.what = what_of(parts[3]);
}

/* ---- beginning ---- */

enum { TRACE_WHAT = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
		PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC };

static void seize(pid_t pid, pid_t process, enum role role)
{
	if (ptrace(PTRACE_SEIZE, pid, NULL, (void *)(long)TRACE_WHAT))
		usage("cannot trace");
	struct traced *t = find(pid);
	t->process = process;
	t->role = role;
	t->known = true;
}

/* Its threads are few and have all been there for long. */
static void attach(const char *text)
{
	const char *equals = strchr(text, '=');
	if (!equals)
		usage("--attach takes ROLE=PID");
	pid_t process = (pid_t)strtol(equals + 1, NULL, 10);
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/task", (int)process);
	char command[96];
	snprintf(command, sizeof command, "ls %s", path);
	FILE *threads = popen(command, "re");
	int pid;
	while (threads && fscanf(threads, "%d", &pid) == 1) {
		seize(pid, process, role_of(text, (size_t)(equals - text)));
		int status;
		if (ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) || waitpid(pid, &status, __WALL) != pid)
			usage("cannot interrupt");
		ptrace(PTRACE_SYSCALL, pid, NULL, NULL);
	}
	if (threads)
		pclose(threads);
}

static pid_t start(char **command)
{
	int gate[2];
	if (pipe2(gate, O_CLOEXEC))
		usage("no pipe");
	pid_t pid = fork();
	if (pid < 0)
		usage("cannot fork");
	if (pid == 0) {
		char go;
		close(gate[1]);
		if (read(gate[0], &go, 1) == 1)
			execv(command[0], command);
		_exit(126);
	}
	seize(pid, pid, CLIENT);
	if (write(gate[1], "", 1) != 1)
		usage("cannot start");
	close(gate[0]);
	close(gate[1]);
	/* Its calls count from its exec on. */
	int status;
	while (waitpid(pid, &status, __WALL) == pid && status >> 16 != PTRACE_EVENT_EXEC)
		ptrace(PTRACE_CONT, pid, NULL, NULL);
	ptrace(PTRACE_SYSCALL, pid, NULL, NULL);
	return pid;
}

/* ---- a call ---- */

static void tell_call(const struct traced *t, long call)
{
	fprintf(list, "%s ", role_names[t->role]);
	if (calls[call].name)
		fputs(calls[call].name, list);
	else
		fprintf(list, "%ld", call);
	fprintf(list, " %ld", counts[t->role][call]);
	for (const int *error = calls[call].errors; *error; error++)
		fprintf(list, " %d", *error);
	fputc('\n', list);
}

static void end_both(void)
{
	for (size_t i = 0; i < traced_count; i++)
		if (traced[i].role == GUARDIAN || traced[i].role == SUPERVISOR)
			kill(traced[i].process, SIGKILL);
}

static void happen(struct traced *t)
{
	int fd = open(fault.hit ? fault.hit : "/dev/null", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, "!", 1) != 1)
		usage("cannot write where --hit says");
	close(fd);
	over = true;
	if (fault.what == KILL)
		kill(t->process, SIGKILL);
	else if (fault.what == BOTH)
		end_both();
	else if (fault.what == TERM)
		kill(t->process, SIGTERM);
	else if (!ptrace(PTRACE_POKEUSER, t->pid, (void *)(8L * ORIG_RAX), (void *)-1L))
		t->fails = true;
}

static void on_entry(struct traced *t, long call)
{
	if (over || call < 0 || call >= CALLS_MOST)
		return;
	counts[t->role][call]++;
	if (list)
		tell_call(t, call);
	if (t->role == fault.role && call == fault.call && counts[t->role][call] == fault.k)
		happen(t);
}

static void on_call(struct traced *t)
{
	call_info info;
	if (ptrace(PTRACE_GET_SYSCALL_INFO, t->pid, (void *)sizeof info, &info) < 0)
		return;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
		on_entry(t, (long)info.entry.nr);
	} else if (t->fails) {
		ptrace(PTRACE_POKEUSER, t->pid, (void *)(8L * RAX), (void *)(long)-fault.what);
		t->fails = false;
	}
}

/* ---- stops ---- */

static void resume(struct traced *t, int number)
{
	if (over && !t->fails)
		ptrace(PTRACE_DETACH, t->pid, NULL, (void *)(long)number);
	else
		ptrace(PTRACE_SYSCALL, t->pid, NULL, (void *)(long)number);
}

static bool is_thread_of(pid_t pid, pid_t process)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/task/%d", (int)process, (int)pid);
	return access(path, F_OK) == 0;
}

/* The parent's word about a new process or thread; it may have stopped before. */
static void on_birth(const struct traced *parent)
{
	unsigned long born = 0;
	ptrace(PTRACE_GETEVENTMSG, parent->pid, NULL, &born);
	struct traced known = *parent;
	struct traced *t = find((pid_t)born);
	bool thread = is_thread_of(t->pid, known.process);
	t->process = thread ? known.process : t->pid;
	t->role = thread || known.role == CHILD ? known.role : (enum role)(known.role + 1);
	t->known = true;
	if (t->stopped)
		resume(t, 0);
}

static void on_stop(struct traced *t, int status)
{
	int number = WSTOPSIG(status), event = status >> 16;
	if (number == (SIGTRAP | 0x80)) {
		on_call(t);
		resume(t, 0);
	} else if (event == PTRACE_EVENT_EXEC) {
		ptrace(PTRACE_DETACH, t->pid, NULL, NULL);
	} else if (event == PTRACE_EVENT_STOP && !t->known) {
		t->stopped = true;
	} else if (event == PTRACE_EVENT_STOP && number != SIGTRAP) {
		ptrace(over ? PTRACE_DETACH : PTRACE_LISTEN, t->pid, NULL, NULL);
	} else if (event) {
		pid_t pid = t->pid;
		if (event != PTRACE_EVENT_STOP)
			on_birth(t);
		resume(find(pid), 0);
	} else {
		resume(t, number);
	}
}

static int trace_to_the_end(pid_t command)
{
	for (;;) {
		int status;
		pid_t pid = waitpid(-1, &status, __WALL);
		if (pid < 0)
			usage("lost the command");
		if (WIFSTOPPED(status)) {
			on_stop(find(pid), status);
			continue;
		}
		if (pid == command)
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		forget(pid);
	}
}

int main(int argc, char **argv)
{
	int i = 1;
	for (; i + 1 < argc && strcmp(argv[i], "--") != 0; i += 2) {
		if (strcmp(argv[i], "--attach") == 0)
			attach(argv[i + 1]);
		else if (strcmp(argv[i], "--list") == 0)
			list = fopen(argv[i + 1], "we");
		else if (strcmp(argv[i], "--fault") == 0)
			read_fault(argv[i + 1]);
		else if (strcmp(argv[i], "--hit") == 0)
			fault.hit = argv[i + 1];
		else
			usage("which option?");
	}
	if (i + 1 >= argc)
		usage("which command?");
	return trace_to_the_end(start(argv + i + 1));
}
