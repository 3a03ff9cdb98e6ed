/*
 * services.h - what `start`, `stop`, `restart` and `kill` have in common.
 */
#ifndef CLI_SHARED_SERVICES_H
#define CLI_SHARED_SERVICES_H

#include "base/error.h"

struct context;

/* Sends the verb with the services named, shows the steps, returns when they have settled. */
int services_do(struct context *context, const char *verb, struct error *e);

#endif
