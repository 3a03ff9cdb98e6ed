/*
 * ending.h - signals to processes that were looked at a while ago, and that may not be the same any
 * more.
 *
 * A pidfd is opened first, and the start time is read after that: whatever has the number then is
 * what the pidfd means. A zombie has ended: its parent has to reap it.
 */
#ifndef ORPHANS_ENDING_H
#define ORPHANS_ENDING_H

#include "listeners/owner.h"

/* Is there nothing left of the process that the owner describes? */
bool ending_is_over(const struct owner *owner);
/*
 * TERM comes with CONT: a stopped process gets it only after it goes on. 0 also when it has ended;
 * -1: errno.
 */
int ending_signal(const struct owner *owner, int signal);
/* Until it has ended, at most until clock_now_ms() is the deadline. */
void ending_wait(const struct owner *owner, int64_t deadline_ms);

#endif
