#include "registry/lock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/own.h"
#include "base/text.h"
#include "registry/bytelock.h"

static int lock_path(const char *state, int64_t project_id, struct text *out, struct error *e)
{
	text_addf(out, "%s/locks/p%lld.lock", state, (long long)project_id);
	return text_ok(out) ? 0 : fail(e, EXIT_REGISTRY, "out of memory");
}

int instance_lock(const char *state, int64_t project_id, int instance, int spans, int *fd,
	struct error *e)
{
	OWNED_TEXT path = {0};
	*fd = -1;
	if (lock_path(state, project_id, &path, e))
		return -1;
	OWNED_FD file = bytelock_open(text_string(&path), e);
	if (file < 0)
		return -1;
	int got = bytelock_try(file, instance, spans, e);
	if (got < 0)
		return fail_while(e, "%s", text_string(&path));
	if (got)
		*fd = take_fd(&file);
	return got;
}

int instance_lock_look(const char *state, int64_t project_id)
{
	OWNED_TEXT path = {0};
	if (lock_path(state, project_id, &path, NULL))
		return -1;
	/* F_OFD_GETLK for a write lock works on a descriptor that is open for reading only. */
	return open(text_string(&path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

bool instance_is_alive(const char *state, int64_t project_id, int instance)
{
	OWNED_FD file = instance_lock_look(state, project_id);
	return file >= 0 && bytelock_is_held(file, instance, 1);
}

/* ---- the process behind it ---- */

enum { FIRST_DESCRIPTORS = 256 };

typedef bool is_it(pid_t pid, int directory, const char *descriptor, const void *self);

static bool has_descriptor(pid_t pid, int most, is_it *ask, const void *self)
{
	char path[32];
	snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	DIR *directory = opendir(path);
	struct dirent *entry;
	bool found = false;
	while (directory && !found && most-- && (entry = readdir(directory)))
		found = entry->d_name[0] != '.' &&
			ask(pid, dirfd(directory), entry->d_name, self);
	if (directory)
		closedir(directory);
	return found;
}

static bool is_that_file(pid_t pid, int directory, const char *descriptor, const void *self)
{
	const struct stat *file = self;
	struct stat st;
	(void)pid;
	return !fstatat(directory, descriptor, &st, 0) && st.st_dev == file->st_dev &&
		st.st_ino == file->st_ino;
}

bool instance_lock_is_open_in(const char *state, int64_t project_id, pid_t pid)
{
	OWNED_TEXT path = {0};
	struct stat lock;
	return !lock_path(state, project_id, &path, NULL) && !stat(text_string(&path), &lock) &&
		has_descriptor(pid, INT_MAX, is_that_file, &lock);
}

/* .../locks/p17.lock, also after it was removed. */
static bool is_lock_name(const char *path)
{
	static const char place[] = "/locks/p", end[] = ".lock";
	const char *at = NULL;
	for (const char *next = path; (next = strstr(next, place)); next++)
		at = next;
	if (!at)
		return false;
	at += sizeof place - 1;
	size_t digits = strspn(at, "0123456789");
	return digits && !strncmp(at + digits, end, sizeof end - 1);
}

static bool is_held_byte(pid_t pid, int directory, const char *descriptor, const void *self)
{
	char target[PATH_MAX], path[64];
	OWNED_TEXT info = {0};
	(void)self;
	ssize_t length = readlinkat(directory, descriptor, target, sizeof target - 1);
	if (length < 0)
		return false;
	target[length] = '\0';
	snprintf(path, sizeof path, "/proc/%d/fdinfo/%s", (int)pid, descriptor);
	return is_lock_name(target) && file_read_proc(path, &info) &&
		strstr(text_string(&info), " OFDLCK ");
}

bool instance_lock_is_held_by(pid_t pid)
{
	return has_descriptor(pid, INT_MAX, is_held_byte, NULL);
}

bool instance_lock_is_among_first_of(pid_t pid)
{
	return has_descriptor(pid, FIRST_DESCRIPTORS, is_held_byte, NULL);
}
