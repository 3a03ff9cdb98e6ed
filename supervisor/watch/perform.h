/*
 * perform.h - carries the effects of one step out in the world, in the order of enum effect_kind:
 * signals first, then what ends, then what begins, and last what is told. Private to the keeper.
 */
#ifndef WATCH_PERFORM_H
#define WATCH_PERFORM_H

#include "model/sys.h"
#include "watch/service.h"

/*
 * Returns true when the world answered at once: *answer is then the event to handle next (a process
 * started or could not be), whose reason may point into `reason`.
 */
bool perform(const struct sys *sys, int service, struct service_run *run,
	const struct effects *effects, struct service_event *answer, char reason[REASON_SIZE]);

#endif
