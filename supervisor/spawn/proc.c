#include "spawn/proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "base/own.h"

static char *add_string(char *at, const char *end, const char *string)
{
	while (*string && at < end)
		*at++ = *string++;
	return at;
}

static char *add_number(char *at, const char *end, pid_t number)
{
	char digits[12];
	size_t count = 0;
	do {
		digits[count++] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	while (count && at < end)
		*at++ = digits[--count];
	return at;
}

const char *proc_path(char buffer[PROC_PATH_SIZE], pid_t pid, const char *rest)
{
	const char *end = buffer + PROC_PATH_SIZE - 1;
	char *at = add_string(buffer, end, "/proc/");
	at = add_number(at, end, pid);
	at = add_string(at, end, "/");
	at = add_string(at, end, rest);
	*at = '\0';
	return buffer;
}

static ssize_t read_on(int fd, char *buffer, size_t size)
{
	ssize_t got;
	do
		got = read(fd, buffer, size);
	while (got < 0 && errno == EINTR);
	return got;
}

static size_t read_small(const char *path, char *buffer, size_t size)
{
	OWNED_FD fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	ssize_t got = read_on(fd, buffer, size - 1);
	if (got < 0)
		got = 0;
	buffer[got] = '\0';
	return (size_t)got;
}

int proc_require(struct error *e)
{
	char path[PROC_PATH_SIZE];
	char rest[32];
	snprintf(rest, sizeof rest, "task/%d/children", (int)getpid());
	proc_path(path, getpid(), rest);
	if (!access(path, R_OK))
		return 0;
	fail_errno(e, EXIT_FAILED, "cannot see which processes belong to a service: %s", path);
	error_hint(e, "mount it (mount -t proc proc /proc), or use a kernel with CONFIG_PROC_CHILDREN");
	return -1;
}

enum {
	FIELD_PARENT = 4,
	FIELD_GROUP = 5,
	FIELD_SESSION = 6,
	FIELD_THREADS = 20,
	FIELD_START = 22,
	FIELD_ENV_START = 50
};

/* Fields as proc(5) numbers them, up to `last`. `at` is where the third, the state, begins. */
static bool read_fields(const char *at, uint64_t *fields, int last)
{
	for (int field = 4; field <= last; field++) {
		at = strchr(at, ' ');
		if (!at)
			return false;
		at++;
		fields[field] = strtoull(at, NULL, 10);
	}
	return true;
}

/* The name is in parentheses and may itself hold blanks and parentheses. */
static const char *after_name(const char *content)
{
	const char *close_mark = strrchr(content, ')');
	return close_mark && close_mark[1] == ' ' ? close_mark + 2 : NULL;
}

static void copy_name(const char *content, const char *state, struct proc_stat *stat)
{
	const char *name = strchr(content, '(') + 1;
	size_t length = (size_t)(state - 2 - name);
	if (length >= sizeof stat->name)
		length = sizeof stat->name - 1;
	memcpy(stat->name, name, length);
	stat->name[length] = '\0';
}

bool proc_stat(pid_t pid, struct proc_stat *stat)
{
	char path[PROC_PATH_SIZE];
	char content[1024];
	uint64_t fields[FIELD_START + 1];
	if (!read_small(proc_path(path, pid, "stat"), content, sizeof content))
		return false;
	const char *state = after_name(content);
	if (!state || !read_fields(state, fields, FIELD_START))
		return false;
	copy_name(content, state, stat);
	stat->pid = pid;
	stat->state = *state;
	stat->parent = (pid_t)fields[FIELD_PARENT];
	stat->group = (pid_t)fields[FIELD_GROUP];
	stat->session = (pid_t)fields[FIELD_SESSION];
	stat->threads = (long)fields[FIELD_THREADS];
	stat->start = fields[FIELD_START];
	return true;
}

bool proc_is_called(pid_t pid, const char *name)
{
	char path[PROC_PATH_SIZE];
	char content[32];
	size_t length = strlen(name);
	return read_small(proc_path(path, pid, "comm"), content, sizeof content) == length + 1 &&
		!memcmp(content, name, length);
}

bool proc_is_between(pid_t pid)
{
	char path[PROC_PATH_SIZE];
	char content[1024];
	uint64_t fields[FIELD_ENV_START + 1];
	if (!read_small(proc_path(path, pid, "stat"), content, sizeof content))
		return false;
	const char *state = after_name(content);
	return state && read_fields(state, fields, FIELD_ENV_START) && !fields[FIELD_ENV_START];
}

/* getdents64(2) itself: opendir(3) would use the heap. */
bool proc_numbers(const char *directory, bool (*visit)(void *self, int number), void *self)
{
	OWNED_FD fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return false;
	_Alignas(struct dirent64) char block[4096];
	for (;;) {
		long got = syscall(SYS_getdents64, fd, block, sizeof block);
		if (got <= 0)
			return got == 0;
		for (long at = 0; at < got;) {
			const struct dirent64 *entry = (const void *)(block + at);
			at += entry->d_reclen;
			if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
				continue;
			if (!visit(self, (int)strtol(entry->d_name, NULL, 10)))
				return true;
		}
	}
}

struct threads {
	pid_t pid;
	bool (*visit)(void *self, pid_t child);
	void *self;
};

/* Numbers are parted by blanks and may be cut at the end of a block. */
static bool read_children(int fd, const struct threads *threads)
{
	char block[4096];
	pid_t child = 0;
	for (;;) {
		ssize_t got = read_on(fd, block, sizeof block);
		if (got <= 0)
			return true;
		for (ssize_t i = 0; i < got; i++) {
			if (block[i] >= '0' && block[i] <= '9') {
				child = child * 10 + (block[i] - '0');
				continue;
			}
			if (child && !threads->visit(threads->self, child))
				return false;
			child = 0;
		}
	}
}

static bool children_of_thread(void *self, int thread)
{
	const struct threads *threads = self;
	char path[PROC_PATH_SIZE];
	const char *end = path + sizeof path - 1;
	proc_path(path, threads->pid, "task/");
	char *at = add_number(path + strlen(path), end, thread);
	at = add_string(at, end, "/children");
	*at = '\0';
	OWNED_FD fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 || read_children(fd, threads);
}

void proc_children(pid_t pid, bool (*visit)(void *self, pid_t child), void *self)
{
	char path[PROC_PATH_SIZE];
	struct threads threads = {.pid = pid, .visit = visit, .self = self};
	proc_numbers(proc_path(path, pid, "task"), children_of_thread, &threads);
}

bool proc_environ(pid_t pid, struct text *out)
{
	char path[PROC_PATH_SIZE];
	return file_read_proc(proc_path(path, pid, "environ"), out);
}

bool proc_environ_has(const struct text *environ_text, const char *entry)
{
	size_t length = strlen(entry);
	const char *at = text_string(environ_text);
	const char *end = at + environ_text->length;
	while (at < end) {
		size_t here = strnlen(at, (size_t)(end - at));
		if (here == length && !memcmp(at, entry, length))
			return true;
		at += here + 1;
	}
	return false;
}

int proc_wait(idtype_t type, id_t id, siginfo_t *info, int flags)
{
	int result;
	do
		result = waitid(type, id, info, flags);
	while (result && errno == EINTR);
	return result;
}
