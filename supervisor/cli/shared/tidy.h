/*
 * tidy.h - the registry keeps itself tidy: what `registry gc` does, a little of it in passing.
 *
 * After a launch, at most once a day, a few stale things are removed (upkeep/stale.h) and said in
 * one line; on a terminal, at most once a month, idle instances are mentioned. Nothing of it can
 * fail a launch.
 */
#ifndef CLI_SHARED_TIDY_H
#define CLI_SHARED_TIDY_H

#include "upkeep/stale.h"

struct context;

/* How long each kind is kept: the table, the user's own file, --keep. EXIT_USAGE. */
int tidy_rules(const struct context *context, struct stale_rules *rules, struct error *e);

void tidy_in_passing(const struct context *context);

#endif
