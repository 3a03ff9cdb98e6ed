/*
 * LD_PRELOAD: what is far away. With FAR_DISK every file system says that it is NFS; with FAR_HOST this
 * machine is the one of that file instead of /etc/machine-id; with FAR_LOCKS no file knows locks.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

int statfs(const char *path, struct statfs *out)
{
	int result = (int)syscall(SYS_statfs, path, out);
	if (!result && getenv("FAR_DISK"))
		out->f_type = 0x6969;
	return result;
}

static const char *place_of(const char *path)
{
	const char *host = getenv("FAR_HOST");
	return host && !strcmp(path, "/etc/machine-id") ? host : path;
}

static int open_at(const char *path, int flags, va_list args)
{
	mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(args, mode_t) : 0;
	return (int)syscall(SYS_openat, AT_FDCWD, place_of(path), flags, mode);
}

int open(const char *path, int flags, ...)
{
	va_list args;
	va_start(args, flags);
	int fd = open_at(path, flags, args);
	va_end(args);
	return fd;
}

int open64(const char *path, int flags, ...)
{
	va_list args;
	va_start(args, flags);
	int fd = open_at(path, flags, args);
	va_end(args);
	return fd;
}

static int control(int fd, int what, va_list args)
{
	void *with = va_arg(args, void *);
	if (getenv("FAR_LOCKS") && (what == F_OFD_SETLK || what == F_OFD_GETLK)) {
		errno = ENOLCK;
		return -1;
	}
	return (int)syscall(SYS_fcntl, fd, what, with);
}

int fcntl(int fd, int what, ...)
{
	va_list args;
	va_start(args, what);
	int result = control(fd, what, args);
	va_end(args);
	return result;
}

int fcntl64(int fd, int what, ...)
{
	va_list args;
	va_start(args, what);
	int result = control(fd, what, args);
	va_end(args);
	return result;
}
