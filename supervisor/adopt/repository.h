/*
 * repository.h - a stack file for what lies in a directory, by looking at it.
 *
 * In this order: a compose file (images become templates where there is one); when it runs no programs, the
 * Procfile (Procfile.dev comes first), else package.json and what signs.def knows, here or in the directories below;
 * supabase/config.toml; databases and queues that the env files name and nothing else brings (stores.def); a
 * Makefile's dev, run, serve or start when there is nothing else. Programs depend on what they may need: each
 * database, queue and container.
 */
#ifndef ADOPT_REPOSITORY_H
#define ADOPT_REPOSITORY_H

#include "adopt/sheet.h"
#include "base/error.h"

struct repository_request {
	struct sheet *sheet; /* its title is set, too */
	const char *dir; /* absolute: the current directory, and where the stack file will be */
	const char *const *environment; /* NAME=VALUE, NULL-terminated */
};

/* -1: a file cannot be read. A directory of which nothing is known adds nothing. */
int adopt_repository(const struct repository_request *request, struct error *e);

#endif
