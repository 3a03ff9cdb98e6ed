/*
 * second.h - a second run of one service beside the service's own: one that is to take its place,
 * or one whose place was taken. Private to this room.
 *
 * The keeper, the tree and in->io have one row more than the stack has services. There a second run
 * lives: nothing depends on it, it is not started again, no command names it and `status` does not
 * show it. Its output goes to the service's log, and what it does is told as `handover` events of
 * the service.
 *
 *	1. second_begin()	starts one as `by` describes the service
 *	2. second_swap()	the two runs change places
 *	3. second_stop()	whoever is second now is stopped
 *	4. second_is_free()	nothing of it is left: the next may begin
 *
 * There is room for one. All memory is allocated with the stack.
 */
#ifndef DAEMON_SECOND_H
#define DAEMON_SECOND_H

#include "daemon/instance.h"

/* Needs second_is_free(). `by` has the same services; borrowed until the row is free again. */
void second_begin(struct instance *in, int service, const struct loaded *by);
/* With in->loaded exchanged before or not; `by` is what the other run was started by. */
void second_swap(struct instance *in, const struct loaded *by);
void second_stop(struct instance *in, const char *reason);
bool second_is_free(const struct instance *in);
/* What it was started by goes away. Needs second_is_free(). */
void second_forget(struct instance *in);
/* What its row of the keeper has to tell. */
void second_tell(struct instance *in, const char *text);
/* A second run of this service is or may be there. */
bool second_is_of(const struct instance *in, int service);

#endif
