/*
 * conflict_report.h - ports that are taken, as people read them: who has each, what would be done, what
 * else could be.
 */
#ifndef CLI_CONFLICT_REPORT_H
#define CLI_CONFLICT_REPORT_H

#include "base/text.h"
#include "ports/check.h"

/* Three lines a conflict; file is how the stack file is shown. What is foreign is made safe. */
void conflict_report_add(struct text *out, const struct port_check *check, const char *file);

/* "move api to 30102", "stop pid 4242 (node)" ...: what a plan does. */
void conflict_add_action(struct text *out, const struct port_conflict *conflict);

#endif
