/*
 * forget.h - an instance number is given back: nobody has claimed it any more.
 *
 * Its row, leases, pool ports and record go; its state directory is set aside (aside.h), so that whoever
 * gets the number next sees nothing of it. What happened to its ports stays in the history.
 */
#ifndef CLAIM_FORGET_H
#define CLAIM_FORGET_H

#include <stdint.h>

#include "base/error.h"
#include "base/text.h"
#include "registry/instances.h"
#include "registry/projects.h"

/*
 * reason is for the audit; *kept gets the new name of the state directory where there was one. Fails
 * with EXIT_FAILED while it runs, or when its last run ended without being stopped: something of it
 * may be left then, and `down` is the way to end that.
 */
int instance_forget(const char *state, const struct project *project, int number, const char *reason,
	struct text *kept, struct error *e);

/*
 * The same inside a transaction of the caller, who has the lock byte and knows that nothing of it runs.
 * After the commit its record goes: record_drop().
 */
int instance_part(struct registry *r, const struct instance *row, const char *state, const char *reason,
	struct text *kept, struct error *e);

#endif
