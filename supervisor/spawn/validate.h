/*
 * validate.h - everything about a stack that can be seen to be wrong before anything starts.
 *
 * All complaints at once, each with file, line and fix: commands (of services, stop and probes)
 * exist and can be executed, directories exist, users exist, require.commands (with versions),
 * .variables, .files, .disk; the state directory and log files can be written; the stack file is
 * nobody else's. What a task may still make (a program or directory that is missing while the
 * service waits for a task) is a warning.
 *
 * Nothing of the project is executed, except `NAME --version` for require.commands with a version;
 * one given as a path is executed only with .run_project_programs (`up`, not `check`).
 */
#ifndef SPAWN_VALIDATE_H
#define SPAWN_VALIDATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "model/complaint.h"
#include "model/stack.h"

struct validate {
	const struct stack *stack; /* complete */
	const char *file;          /* the stack file as shown to people; NULL: stack->file */
	const bool *wanted;        /* one per service; NULL: all that are enabled */
	bool run_project_programs;
	void *self; /* for the function below */
	/* The service's complete environment, "K=V", NULL-terminated; borrowed until the next call.
	 */
	char *const *(*environment)(void *self, int service);
	struct complaints *complaints; /* where all of it goes; the caller sorts and prints */
};

/* Number of errors it added. */
size_t validate_stack(const struct validate *validate);

/*
 * Refuses (EXIT_BAD_FILE) a stack file that others can write to, itself or by its directory, and,
 * as root, one that belongs to another user of this machine (but not to the one who called sudo).
 * Ask before the file is read; "-" is fine.
 */
int validate_trust(const char *file, struct error *e);

#endif
