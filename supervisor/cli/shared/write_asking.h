/*
 * write_asking.h - a file that is never replaced without a word.
 */
#ifndef CLI_SHARED_WRITE_ASKING_H
#define CLI_SHARED_WRITE_ASKING_H

#include "base/error.h"
#include "base/text.h"

struct context;

/* Asks where it exists with another content (--yes: does not ask). -1: not written. */
int write_asking(struct context *context, const char *path, const struct text *text, struct error *e);

#endif
