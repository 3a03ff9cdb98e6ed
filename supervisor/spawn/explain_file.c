/*
 * explain_file.c - a file as execve(2) would look at it: links, modes, "#!", the loader of an ELF file.
 */
#include "spawn/explain.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/own.h"

enum {
	HEAD_SIZE = 256,  /* BINPRM_BUF_SIZE: what the kernel looks at */
	SCRIPT_DEPTH = 5, /* a script's interpreter may be a script, and so on; see execve(2) */
};

static int look(const char *path, const char *shown, int depth, struct error *e);

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

int explain_no_magic(const char *shown, const char *what, struct error *e)
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
		return explain_no_magic(shown, "is an empty file", e);
	if (!memcmp(head, "#!", got >= 2 ? 2 : 1) && got >= 2)
		return look_script(head, shown, depth, e);
	if (got >= 4 && !memcmp(head, ELFMAG, SELFMAG))
		return look_elf(fd, shown, e);
	if (is_plain_text(head, (size_t)got))
		return explain_no_magic(shown, "is neither a program nor a script that begins with #!", e);
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
