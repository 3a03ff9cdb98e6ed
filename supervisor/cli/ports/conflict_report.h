/*
 * conflict_report.h - ports that are taken, as people read them: who has each, what would be done, what
 * else could be.
 */
#ifndef CLI_PORTS_CONFLICT_REPORT_H
#define CLI_PORTS_CONFLICT_REPORT_H

#include "base/text.h"
#include "claim/check.h"

/*
 * Three lines a conflict: who has the port, what a start would do about it, what else could be done.
 * file is how the stack file is shown. What is foreign is made safe.
 */
void conflict_report_add(struct text *out, const struct port_check *check, const char *file);
/* Two lines a conflict: the plan that is to be carried out, for each that it does something about. */
void conflict_plan_add(struct text *out, const struct port_check *check);

#endif
