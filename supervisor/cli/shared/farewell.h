/*
 * farewell.h - what is said when Ctrl-C or TERM ends a command that only waits: that what it has
 * asked for goes on.
 *
 *	1. farewell(context, "%s is being stopped all the same", name);
 *	2. what may take long; the signal ends the process as it does without this, after the sentence
 *	3. farewell_over();
 */
#ifndef CLI_SHARED_FAREWELL_H
#define CLI_SHARED_FAREWELL_H

#include "cli/context.h"

/* Nothing is said with --quiet. One at a time. */
void farewell(const struct context *context, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void farewell_over(void);

#endif
