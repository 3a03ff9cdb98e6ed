#include "logs/reader_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"

static struct source *find_source(const struct log_reader *reader, const char *name, size_t length)
{
	for (size_t i = 0; i < reader->sources.count; i++) {
		struct source *source = reader->sources.items[i];
		if (!strncmp(source->service, name, length) && !source->service[length])
			return source;
	}
	return NULL;
}

static bool is_wanted(const struct log_reader *reader, const char *name)
{
	for (size_t i = 0; i < reader->names.count; i++) {
		if (!strcmp(reader->names.items[i], name))
			return true;
	}
	return !reader->names.count;
}

static struct source *add_source(struct log_reader *reader, const char *name, size_t length)
{
	OWNED(char) service = strndup(name, length);
	if (!service || !is_wanted(reader, service))
		return NULL;
	int number = (int)reader->sources.count;
	struct source *source = source_new(reader->directory_fd, service, number);
	if (source && !list_push(&reader->sources, source)) {
		source_free(source);
		return NULL;
	}
	return source;
}

static struct source *source_of_file(struct log_reader *reader, const char *name, int *number)
{
	size_t length = 0;
	bool is_index = false;
	if (!parts_name(name, &length, &is_index, number) || !is_index)
		return NULL;
	struct source *source = find_source(reader, name, length);
	return source ? source : add_source(reader, name, length);
}

static bool open_directory(struct log_reader *reader)
{
	int fd = open(reader->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return false;
	own_close(&reader->directory_fd);
	reader->directory_fd = fd;
	for (size_t i = 0; i < reader->sources.count; i++)
		reader->sources.items[i]->parts.directory_fd = fd;
	if (reader->inotify_fd >= 0)
		reader->watch = inotify_add_watch(reader->inotify_fd, reader->directory,
			IN_CREATE | IN_MODIFY | IN_MOVED_TO | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF
				| IN_ONLYDIR);
	reader->suspect = false;
	return true;
}

static int by_name(const void *left, const void *right)
{
	const char *const *a = left;
	const char *const *b = right;
	return strcmp(*a, *b);
}

static void each_name(struct log_reader *reader, DIR *directory)
{
	LIST(char *) names = {0};
	const struct dirent *entry;
	while ((entry = readdir(directory))) {
		char *name = strdup(entry->d_name);
		if (name && !list_push(&names, name))
			free(name);
	}
	/* Numbers of services (and so their colours) do not depend on the order of the directory. */
	if (names.count)
		qsort(names.items, names.count, sizeof names.items[0], by_name);
	for (size_t i = 0; i < names.count; i++) {
		int number = 0;
		(void)source_of_file(reader, names.items[i], &number);
		free(names.items[i]);
	}
	list_release(&names);
}

void directory_scan(struct log_reader *reader)
{
	if (!open_directory(reader))
		return;
	int fd = openat(reader->directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
	if (!directory) {
		own_close(&fd);
		return;
	}
	each_name(reader, directory);
	closedir(directory);
}

void directory_watch(struct log_reader *reader)
{
	reader->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
}

static void offer_all(struct log_reader *reader)
{
	for (size_t i = 0; i < reader->sources.count; i++)
		reader_offer(reader, reader->sources.items[i]);
}

/* True when the events do not tell enough and everything has to be looked at. */
static bool take_event(struct log_reader *reader, const struct inotify_event *event)
{
	if (event->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED)) {
		if (reader->watch == event->wd)
			reader->watch = -1;
		return true;
	}
	if (event->mask & IN_Q_OVERFLOW)
		return true;
	int number = 0;
	struct source *source = event->len ? source_of_file(reader, event->name, &number) : NULL;
	if (!source)
		return false;
	/* Our own descriptor keeps IN_DELETE_SELF from coming. */
	if (!number && (event->mask & (IN_CREATE | IN_DELETE)))
		reader->suspect = event->mask & IN_DELETE;
	reader_offer(reader, source);
	return false;
}

static bool take_events(struct log_reader *reader)
{
	_Alignas(struct inotify_event) char block[16 * 1024];
	bool look = false;
	for (;;) {
		ssize_t got = read(reader->inotify_fd, block, sizeof block);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return look;
		for (const char *at = block; at < block + got;) {
			const struct inotify_event *event = (const struct inotify_event *)(const void *)at;
			look |= take_event(reader, event);
			at += sizeof *event + event->len;
		}
	}
}

/* The path leads to another directory than the one that is open, or to none. */
static bool was_replaced(const struct log_reader *reader)
{
	struct stat open;
	struct stat named;
	return reader->directory_fd < 0 || fstat(reader->directory_fd, &open)
		|| stat(reader->directory, &named) || open.st_ino != named.st_ino
		|| open.st_dev != named.st_dev;
}

void directory_news(struct log_reader *reader)
{
	bool look = reader->inotify_fd >= 0 && take_events(reader);
	if (reader->suspect && was_replaced(reader))
		reader->watch = -1;
	look |= reader->inotify_fd < 0 || reader->watch < 0;
	if (!look)
		return;
	directory_scan(reader);
	offer_all(reader);
}
