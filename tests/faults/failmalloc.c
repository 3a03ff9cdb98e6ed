/*
 * LD_PRELOAD: the FAIL_MALLOC_AT-th allocation of a process called "stackup" returns NULL, that one
 * only. Children that run something else are left alone. The counter goes on over a fork.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

/* glibc's own, under the names it exports for this. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

static long countdown = -1;

__attribute__((constructor)) static void begin(void)
{
	char name[32] = "";
	prctl(PR_GET_NAME, name);
	const char *at = getenv("FAIL_MALLOC_AT");
	if (at && strncmp(name, "stackup", 7) == 0)
		countdown = strtol(at, NULL, 10);
}

static int fails(void)
{
	if (countdown <= 0 || --countdown != 0)
		return 0;
	errno = ENOMEM;
	return 1;
}

void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return fails() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	return fails() ? NULL : __libc_realloc(old, size);
}
