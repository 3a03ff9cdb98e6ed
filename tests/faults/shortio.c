/*
 * LD_PRELOAD: what stackup's own processes read from and write to regular files and stream sockets
 * comes and goes in pieces of 1 to 7 bytes (SHORT_IO is set). Pipes and /proc are left whole: the
 * kernel never cuts a small record of the first, nor a line of the second.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { PROC_FILES = 0x9fa0 };

static bool active;

__attribute__((constructor)) static void begin(void)
{
	char name[32] = "";
	prctl(PR_GET_NAME, name);
	active = getenv("SHORT_IO") && strncmp(name, "stackup", 7) == 0;
}

static bool can_be_cut(int fd)
{
	struct stat st;
	struct statfs fs;
	int type = 0;
	socklen_t length = sizeof type;
	if (!active || fstat(fd, &st))
		return false;
	if (S_ISSOCK(st.st_mode))
		return !getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) && type == SOCK_STREAM;
	return S_ISREG(st.st_mode) && !fstatfs(fd, &fs) && fs.f_type != PROC_FILES;
}

static size_t piece(int fd, size_t count)
{
	static unsigned turn;
	size_t most = 1 + turn++ % 7;
	return count > most && can_be_cut(fd) ? most : count;
}

ssize_t read(int fd, void *bytes, size_t count)
{
	return syscall(SYS_read, fd, bytes, piece(fd, count));
}

ssize_t write(int fd, const void *bytes, size_t count)
{
	return syscall(SYS_write, fd, bytes, piece(fd, count));
}

ssize_t pread(int fd, void *bytes, size_t count, off_t at)
{
	return syscall(SYS_pread64, fd, bytes, piece(fd, count), at);
}

ssize_t pread64(int fd, void *bytes, size_t count, off64_t at)
{
	return syscall(SYS_pread64, fd, bytes, piece(fd, count), at);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at)
{
	return syscall(SYS_pwrite64, fd, bytes, piece(fd, count), at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at)
{
	return syscall(SYS_pwrite64, fd, bytes, piece(fd, count), at);
}

ssize_t splice(int in, off64_t *in_at, int out, off64_t *out_at, size_t count, unsigned flags)
{
	static unsigned turn;
	size_t most = active ? 1 + turn++ % 7 : count;
	return syscall(SYS_splice, in, in_at, out, out_at, count > most ? most : count, flags);
}

ssize_t recv(int fd, void *bytes, size_t count, int flags)
{
	return syscall(SYS_recvfrom, fd, bytes, piece(fd, count), flags, NULL, NULL);
}

ssize_t send(int fd, const void *bytes, size_t count, int flags)
{
	return syscall(SYS_sendto, fd, bytes, piece(fd, count), flags, NULL, 0);
}
