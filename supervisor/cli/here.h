/*
 * here.h - which project of the registry is meant, where no instance of it needs to be known.
 */
#ifndef CLI_HERE_H
#define CLI_HERE_H

#include "base/arena.h"
#include "base/error.h"
#include "registry/projects.h"

struct context;

/*
 * --project NAME, else that of the stack file of this directory. 1: found, 0: this directory has no
 * stack file, or one whose project is not registered; -1, also for a NAME that does not exist.
 */
int project_here(struct context *context, struct arena *arena, struct project *out, struct error *e);
/* 0, or -1 with the nearest name when there is a stack file and no such service in it. */
int service_here(struct context *context, const char *name, struct error *e);

#endif
