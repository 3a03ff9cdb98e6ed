#include "ports/lock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

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

bool instance_lock_is_open_in(const char *state, int64_t project_id, pid_t pid)
{
	OWNED_TEXT path = {0};
	struct stat lock, open_file;
	char directory[32];
	if (lock_path(state, project_id, &path, NULL) || stat(text_string(&path), &lock))
		return false;
	snprintf(directory, sizeof directory, "/proc/%d/fd", (int)pid);
	DIR *descriptors = opendir(directory);
	struct dirent *entry;
	bool found = false;
	while (descriptors && !found && (entry = readdir(descriptors)))
		found = !fstatat(dirfd(descriptors), entry->d_name, &open_file, 0) &&
			open_file.st_dev == lock.st_dev && open_file.st_ino == lock.st_ino;
	if (descriptors)
		closedir(descriptors);
	return found;
}
