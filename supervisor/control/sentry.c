#include "control/sentry.h"

#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "loop/io_watch.h"

struct sentry {
	void (*on_gone)(void *self);
	void *self;
	int fd; /* owns */
	int watch; /* -1: none */
	char *path; /* owns */
	dev_t device; /* identity of the file: one of the same name is another one */
	ino_t inode;
	struct io_watch readable;
};

static bool still_there(const struct sentry *s)
{
	struct stat st;
	return lstat(s->path, &st) == 0 && st.st_dev == s->device && st.st_ino == s->inode;
}

/* What the events say does not matter, only that there were some: the file system is asked. */
static void on_readable(struct io_watch *watch, int events)
{
	(void)events;
	struct sentry *s = watch->owner;
	_Alignas(struct inotify_event) char bytes[4096];
	while (read(s->fd, bytes, sizeof bytes) > 0)
		continue;
	if (s->path && !still_there(s))
		s->on_gone(s->self);
}

struct sentry *sentry_new(struct ev_loop *loop, void (*on_gone)(void *self), void *self)
{
	struct sentry *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (s->fd < 0) {
		free(s);
		return NULL;
	}
	s->on_gone = on_gone;
	s->self = self;
	s->watch = -1;
	io_watch_init(&s->readable, loop, s->fd, EV_READ, on_readable, s);
	io_watch_start(&s->readable);
	return s;
}

void sentry_rest(struct sentry *s)
{
	if (s->watch >= 0)
		inotify_rm_watch(s->fd, s->watch);
	s->watch = -1;
	free(s->path);
	s->path = NULL;
}

bool sentry_watch(struct sentry *s, const char *path)
{
	struct stat st;
	const char *slash = strrchr(path, '/');
	OWNED(char) dir = slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
	char *copy = strdup(path);
	sentry_rest(s);
	s->path = copy;
	if (!dir || !copy || lstat(path, &st) < 0)
		return false;
	s->device = st.st_dev;
	s->inode = st.st_ino;
	s->watch = inotify_add_watch(
		s->fd, dir, IN_DELETE | IN_MOVED_FROM | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR);
	/* It may have gone between the two calls: then no event will ever come. */
	return s->watch >= 0 && still_there(s);
}

void sentry_free(struct sentry *s)
{
	if (!s)
		return;
	io_watch_stop(&s->readable);
	close(s->fd);
	free(s->path);
	free(s);
}
