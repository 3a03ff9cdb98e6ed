/*
 * escalation.h - with what force a service is stopped, step by step. Pure.
 *
 *	1. stop.command, if there is one (it has stop.timeout as well)
 *	2. stop.signal and CONT, to the process group, or to the leader alone where the file says so
 *	3. when the leader is gone but others of its tree are not: TERM and CONT to those, once; not to the
 *	   process group where that was asked in step 2: many a server takes a second TERM for "at once"
 *	4. at stop.timeout: KILL to the whole tree, again and again until it is empty
 *
 * A leader's exit never cancels the steps; only an empty tree does. After five seconds of KILL it may be
 * asked whether there is something that withstands it (it waits in the kernel, it is another user's now);
 * from then on KILL comes once a second.
 */
#ifndef STOP_ESCALATION_H
#define STOP_ESCALATION_H

#include <stdbool.h>
#include <stdint.h>

#include "model/policy.h"

#define FORCES(X)                                                                                  \
	X(FORCE_NONE, "none") /* nothing new to do: wait for the deadline or the tree */           \
	X(FORCE_COMMAND, "command")                                                                \
	X(FORCE_SIGNAL, "signal")                                                                  \
	X(FORCE_REMNANTS, "remnants") /* TERM to what the leader left behind */                    \
	X(FORCE_KILL, "kill")
#define X(name, word) name,
enum force { FORCES(X) };
#undef X

struct escalation {
	bool active;
	bool command_running;
	bool signalled;
	bool group_asked; /* that was stop.signal to the process group */
	bool remnants_signalled;
	bool killing;
	bool refused; /* a process that may not be signalled was told of */
	int kills;
	int64_t deadline_ms; /* of the present step; valid while active */
};

enum { KILL_AGAIN_MS = 50, KILLS_IN_VAIN = 100, KILL_LATER_MS = 1000 };

/* Begins; returns the first force. at_once skips to KILL. */
enum force escalation_begin(struct escalation *s, const struct stop_policy *policy, int64_t now_ms,
	bool at_once);
/* stop.command ended (however): the signal is next. */
enum force escalation_command_done(struct escalation *s, const struct stop_policy *policy,
	int64_t now_ms);
/* The leader is gone and the tree is not empty. */
enum force escalation_remnants(struct escalation *s);
/* The deadline is reached. */
enum force escalation_deadline(struct escalation *s, const struct stop_policy *policy,
	int64_t now_ms);
/* The time to stop in is another one now: the present step ends no later than by it. */
void escalation_hurry(struct escalation *s, const struct stop_policy *policy, int64_t now_ms);
/* KILL was sent so often that whoever is left may be one that withstands it. */
bool escalation_is_in_vain(const struct escalation *s);
/* The tree is empty. */
void escalation_end(struct escalation *s);

#endif
