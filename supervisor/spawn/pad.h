/*
 * pad.h - where the descriptors of a child wait for it.
 *
 * A fork copies the table of descriptors, and the child then closes the copy: with 500 services that
 * is 2,500 descriptors twice over, for each start. So a child is cloned with the table shared, and the
 * first thing it does is close_range(end, ~0, CLOSE_RANGE_UNSHARE), which gives it a table of its own
 * with nothing but what lies below `end` (close_range(2), Linux 5.9). What it will need has to lie there:
 * in a slot of the pad, which the parent leaves alone until the child has gone.
 *
 *	parent	slot = pad_take(); clone3(CLONE_FILES); pad_started(), or pad_give() when it failed
 *	child	pad_leave(), before it touches any descriptor
 *	parent	pad_reaped() for every child that has ended: it may have been killed before it left
 */
#ifndef SPAWN_PAD_H
#define SPAWN_PAD_H

#include <stdatomic.h>
#include <sys/types.h>

enum { PAD_SLOTS = 32 };

struct pad {
	atomic_int *taken; /* owns; a page that parent and children share; NULL: there is no pad */
	unsigned end; /* all descriptors of the pad are below */
	struct pad_slot {
		int output; /* owns */
		int errors; /* owns */
		pid_t pid; /* who took it last */
	} slots[PAD_SLOTS];
};

/* Reserves descriptors from `first` up, as copies of idle_fd. Without room there is no pad. */
void pad_open(struct pad *pad, int first, int idle_fd);
void pad_close(struct pad *pad);

/*
 * Copies of the two descriptors are put into a free slot, where they stay until the slot is used again.
 * -1: none is free, or there is no pad; the start has to fork in the usual way.
 */
int pad_take(struct pad *pad, int output, int errors);
void pad_give(struct pad *pad, int slot);
void pad_started(struct pad *pad, int slot, pid_t pid);
void pad_reaped(struct pad *pad, pid_t pid);

/* In the child; async-signal-safe. -1 with errno. */
int pad_leave(const struct pad *pad, int slot);

#endif
