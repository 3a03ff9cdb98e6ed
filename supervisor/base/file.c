#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"

int file_read_fd(int fd, const char *name, size_t most, struct text *out, struct error *e)
{
	char block[16 * 1024];
	size_t total = 0;
	for (;;) {
		ssize_t got = read(fd, block, sizeof block);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fail_errno(e, EXIT_FAILED, "cannot read %s", name);
		if (got == 0)
			break;
		total += (size_t)got;
		if (total > most)
			return fail(e, EXIT_FAILED, "%s is larger than %zu bytes", name, most);
		text_add_bytes(out, block, (size_t)got);
	}
	if (!text_ok(out))
		return fail(e, EXIT_FAILED, "cannot read %s: out of memory", name);
	return 0;
}

int file_read(const char *path, size_t most, struct text *out, struct error *e)
{
	/* O_NONBLOCK so that a FIFO with nobody at the other end does not hang us. */
	OWNED_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return fail_errno(e, EXIT_FAILED, "cannot read %s", path);
	struct stat st;
	if (fstat(fd, &st))
		return fail_errno(e, EXIT_FAILED, "cannot read %s", path);
	if (!S_ISREG(st.st_mode))
		return fail(e, EXIT_FAILED, "cannot read %s: it is %s, not a file", path,
			S_ISDIR(st.st_mode) ? "a directory" : "something special");
	return file_read_fd(fd, path, most, out, e);
}

bool file_read_proc(const char *path, struct text *out)
{
	OWNED_FD fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && !file_read_fd(fd, path, SIZE_MAX, out, NULL);
}

int file_write_all(int fd, const void *bytes, size_t length)
{
	const char *at = bytes;
	while (length) {
		ssize_t put = write(fd, at, length);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -1;
		at += put;
		length -= (size_t)put;
	}
	return 0;
}

static int directory_of(const char *path)
{
	char directory[PATH_MAX];
	const char *slash = strrchr(path, '/');
	if (!slash)
		return open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	size_t length = slash == path ? 1 : (size_t)(slash - path);
	if (length >= sizeof directory) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(directory, path, length);
	directory[length] = '\0';
	return open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int file_replace(const char *path, const char *content, size_t length, struct error *e)
{
	OWNED_FD directory = directory_of(path);
	if (directory < 0)
		return fail_errno(e, EXIT_FAILED, "cannot write %s", path);
	OWNED_TEXT temporary = {0};
	text_addf(&temporary, "%s.XXXXXX", path);
	if (!text_ok(&temporary))
		return fail(e, EXIT_FAILED, "cannot write %s: out of memory", path);
	OWNED_FD fd = mkostemp(temporary.data, O_CLOEXEC);
	if (fd < 0)
		return fail_errno(e, EXIT_FAILED, "cannot write %s", path);
	if (file_write_all(fd, content, length) || fsync(fd) || rename(temporary.data, path)) {
		fail_errno(e, EXIT_FAILED, "cannot write %s", path);
		unlink(temporary.data);
		return -1;
	}
	/* The name is in place already; a directory that cannot be synced is not a lost write. */
	(void)fsync(directory);
	return 0;
}

bool file_has_content(const char *path, const char *content, size_t length)
{
	OWNED_TEXT there = {0};
	return !file_read(path, length, &there, NULL) && there.length == length &&
		(!length || !memcmp(there.data, content, length));
}

/* O_EXCL and not mkstemp(3), so that the kernel applies the umask. */
static int open_beside(const char *path, struct text *temporary)
{
	for (int i = 0; i < 100; i++) {
		text_clear(temporary);
		text_addf(temporary, "%s.new%d-%d", path, (int)getpid(), i);
		int fd = text_ok(temporary)
			? open(temporary->data, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666) : -1;
		if (fd >= 0 || errno != EEXIST)
			return fd;
	}
	return -1;
}

static int write_beside(const char *path, const char *content, size_t length, struct error *e)
{
	struct stat st;
	OWNED_TEXT temporary = {0};
	OWNED_FD fd = open_beside(path, &temporary);
	if (fd < 0)
		return fail_errno(e, EXIT_FAILED, "cannot write %s", path);
	int result = 0;
	if (!stat(path, &st))
		/* Root keeps whose it is; anybody else may not, and then it becomes theirs. */
		result = (fchown(fd, st.st_uid, st.st_gid) && geteuid() == 0) ||
			fchmod(fd, st.st_mode & 07777);
	if (result || file_write_all(fd, content, length) || fsync(fd) ||
		rename(temporary.data, path)) {
		fail_errno(e, EXIT_FAILED, "cannot write %s", path);
		unlink(temporary.data);
		return -1;
	}
	return 1;
}

int file_rewrite(const char *path, const char *content, size_t length, struct error *e)
{
	struct stat st;
	OWNED(char) real = realpath(path, NULL);
	if (!real && errno != ENOENT)
		return fail_errno(e, EXIT_FAILED, "cannot write %s", path);
	if (!real && !lstat(path, &st))
		return fail(e, EXIT_FAILED, "cannot write %s: the link leads nowhere", path);
	if (real && !stat(real, &st) && !S_ISREG(st.st_mode))
		return fail(e, EXIT_FAILED, "cannot write %s: it is %s, not a file", path,
			S_ISDIR(st.st_mode) ? "a directory" : "something special");
	if (real && file_has_content(real, content, length))
		return 0;
	return write_beside(real ? real : path, content, length, e);
}

int file_make_directories(const char *path, struct error *e)
{
	char part[PATH_MAX];
	size_t length = strlen(path);
	if (length >= sizeof part)
		return fail(e, EXIT_FAILED, "cannot create %s: the path is too long", path);
	memcpy(part, path, length + 1);
	for (size_t i = 1; i <= length; i++) {
		if (part[i] != '/' && part[i] != '\0')
			continue;
		char end = part[i];
		part[i] = '\0';
		if (mkdir(part, 0700) && errno != EEXIST)
			return fail_errno(e, EXIT_FAILED, "cannot create directory %s", part);
		part[i] = end;
	}
	struct stat st;
	if (stat(path, &st) || !S_ISDIR(st.st_mode))
		return fail(e, EXIT_FAILED, "cannot create directory %s: a file is in its place", path);
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	(void)st;
	(void)kind;
	(void)where;
	return remove(path);
}

int file_remove_tree(const char *path, struct error *e)
{
	if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) && errno != ENOENT)
		return fail_errno(e, EXIT_FAILED, "cannot remove %s", path);
	return 0;
}
