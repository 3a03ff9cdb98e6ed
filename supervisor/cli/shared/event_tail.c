#include "cli/shared/event_tail.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/own.h"
#include "base/terminal.h"
#include "control/wire.h"

struct event_tail {
	char *path; /* owns */
	int fd; /* owns; -1 while there is no file */
	int notify; /* owns; -1 when not following or not to be had */
	struct text buffer; /* owns: read and not yet taken */
	size_t taken; /* of buffer */
	bool skipping; /* the rest of a line that was too long */
};

/* The directory is watched: the file may be replaced, or not exist yet. */
static int watch_directory(const char *path)
{
	OWNED_FD fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	const char *slash = strrchr(path, '/');
	OWNED(char) dir = slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
	if (fd < 0 || !dir ||
		inotify_add_watch(fd, dir, IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_ONLYDIR) < 0)
		return -1;
	return take_fd(&fd);
}

struct event_tail *event_tail_open(const char *path, bool follow, struct error *e)
{
	struct event_tail *tail = calloc(1, sizeof *tail);
	if (!tail || !(tail->path = strdup(path))) {
		free(tail);
		fail(e, EXIT_FAILED, "out of memory");
		return NULL;
	}
	/* Watched before it is read: what comes between is seen twice, not missed. */
	tail->notify = follow ? watch_directory(path) : -1;
	tail->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (tail->fd >= 0 || errno == ENOENT || errno == ENOTDIR)
		return tail;
	fail_errno(e, EXIT_FAILED, "cannot read %s", path);
	event_tail_free(tail);
	return NULL;
}

void event_tail_free(struct event_tail *tail)
{
	if (!tail)
		return;
	if (tail->fd >= 0)
		close(tail->fd);
	if (tail->notify >= 0)
		close(tail->notify);
	text_release(&tail->buffer);
	free(tail->path);
	free(tail);
}

int event_tail_fd(const struct event_tail *tail)
{
	return tail->notify;
}

/* The file of this name is another one than the open one: go on with that. */
static bool reopen(struct event_tail *tail)
{
	struct stat now;
	struct stat ours;
	if (stat(tail->path, &now) < 0)
		return false;
	if (tail->fd >= 0 && fstat(tail->fd, &ours) == 0 && ours.st_ino == now.st_ino &&
		ours.st_dev == now.st_dev)
		return false;
	int fd = open(tail->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return false;
	if (tail->fd >= 0)
		close(tail->fd);
	tail->fd = fd;
	text_clear(&tail->buffer);
	tail->taken = 0;
	return true;
}

/* True when there is more in the buffer. */
static bool fill(struct event_tail *tail)
{
	char bytes[32 * 1024];
	ssize_t count = tail->fd < 0 ? 0 : read(tail->fd, bytes, sizeof bytes);
	if (count <= 0) {
		if (!reopen(tail))
			return false;
		count = read(tail->fd, bytes, sizeof bytes);
	}
	if (count <= 0)
		return false;
	text_consume(&tail->buffer, tail->taken);
	tail->taken = 0;
	text_add_bytes(&tail->buffer, bytes, (size_t)count);
	if (tail->buffer.length > FRAME_MOST) {
		text_clear(&tail->buffer);
		tail->skipping = true;
	}
	return text_ok(&tail->buffer);
}

/* The next whole line, within the buffer; NULL when more must be read. */
static const char *take_line(struct event_tail *tail, size_t *length)
{
	if (tail->taken >= tail->buffer.length)
		return NULL;
	const char *start = tail->buffer.data + tail->taken;
	const char *end = memchr(start, '\n', tail->buffer.length - tail->taken);
	if (!end)
		return NULL;
	*length = (size_t)(end - start);
	tail->taken += *length + 1;
	return start;
}

static void clear_notices(const struct event_tail *tail)
{
	_Alignas(struct inotify_event) char bytes[4096];
	while (tail->notify >= 0 && read(tail->notify, bytes, sizeof bytes) > 0)
		continue;
}

bool event_tail_next(struct event_tail *tail, json_t **event)
{
	clear_notices(tail);
	for (;;) {
		size_t length;
		const char *line = take_line(tail, &length);
		if (!line) {
			if (!fill(tail))
				return false;
			continue;
		}
		struct error ignored;
		*event = tail->skipping ? NULL : frame_parse(line, length, &ignored);
		tail->skipping = false;
		if (*event)
			return true;
	}
}

const char *event_string(const json_t *event, const char *key)
{
	const char *value = json_string_value(json_object_get(event, key));
	return value ? value : "";
}

int64_t event_time(const json_t *event)
{
	int64_t time = 0;
	const char *text = event_string(event, "time");
	return text[0] && clock_parse_since(text, clock_wall_ms(), &time) ? time : 0;
}

/* A sentence that names its subject needs no other; a name alone may be that of another one's cause. */
static bool names_itself(const char *text, const char *service)
{
	OWNED_TEXT subject = {0};
	text_addf(&subject, "service '%s'", service);
	return strstr(text, text_string(&subject)) != NULL;
}

void event_add_line(struct text *out, const json_t *event)
{
	const char *service = event_string(event, "service");
	const char *kind = event_string(event, "kind");
	const char *text = event_string(event, "text");
	if (strcmp(kind, "instance") == 0) {
		text_add(out, "instance ");
	} else if (service[0] && !names_itself(text, service)) {
		terminal_add_strict(out, service, strlen(service));
		text_add(out, ": ");
	}
	if (!text[0])
		text = kind;
	terminal_add_strict(out, text, strlen(text));
}
