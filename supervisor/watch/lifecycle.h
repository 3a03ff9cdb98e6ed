/*
 * lifecycle.h - what happens to a service now: one pure function.
 *
 * service_step() looks at one service and one event, changes the service's record, and lists what is
 * to be done in the world (effects). It asks nobody, sends nothing, and knows no clock but `now_ms`.
 * Every state has a switch over all events without a default, so that a new event does not build
 * until each state has been thought about.
 *
 * Rules that hold in every state:
 * - An event of an older generation changes nothing.
 * - A stop is over when the process tree is empty, not when the leader has exited.
 * - A process is started only from `blocked` (after the dependencies) and never while anything of
 *   its last tree lives.
 * - What people ask wins over what was going on; the last one wins.
 */
#ifndef WATCH_LIFECYCLE_H
#define WATCH_LIFECYCLE_H

#include "watch/service.h"

struct step {
	const char *name; /* for texts */
	const struct service_policy *policy;
	struct service_run *run;
	int64_t now_ms;
	uint32_t random;
	struct effects *effects; /* appended to */
};

void service_step(const struct step *step, const struct service_event *event);

/* A failure "exited with code 3", "killed by SIGSEGV (core dumped)", into a buffer. */
void exit_describe(const struct exit_status *exit, char *out, size_t size);

#endif
