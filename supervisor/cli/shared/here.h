/*
 * here.h - which project of the registry is meant, where no instance of it needs to be known.
 */
#ifndef CLI_SHARED_HERE_H
#define CLI_SHARED_HERE_H

#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "registry/projects.h"

struct context;

/*
 * --project NAME, else that of the stack file of this directory. 1: found, 0: this directory has no
 * stack file, or one whose project is not registered; -1, also for a NAME that does not exist.
 */
int project_here(struct context *context, struct arena *arena, struct project *out, struct error *e);
/* The project of that name: 1; -1, EXIT_NOT_FOUND with the nearest name when there is none. */
int project_named(struct context *context, const char *name, struct arena *arena,
	struct project *out, struct error *e);
/*
 * A word that is a port or a name: 1 and *port, 0 for a name, -1 (EXIT_USAGE) for a number that is no
 * port.
 */
int word_is_port(const char *word, uint16_t *port, struct error *e);
/* 0, or -1 with the nearest name when there is a stack file and no such service in it. */
int service_here(struct context *context, const char *name, struct error *e);

#endif
