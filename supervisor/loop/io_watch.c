#include "loop/io_watch.h"

static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
	struct io_watch *watch = io->data;
	if (!(events & EV_ERROR)) {
		watch->on_ready(watch, events);
		return;
	}
	ev_timer_set(&watch->again, IO_WATCH_RETRY_MS / 1000., 0.);
	ev_timer_start(loop, &watch->again);
}

static void on_again(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)events;
	struct io_watch *watch = timer->data;
	ev_io_start(loop, &watch->io);
}

void io_watch_init(struct io_watch *watch, struct ev_loop *loop, int fd, int events,
	void (*on_ready)(struct io_watch *watch, int events), void *owner)
{
	watch->loop = loop;
	watch->on_ready = on_ready;
	watch->owner = owner;
	ev_io_init(&watch->io, on_io, fd, events);
	ev_timer_init(&watch->again, on_again, 0., 0.);
	watch->io.data = watch->again.data = watch;
}

void io_watch_start(struct io_watch *watch)
{
	if (!ev_is_active(&watch->again))
		ev_io_start(watch->loop, &watch->io);
}

void io_watch_stop(struct io_watch *watch)
{
	ev_io_stop(watch->loop, &watch->io);
	ev_timer_stop(watch->loop, &watch->again);
}
