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
	/* Not to be watched (no watches left): the next output of each service notices as well. */
	(void)inotify_add_watch(in->log_guard.fd, in->log_dir, REMOVALS);
}

static void on_removal(struct ev_loop *loop, ev_io *w, int events)
{
	(void)loop;
	(void)events;
	struct instance *in = w->data;
	char block[4096];
	ssize_t got;
	do
		got = read(w->fd, block, sizeof block);
	while (got > 0 || (got < 0 && errno == EINTR));
	for (int i = 0; i < in->loaded.stack->service_count; i++)
		if (in->io[i])
			io_drain(in->io[i]);
	watch_directory(in);
}

void log_guard_begin(struct instance *in)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	ev_io_init(&in->log_guard, on_removal, fd, EV_READ);
	in->log_guard.data = in;
	if (fd < 0)
		return;
	watch_directory(in);
	ev_io_start(in->loop, &in->log_guard);
}

void log_guard_end(struct instance *in)
{
	if (!in->log_guard.data || in->log_guard.fd < 0)
		return;
	ev_io_stop(in->loop, &in->log_guard);
	close(in->log_guard.fd);
}
