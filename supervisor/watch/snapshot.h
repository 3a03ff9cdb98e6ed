/*
 * snapshot.h - one service's run as JSON, and back: by it the keeper of a new supervisor goes on where
 * the last one's was, as if nothing had happened.
 *
 * Between two turns a keeper is its runs and nothing else: its queue is empty, what it counts is of one
 * turn, and when it expects the next one follows from the runs. Of a run all is written but the two
 * pidfds, which are of no use to another process. Times are of the monotonic clock and hold as long as
 * the machine is not started anew.
 *
 *	1. after a turn: snapshot_of(keeper, i) of each service whose run has changed
 *	2. in the new supervisor: keeper_new(), then snapshot_restore() of each service
 *	3. keeper_reach() with a pidfd for each leader and hook that lives; the end of those that do not is told
 *	   with keeper_exits() as ever
 *	4. whoever is asked for a sign of readiness (starting; READY_LOG, READY_NOTIFY) is listened to again
 *	5. keeper_turn(), which begins probes that were in flight anew, looks at the trees, and moves all that
 *	   is due on where nobody was there for longer than a gap
 *
 * Members have the names of the fields, and enums their words: a version that knows all of them
 * understands the state of another one; a version that does not says so and restores nothing.
 */
#ifndef WATCH_SNAPSHOT_H
#define WATCH_SNAPSHOT_H

#include <jansson.h>

#include "base/error.h"
#include "watch/keeper.h"

/* A new reference; NULL: out of memory. */
json_t *snapshot_of(const struct keeper *keeper, int service);
/*
 * -1: it is not the whole state of a service, and what of it is not, without the name of the service; its
 * run is as it was.
 */
int snapshot_restore(struct keeper *keeper, int service, const json_t *snapshot, struct error *e);

#endif
