#include <errno.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "daemon/instance.h"

/*
 * Somebody may remove a log file, or the whole directory, of a service that prints nothing for hours.
 * inotify says so without a timer, and a drain makes the files anew.
 */
enum { REMOVALS = IN_DELETE | IN_MOVED_FROM | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR };

static void watch_directory(struct instance *in)
{
	/* Without it (no watches left) the next output of each service notices as well. */
	in->log_watch = inotify_add_watch(in->log_guard.io.fd, in->log_dir, REMOVALS);
}

static void on_removal(struct io_watch *watch, int events)
{
	(void)events;
	struct instance *in = watch->owner;
	char block[4096];
	ssize_t got;
	do
		got = read(watch->io.fd, block, sizeof block);
	while (got > 0 || (got < 0 && errno == EINTR));
	for (int i = 0; i < in->loaded.stack->service_count; i++)
		if (in->io[i])
			io_drain(in->io[i]);
	watch_directory(in);
}

void log_guard_begin(struct instance *in)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	io_watch_init(&in->log_guard, in->loop, fd, EV_READ, on_removal, in);
	if (fd < 0)
		return;
	watch_directory(in);
	io_watch_start(&in->log_guard);
}

void log_guard_rest(struct instance *in)
{
	if (in->log_guard.io.fd >= 0 && in->log_watch >= 0)
		inotify_rm_watch(in->log_guard.io.fd, in->log_watch);
	in->log_watch = -1;
	io_watch_stop(&in->log_guard);
}

void log_guard_end(struct instance *in)
{
	if (!in->log_guard.owner || in->log_guard.io.fd < 0)
		return;
	io_watch_stop(&in->log_guard);
	close(in->log_guard.io.fd);
}
