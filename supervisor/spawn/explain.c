#include "spawn/explain.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/own.h"
#include "spawn/child.h"
#include "spawn/proc.h"
#include "spawn/recipe.h"

enum {
	ONE_STRING = 128 * 1024,            /* MAX_ARG_STRLEN */
	ALL_STRINGS_MOST = 6 * 1024 * 1024, /* three quarters of _STK_LIM */
};

int explain_missing(const char *program, const char *path, struct error *e)
{
	size_t places = 1;
	for (const char *colon = strchr(path, ':'); colon; colon = strchr(colon + 1, ':'))
		places++;
	if (!path[0])
		fail(e, EXIT_NO_COMMAND, "program '%s' was not found: PATH is empty", program);
	else if (places == 1)
		fail(e, EXIT_NO_COMMAND, "program '%s' was not found in the one directory of PATH", program);
	else
		fail(e, EXIT_NO_COMMAND, "program '%s' was not found in the %zu directories of PATH",
			program, places);
	error_hint(e,
		"install it, correct its name, or write its path, for example ./%s; "
		"`stackup env --explain PATH` shows PATH", program);
	return -1;
}

static int explain_component(const char *dir, const char *part, struct error *e)
{
	struct stat st;
	if (stat(part, &st)) {
		int number = errno;
		bool whole = !strcmp(dir, part);
		if (whole && number == ENOENT)
			fail(e, EXIT_FAILED, "directory '%s' does not exist", dir);
		else if (number == ENOENT)
			fail(e, EXIT_FAILED, "directory '%s' does not exist: there is no '%s'", dir,
				part);
		else
			fail_errno(
				e, EXIT_FAILED, "directory '%s' cannot be used: '%s'", dir, part);
		if (number == ENOENT)
			error_hint(e, "create it, or correct 'dir'");
		return -1;
	}
	if (!S_ISDIR(st.st_mode)) {
		fail(e, EXIT_FAILED, "'%s' cannot be a working directory: '%s' is a file", dir,
			part);
		error_hint(e, "correct 'dir'");
		return -1;
	}
	if (faccessat(AT_FDCWD, part, X_OK, AT_EACCESS)) {
		fail_errno(e, EXIT_FAILED, "directory '%s' cannot be entered: '%s'", dir, part);
		error_hint(e, "chmod +x %s", part);
		return -1;
	}
	return 0;
}

int explain_directory(const char *dir, struct error *e)
{
	char part[PATH_MAX];
	size_t length = strlen(dir);
	if (length >= sizeof part)
		return fail(e, EXIT_FAILED, "directory '%.100s...' has too long a path", dir);
	for (size_t i = 1; i <= length; i++) {
		if (dir[i] != '/' && dir[i] != '\0')
			continue;
		memcpy(part, dir, i);
		part[i] = '\0';
		if (explain_component(dir, part, e))
			return -1;
	}
	return 0;
}

struct writer {
	dev_t device;
	ino_t inode;
	pid_t pid; /* being looked at */
	pid_t found;
};

/* The link of an open file in /proc/PID/fd is writable when the file is open for writing. */
static bool is_writer(void *self, int fd)
{
	struct writer *writer = self;
	char path[PROC_PATH_SIZE];
	char rest[24];
	struct stat st;
	snprintf(rest, sizeof rest, "fd/%d", fd);
	proc_path(path, writer->pid, rest);
	if (stat(path, &st) || st.st_ino != writer->inode || st.st_dev != writer->device)
		return true;
	if (lstat(path, &st) || !(st.st_mode & S_IWUSR))
		return true;
	writer->found = writer->pid;
	return false;
}

static bool has_writer(void *self, int pid)
{
	struct writer *writer = self;
	char path[PROC_PATH_SIZE];
	writer->pid = pid;
	proc_numbers(proc_path(path, pid, "fd"), is_writer, writer);
	return !writer->found;
}

static int explain_busy(const char *path, struct error *e)
{
	struct stat st;
	struct writer writer = {0};
	struct proc_stat who;
	fail(e, EXIT_NOT_EXECUTABLE, "'%s' is being written, so it cannot be executed", path);
	if (!stat(path, &st)) {
		writer.device = st.st_dev;
		writer.inode = st.st_ino;
		proc_numbers("/proc", has_writer, &writer);
	}
	if (writer.found && proc_stat(writer.found, &who))
		error_hint(e,
			"process %d (%s) has it open for writing; start again when it is done",
			(int)writer.found, who.name);
	else
		error_hint(e, "start again when the compiler or the copy is done");
	return -1;
}

static size_t strings_size(char *const *strings, const char **largest, size_t *largest_size)
{
	size_t total = 0;
	for (; *strings; strings++) {
		size_t size = strlen(*strings) + 1;
		total += size + sizeof *strings;
		if (size > *largest_size) {
			*largest_size = size;
			*largest = *strings;
		}
	}
	return total;
}

/* A quarter of the stack limit, within bounds, and 128 KiB for one string; see execve(2). */
static size_t strings_most(void)
{
	struct rlimit stack;
	if (getrlimit(RLIMIT_STACK, &stack) || stack.rlim_cur == RLIM_INFINITY ||
		stack.rlim_cur / 4 > ALL_STRINGS_MOST)
		return ALL_STRINGS_MOST;
	return stack.rlim_cur / 4 < ONE_STRING ? ONE_STRING : (size_t)stack.rlim_cur / 4;
}

static int explain_size(const struct recipe *recipe, struct error *e)
{
	const char *argument = "";
	const char *variable = "";
	size_t argument_size = 0;
	size_t variable_size = 0;
	size_t total = strings_size(recipe->argv, &argument, &argument_size) +
		strings_size(recipe->envp, &variable, &variable_size);
	if (variable_size > ONE_STRING)
		fail(e, EXIT_FAILED,
			"variable '%.*s' has %zu bytes; the system's limit for one is %d",
			(int)strcspn(variable, "="), variable, variable_size - 1, ONE_STRING - 1);
	else if (argument_size > ONE_STRING)
		fail(e, EXIT_FAILED,
			"an argument of the command has %zu bytes; the system's limit for one is "
			"%d",
			argument_size - 1, ONE_STRING - 1);
	else
		fail(e, EXIT_FAILED,
			"arguments and environment have %zu bytes; the system's limit is about %zu",
			total, strings_most());
	error_hint(e, "put large values into a file and give its name");
	return -1;
}

/* Which of its places was meant: the program that is there, or the sentence why none is. */
static int find_meant(const struct recipe *recipe, struct text *found, struct error *e)
{
	const char *path = recipe_variable(recipe->envp, "PATH");
	if (recipe_find_program(recipe->argv[0], path, recipe->dir, found, e))
		return -1;
	return explain_file(text_string(found), text_string(found), e);
}

static int explain_exec(const struct recipe *recipe, int number, struct error *e)
{
	struct error why;
	OWNED_TEXT found = {0};
	if (number == E2BIG)
		return explain_size(recipe, e);
	int known = find_meant(recipe, &found, &why);
	const char *path = found.length ? text_string(&found) : recipe->argv[0];
	if (number == ETXTBSY)
		return explain_busy(path, e);
	if (known && number != ENOMEM && number != EAGAIN) {
		why.number = number;
		*e = why;
		return -1;
	}
	if (number == ENOEXEC)
		return explain_no_magic(path, "is not a program that this system can execute", e);
	errno = number;
	int code = number == ENOENT ? EXIT_NO_COMMAND : EXIT_NOT_EXECUTABLE;
	if (recipe->change_user)
		return fail_errno(e, code, "cannot execute '%s' as user %u", path, recipe->uid);
	return fail_errno(e, code, "cannot execute '%s'", path);
}

static int explain_entering(const struct recipe *recipe, int number, struct error *e)
{
	struct error why;
	if (explain_directory(recipe->dir, &why)) {
		*e = why;
		return -1;
	}
	errno = number;
	if (recipe->change_user)
		return fail_errno(e, EXIT_FAILED, "user %u cannot enter directory '%s'",
			recipe->uid, recipe->dir);
	return fail_errno(e, EXIT_FAILED, "cannot enter directory '%s'", recipe->dir);
}

int explain_failure(const struct recipe *recipe, const char *stage, int number, struct error *e)
{
	struct error unused;
	if (!e)
		e = &unused;
	if (!strcmp(stage, spawn_stage_word(SPAWN_KILLED)))
		return fail(
			e, EXIT_FAILED, "it was killed before '%s' was executed", recipe->argv[0]);
	if (!strcmp(stage, spawn_stage_word(SPAWN_EXEC)))
		return explain_exec(recipe, number, e);
	if (!strcmp(stage, spawn_stage_word(SPAWN_DIRECTORY)))
		return explain_entering(recipe, number, e);
	errno = number;
	if (!strcmp(stage, spawn_stage_word(SPAWN_LIMITS)))
		return fail_errno(e, EXIT_FAILED, "cannot set files_max to %lld",
			(long long)recipe->files_max);
	if (!strcmp(stage, spawn_stage_word(SPAWN_USER)) ||
		!strcmp(stage, spawn_stage_word(SPAWN_GROUPS)))
		return fail_errno(e, EXIT_FAILED, "cannot become user %u", recipe->uid);
	return fail_errno(e, EXIT_FAILED, "cannot prepare the %s of the new process", stage);
}
