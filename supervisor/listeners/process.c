#include "listeners/process.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/number.h"
#include "base/own.h"
#include "base/text.h"

enum { PIDFS = 0x50494446 }; /* PID_FS_MAGIC of linux/magic.h, which older headers do not have */

/* Fields as proc(5) counts them; the state is the third. */
enum { FIELD_STATE = 3, FIELD_PARENT = 4, FIELD_SESSION = 6, FIELD_THREADS = 20, FIELD_START = 22 };

static void read_fields(const char *state, uint64_t fields[FIELD_START + 1])
{
	const char *at = state;
	for (int field = FIELD_STATE; at && field <= FIELD_START; field++) {
		fields[field] = strtoull(at, NULL, 10);
		at = strchr(at, ' ');
		at = at ? at + 1 : NULL;
	}
}

bool process_read(pid_t pid, struct process *out)
{
	char path[32];
	uint64_t fields[FIELD_START + 1] = {0};
	OWNED_TEXT line = {0};
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	if (!file_read_proc(path, &line))
		return false;
	/* The name in parentheses may hold blanks and parentheses: count from the last one. */
	const char *end = strrchr(text_string(&line), ')');
	if (!end || strlen(end) < 3)
		return false;
	const char *state = end + 2;
	read_fields(state, fields);
	*out = (struct process){.pid = pid,
		.parent = (pid_t)fields[FIELD_PARENT],
		.session = (pid_t)fields[FIELD_SESSION],
		.start_ticks = fields[FIELD_START],
		/* With more threads it is only the first one that has ended. */
		.is_dead = (*state == 'Z' || *state == 'X') && fields[FIELD_THREADS] <= 1};
	return true;
}

uint64_t process_identity(int pidfd)
{
	struct statfs fs;
	struct stat st;
	if (fstatfs(pidfd, &fs) || fs.f_type != PIDFS || fstat(pidfd, &st))
		return 0;
	return st.st_ino;
}

uint64_t process_ticks_now(void)
{
	struct timespec since;
	long ticks = sysconf(_SC_CLK_TCK);
	if (clock_gettime(CLOCK_BOOTTIME, &since) || ticks <= 0)
		return 0;
	return (uint64_t)since.tv_sec * (uint64_t)ticks +
		(uint64_t)since.tv_nsec * (uint64_t)ticks / 1000000000U;
}

bool process_is_ancestor(pid_t pid)
{
	struct process at = {.parent = getpid()};
	do
		if (at.parent == pid)
			return true;
	while (at.parent > 1 && process_read(at.parent, &at));
	return false;
}

void process_each(void (*visit)(void *self, pid_t pid), void *self)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int64_t pid;
	while (proc && (entry = readdir(proc)))
		if (number_parse(entry->d_name, 1, INT_MAX, &pid))
			visit(self, (pid_t)pid);
	if (proc)
		closedir(proc);
}
