/*
 * others.h - the instance that is meant does not run, but others of its project do.
 */
#ifndef CLI_SHARED_OTHERS_H
#define CLI_SHARED_OTHERS_H

#include <stdbool.h>

#include "base/text.h"
#include "cli/context.h"

/*
 * number: the one that is meant. Appends "instance 3 runs" or "instances 3, 4 run". False, and
 * nothing is appended: none does, or somebody said which instance is meant.
 */
bool others_run(struct context *context, int number, struct text *out);

#endif
