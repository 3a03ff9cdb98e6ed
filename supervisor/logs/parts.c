#include "logs/parts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/number.h"
#include "base/own.h"
#include "logs/index.h"

/* Numbers in a row without a file after which there are no more: a shift leaves one hole. */
enum { HOLES = 3 };

static void add_name(struct text *name, const struct parts *parts, bool is_index, int number)
{
	if (!is_index && parts->elsewhere)
		text_add(name, parts->elsewhere);
	else
		text_addf(name, "%s.%s", parts->service, is_index ? "idx" : "log");
	if (number)
		text_addf(name, ".%d", number);
}

static int open_part(const struct parts *parts, bool is_index, int number, int flags)
{
	OWNED_TEXT name = {0};
	add_name(&name, parts, is_index, number);
	if (!text_ok(&name)) {
		errno = ENOMEM;
		return -1;
	}
	/* O_NONBLOCK: a FIFO in the place of the file must not hang a reader. */
	OWNED_FD fd = openat(parts->directory_fd, name.data,
		flags | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, 0600);
	if (fd < 0)
		return -1;
	struct stat st;
	if (fstat(fd, &st))
		return -1;
	if (!S_ISREG(st.st_mode)) {
		errno = EINVAL;
		return -1;
	}
	return take_fd(&fd);
}

int parts_open_index(const struct parts *parts, int number, int flags)
{
	return open_part(parts, true, number, flags);
}

int parts_open_log(const struct parts *parts, int number, int flags)
{
	return open_part(parts, false, number, flags);
}

static void remove_part(const struct parts *parts, bool is_index, int number)
{
	OWNED_TEXT name = {0};
	add_name(&name, parts, is_index, number);
	if (text_ok(&name))
		unlinkat(parts->directory_fd, name.data, 0);
}

void parts_remove_index(const struct parts *parts, int number)
{
	remove_part(parts, true, number);
}

void parts_remove_log(const struct parts *parts, int number)
{
	remove_part(parts, false, number);
}

static bool stat_part(const struct parts *parts, bool is_index, int number, struct stat *st)
{
	OWNED_TEXT name = {0};
	add_name(&name, parts, is_index, number);
	return text_ok(&name)
		&& !fstatat(parts->directory_fd, name.data, st, AT_SYMLINK_NOFOLLOW);
}

static int move_part(const struct parts *parts, bool is_index, int from)
{
	OWNED_TEXT old = {0};
	OWNED_TEXT new = {0};
	add_name(&old, parts, is_index, from);
	add_name(&new, parts, is_index, from + 1);
	if (!text_ok(&old) || !text_ok(&new)) {
		errno = ENOMEM;
		return -1;
	}
	int result = renameat(parts->directory_fd, old.data, parts->directory_fd, new.data);
	return result && errno != ENOENT ? -1 : 0;
}

/* The highest number in use, plus one. */
static int count_parts(const struct parts *parts)
{
	int count = 0;
	struct stat st;
	for (int number = 0; number < count + HOLES; number++) {
		if (stat_part(parts, true, number, &st) || stat_part(parts, false, number, &st))
			count = number + 1;
	}
	return count;
}

int parts_shift(const struct parts *parts, int keep)
{
	int count = count_parts(parts);
	for (int number = count - 1; number >= keep; number--) {
		remove_part(parts, true, number);
		remove_part(parts, false, number);
	}
	int top = count < keep ? count : keep;
	for (int number = top - 1; number >= 0; number--) {
		if (move_part(parts, true, number) || move_part(parts, false, number))
			return -1;
	}
	struct stat st;
	if (stat_part(parts, true, 0, &st) || stat_part(parts, false, 0, &st)) {
		errno = EACCES;
		return -1;
	}
	return 0;
}

static bool belongs(const struct parts *parts, int index_number, ino_t log_inode)
{
	OWNED_FD fd = parts_open_index(parts, index_number, O_RDONLY);
	struct index_header header;
	return fd >= 0 && !index_read_header(fd, &header) && header.inode == log_inode;
}

void parts_repair(const struct parts *parts)
{
	struct stat any;
	/* A service that is new here: an interrupted shift has left one of the two. */
	if (!stat_part(parts, true, 0, &any) && !stat_part(parts, true, 1, &any))
		return;
	for (int number = count_parts(parts); number > 0; number--) {
		struct stat index;
		struct stat log;
		if (stat_part(parts, true, number, &index) && !stat_part(parts, false, number, &log)
			&& !stat_part(parts, true, number - 1, &index)
			&& stat_part(parts, false, number - 1, &log)
			&& belongs(parts, number, log.st_ino))
			(void)move_part(parts, false, number - 1);
	}
}

static void add_at_name(struct text *name, const char *service)
{
	text_addf(name, "%s.at", service);
}

bool parts_read_elsewhere(int directory_fd, const char *service, struct text *path)
{
	OWNED_TEXT name = {0};
	add_at_name(&name, service);
	if (!text_ok(&name))
		return false;
	OWNED_FD fd = openat(directory_fd, name.data, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	return fd >= 0 && !file_read_fd(fd, name.data, PATH_MAX, path, NULL) && path->length;
}

static bool says_elsewhere(const struct parts *parts)
{
	OWNED_TEXT path = {0};
	return parts_read_elsewhere(parts->directory_fd, parts->service, &path)
		&& !strcmp(text_string(&path), parts->elsewhere);
}

int parts_write_elsewhere(const struct parts *parts)
{
	OWNED_TEXT name = {0};
	add_at_name(&name, parts->service);
	if (!text_ok(&name)) {
		errno = ENOMEM;
		return -1;
	}
	/* A full disk may not take it again. */
	if (parts->elsewhere && says_elsewhere(parts))
		return 0;
	unlinkat(parts->directory_fd, name.data, 0);
	if (!parts->elsewhere)
		return 0;
	OWNED_FD fd = openat(parts->directory_fd, name.data,
		O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -1;
	return file_write_all(fd, parts->elsewhere, strlen(parts->elsewhere));
}

bool parts_name(const char *name, size_t *service_length, bool *is_index, int *number)
{
	const char *dot = strrchr(name, '.');
	if (!dot || dot == name)
		return false;
	int64_t parsed = 0;
	size_t length = (size_t)(dot - name);
	if (number_parse(dot + 1, 1, INT_MAX, &parsed)) {
		const char *before = memrchr(name, '.', length);
		if (!before || before == name)
			return false;
		dot = before;
		length = (size_t)(dot - name);
	}
	*is_index = !strncmp(dot, ".idx", 4);
	if (!*is_index && strncmp(dot, ".log", 4) != 0)
		return false;
	if (dot[4] != '\0' && dot[4] != '.')
		return false;
	*service_length = length;
	*number = (int)parsed;
	return true;
}
