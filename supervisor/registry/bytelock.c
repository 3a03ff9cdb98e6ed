#include "registry/bytelock.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>

#include "base/clock.h"

/* The longest nap between two looks at a lock that somebody else has. */
enum { NAP_FIRST_US = 100, NAP_MOST_US = 2000 };

int bytelock_open(const char *path, struct error *e)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return fail_errno(e, EXIT_REGISTRY, "cannot open the lock file %s", path);
	return fd;
}

static int set_lock(int fd, short type, int64_t first, int64_t count)
{
	struct flock lock = {
		.l_type = type, .l_whence = SEEK_SET, .l_start = first, .l_len = count};
	int result;
	do
		result = fcntl(fd, F_OFD_SETLK, &lock);
	while (result < 0 && errno == EINTR);
	return result;
}

int bytelock_try(int fd, int64_t first, int64_t count, struct error *e)
{
	if (!set_lock(fd, F_WRLCK, first, count))
		return 1;
	if (errno == EAGAIN || errno == EACCES)
		return 0;
	fail_errno(e, EXIT_REGISTRY, "file locks do not work here");
	error_hint(e, "set STACKUP_HOME to a directory on a local disk");
	return -1;
}

/*
 * F_OFD_SETLKW has no timeout and a signal would be needed to leave it, which a library must not
 * install; the lock is held for about a millisecond, so short naps do.
 */
int bytelock_wait(int fd, int64_t first, int64_t count, int64_t timeout_ms, struct error *e)
{
	int64_t deadline = clock_now_ms() + timeout_ms;
	long nap_us = NAP_FIRST_US;
	for (;;) {
		int got = bytelock_try(fd, first, count, e);
		if (got || clock_now_ms() >= deadline)
			return got;
		struct timespec nap = {.tv_nsec = nap_us * 1000};
		nanosleep(&nap, NULL);
		nap_us = nap_us * 2 > NAP_MOST_US ? NAP_MOST_US : nap_us * 2;
	}
}

void bytelock_free(int fd, int64_t first, int64_t count)
{
	(void)set_lock(fd, F_UNLCK, first, count);
}

bool bytelock_is_held(int fd, int64_t first, int64_t count)
{
	struct flock lock = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = first, .l_len = count};
	return !fcntl(fd, F_OFD_GETLK, &lock) && lock.l_type != F_UNLCK;
}
