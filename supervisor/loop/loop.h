/*
 * loop.h - the libev loop of a process that must go on when memory and descriptors are short.
 *
 * libev aborts where it cannot go on: a list of watchers that cannot grow, an epoll descriptor that
 * cannot be made anew (it does that when the kernel's view of a descriptor has become stale). Here
 * its memory comes from the reserve then (base/reserve.h), and it tries again until the kernel has
 * room. Signals are the owner's business: libev's own descriptors could not be put back by io_watch.
 */
#ifndef LOOP_LOOP_H
#define LOOP_LOOP_H

struct ev_loop;

enum { LOOP_RETRY_MS = 10 };

/* NULL: no memory or no descriptors. The caller's; ev_loop_destroy() ends it. */
struct ev_loop *loop_new(void);

#endif
