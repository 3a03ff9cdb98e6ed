#include "spawn/explain.h"

#include <elf.h>
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
	HEAD_SIZE = 256,  /* BINPRM_BUF_SIZE: what the kernel looks at */
	SCRIPT_DEPTH = 5, /* a script's interpreter may be a script, and so on; see execve(2) */
	ONE_STRING = 128 * 1024,            /* MAX_ARG_STRLEN */
	ALL_STRINGS_MOST = 6 * 1024 * 1024, /* three quarters of _STK_LIM */
};

static int look(const char *path, const char *shown, int depth, struct error *e);

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

static int cannot_be_reached(const char *path, const char *shown, int number, struct error *e)
{
	struct stat st;
	char target[PATH_MAX];
	ssize_t length = -1;
	if (!lstat(path, &st) && S_ISLNK(st.st_mode))
		length = readlink(path, target, sizeof target - 1);
	if (number == ENOENT && length > 0) {
		target[length] = '\0';
		fail(e, EXIT_NO_COMMAND, "'%s' is a link to '%s', which does not exist", shown,
			target);
		error_hint(e, "correct the link");
		return -1;
	}
	errno = number;
	if (number == ELOOP) {
		fail_errno(
			e, EXIT_NOT_EXECUTABLE, "'%s' is a link that leads back to itself", shown);
		error_hint(e, "correct the link");
		return -1;
	}
	if (number == EACCES)
		return fail_errno(e, EXIT_NOT_EXECUTABLE, "'%s' cannot be reached", shown);
	fail(e, EXIT_NO_COMMAND, "'%s' does not exist", shown);
	error_hint(e, "build or install it, or correct its path");
	return -1;
}

static int not_executable(const char *path, const char *shown, struct error *e)
{
	struct statvfs mount;
	fail(e, EXIT_NOT_EXECUTABLE, "'%s' is not executable", shown);
	if (!statvfs(path, &mount) && mount.f_flag & ST_NOEXEC)
		error_hint(e, "its file system is mounted noexec; put the program elsewhere");
	else
		error_hint(e, "chmod +x %s", shown);
	return -1;
}

/* The interpreter of a script: the first word after "#!". */
static int look_script(char *head, const char *shown, int depth, struct error *e)
{
	char *line_end = strpbrk(head, "\n");
	if (line_end)
		*line_end = '\0';
	char *interpreter = head + 2 + strspn(head + 2, " \t");
	char *end = interpreter + strcspn(interpreter, " \t");
	*end = '\0';
	if (end > interpreter && end[-1] == '\r') {
		end[-1] = '\0';
		fail(e, EXIT_NOT_EXECUTABLE,
			"'%s' has Windows line endings, so its interpreter '%s' is not found",
			shown, interpreter);
		error_hint(e, "sed -i 's/\\r$//' %s", shown);
		return -1;
	}
	if (!interpreter[0]) {
		fail(e, EXIT_NOT_EXECUTABLE, "'%s' names no interpreter after #!", shown);
		error_hint(e, "its first line should be like #!/bin/sh");
		return -1;
	}
	if (interpreter[0] != '/')
		return 0;
	struct error why;
	if (!look(interpreter, interpreter, depth + 1, &why))
		return 0;
	if (why.number == ELOOP)
		return fail(e, why.code, "the interpreters of '%s' lead back to themselves", shown),
		       error_hint(e, "its first line should be like #!/bin/sh"), -1;
	fail(e, why.code, "the interpreter of '%s', named in its first line: %s", shown, why.text);
	error_hint(e, "install '%s', or correct the first line of '%s'", interpreter, shown);
	return -1;
}

static bool read_interpreter_header(int fd, const Elf64_Ehdr *header, Elf64_Phdr *found)
{
	for (unsigned i = 0; i < header->e_phnum; i++) {
		off_t at = (off_t)(header->e_phoff + i * sizeof *found);
		if (pread(fd, found, sizeof *found, at) != (ssize_t)sizeof *found)
			return false;
		if (found->p_type == PT_INTERP)
			return true;
	}
	return false;
}

/* A program for another C library: ENOENT although the file is there. */
static int look_elf(int fd, const char *shown, struct error *e)
{
	Elf64_Ehdr header;
	Elf64_Phdr program;
	char loader[PATH_MAX];
	if (pread(fd, &header, sizeof header, 0) != (ssize_t)sizeof header ||
		header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_phentsize != sizeof program ||
		!read_interpreter_header(fd, &header, &program))
		return 0;
	if (program.p_filesz < 2 || program.p_filesz > sizeof loader)
		return 0;
	if (pread(fd, loader, program.p_filesz, (off_t)program.p_offset) !=
		(ssize_t)program.p_filesz)
		return 0;
	loader[program.p_filesz - 1] = '\0';
	if (!access(loader, F_OK))
		return 0;
	fail(e, EXIT_NO_COMMAND, "'%s' needs the loader '%s', which does not exist", shown, loader);
	error_hint(e,
		"it was built for another system or C library; build or install it for this one");
	return -1;
}

static int no_magic(const char *shown, const char *what, struct error *e)
{
	fail(e, EXIT_NOT_EXECUTABLE, "'%s' %s", shown, what);
	error_hint(e, "a script's first line should be like #!/bin/sh");
	return -1;
}

/* Text without #!. Other unknown beginnings may have a handler in binfmt_misc: execve decides. */
static bool is_plain_text(const char *head, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if ((head[i] < ' ' && !strchr("\t\n\r", head[i])) || head[i] == '\x7f')
			return false;
	return true;
}

static int look_inside(int fd, const char *shown, int depth, struct error *e)
{
	char head[HEAD_SIZE + 1];
	ssize_t got = pread(fd, head, HEAD_SIZE, 0);
	if (got < 0)
		return 0;
	head[got] = '\0';
	if (got == 0)
		return no_magic(shown, "is an empty file", e);
	if (!memcmp(head, "#!", got >= 2 ? 2 : 1) && got >= 2)
		return look_script(head, shown, depth, e);
	if (got >= 4 && !memcmp(head, ELFMAG, SELFMAG))
		return look_elf(fd, shown, e);
	if (is_plain_text(head, (size_t)got))
		return no_magic(shown, "is neither a program nor a script that begins with #!", e);
	return 0;
}

static int look(const char *path, const char *shown, int depth, struct error *e)
{
	if (depth > SCRIPT_DEPTH) {
		errno = ELOOP;
		return fail_errno(e, EXIT_NOT_EXECUTABLE, "'%s'", shown);
	}
	struct stat st;
	if (stat(path, &st))
		return cannot_be_reached(path, shown, errno, e);
	if (S_ISDIR(st.st_mode)) {
		fail(e, EXIT_NOT_EXECUTABLE, "'%s' is a directory, not a program", shown);
		error_hint(e, "write the path of the program in it");
		return -1;
	}
	if (!S_ISREG(st.st_mode))
		return fail(e, EXIT_NOT_EXECUTABLE, "'%s' is not a file", shown);
	if (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS))
		return not_executable(path, shown, e);
	OWNED_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return 0; /* may be executed without being readable */
	return look_inside(fd, shown, depth, e);
}

int explain_file(const char *path, const char *shown, struct error *e)
{
	return look(path, shown, 0, e);
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
		return no_magic(path, "is not a program that this system can execute", e);
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
