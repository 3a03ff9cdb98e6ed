/*
 * io_watch.h - a descriptor on the libev loop that stays watched while its owner wants it.
 *
 * libev stops an ev_io for good when epoll_ctl(2) refuses its descriptor: ENOMEM, or ENOSPC beyond
 * /proc/sys/fs/epoll/max_user_watches. It says so by one callback with EV_ERROR, to which it adds
 * EV_READ and EV_WRITE though nothing is there; whoever takes that for readiness is deaf from then
 * on. An io_watch is put back every IO_WATCH_RETRY_MS until the kernel has room again, and its owner
 * is called for real readiness only.
 *
 *	1. io_watch_init(), also for another descriptor or other events, while it is stopped
 *	2. io_watch_start() and io_watch_stop(), each as often as one likes
 *	3. io_watch_stop() before the descriptor is closed or the memory given back
 *
 * Nothing here allocates but libev itself, and nothing fails.
 */
#ifndef LOOP_IO_WATCH_H
#define LOOP_IO_WATCH_H

#include <ev.h>

enum { IO_WATCH_RETRY_MS = 20 };

struct io_watch {
	struct ev_loop *loop; /* borrows */
	ev_io io; /* its fd and events may be read, its priority set */
	ev_timer again; /* runs while the kernel has no room */
	void (*on_ready)(struct io_watch *watch, int events);
	void *owner; /* borrows: for on_ready */
};

/* events: EV_READ, EV_WRITE or both. */
void io_watch_init(struct io_watch *watch, struct ev_loop *loop, int fd, int events,
	void (*on_ready)(struct io_watch *watch, int events), void *owner);
void io_watch_start(struct io_watch *watch);
void io_watch_stop(struct io_watch *watch);

#endif
