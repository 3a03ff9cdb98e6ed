/*
 * recipe.h - one process, complete before the fork: nothing is looked up or allocated after it.
 *
 * All pointers borrow from the caller for the length of the spawn call.
 */
#ifndef MODEL_RECIPE_H
#define MODEL_RECIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct recipe {
	const char *label; /* service name, for messages */
	char *const *paths; /* absolute, NULL at the end; the first that can be executed is it */
	char *const *argv;
	char *const *envp;
	const char *dir; /* working directory */
	int stdin_fd; /* -1: /dev/null */
	int stdout_fd; /* becomes 1 */
	int stderr_fd; /* becomes 2 */
	bool lasting_output; /* nobody waits for the end of these two: copies may stay open in the parent */
	int tty_fd; /* slave of a pseudo-terminal that becomes 0, 1, 2 and the controlling one; -1 */
	const int *listen_fds; /* become 3, 4, ...; LISTEN_PID is patched to the child's pid */
	size_t listen_count;
	char *listen_pid; /* the "LISTEN_PID=..........": room in envp that the child writes; NULL */
	bool change_user;
	uid_t uid;
	gid_t gid;
	const gid_t *groups;
	size_t group_count;
	int64_t files_max; /* RLIMIT_NOFILE, 0: as inherited */
};

/* A running child. The pidfd is ours; the pid stays reserved until the child is reaped. */
struct child {
	pid_t pid; /* 0: none */
	int pidfd; /* -1: none */
};

/* How a child ended, from waitid(2). */
struct exit_status {
	pid_t pid;
	int code; /* exit code; -1 when a signal ended it */
	int signal; /* 0 when it exited by itself */
	bool core_dumped;
	bool by_oom_killer; /* SIGKILL, and the kernel has counted one of its own */
	/*
	 * The child never became the program: stage says where, number is the errno. stage is NULL
	 * after a normal exec. number 0 with a stage means that it was killed before exec.
	 */
	const char *stage;
	int number;
};

#endif
