/*
 * found.h - what a scan has found in registered projects goes into the registry's services.
 */
#ifndef CLI_SHARED_FOUND_H
#define CLI_SHARED_FOUND_H

#include "scan/conflicts.h"

struct context;

/*
 * The services of every registered project that was looked at as a whole, instead of what was found before. Nothing
 * is written where nothing has changed; of a project with more than 2,000 ports the first. -1: the registry cannot be written.
 */
int found_record(const struct context *context, const struct scan *scan, const struct known *known, struct error *e);

#endif
