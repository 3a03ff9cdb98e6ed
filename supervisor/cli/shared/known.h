/*
 * known.h - what of the registry a scan compares files with.
 */
#ifndef CLI_SHARED_KNOWN_H
#define CLI_SHARED_KNOWN_H

#include "base/arena.h"
#include "scan/conflicts.h"

struct context;

/* By reading; nothing where nothing was ever registered. Archived projects hold nothing. */
int known_read(const struct context *context, struct arena *arena, struct known *out, struct error *e);

#endif
