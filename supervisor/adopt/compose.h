/*
 * compose.h - compose files as a stack file.
 *
 * Several files are layers, as `docker compose -f A -f B` has them, and `extends` is followed. What a service
 * becomes:
 *
 *	build, and a command (its own, or the Dockerfile's)	the program itself, in the directory of its sources
 *	an image that has a template, when they are wanted	template = ...
 *	any other image, and a build without a command		`docker run`, with the host's port from the slot
 *
 * Ports are the instance's: what names one, "db:5432" in a URL, a port in the own command, "localhost:8000"
 * for what the host publishes, becomes a reference. The variables that ports, images and names depend on are
 * filled in from the environment and the .env beside the file, as compose does; in values and commands
 * they stay references.
 *
 *	1. struct compose_request request = {.sheet = &sheet, .files = paths, ...};
 *	2. adopt_compose(&request, &e)
 */
#ifndef ADOPT_COMPOSE_H
#define ADOPT_COMPOSE_H

#include <stdbool.h>
#include <stddef.h>

#include "adopt/sheet.h"
#include "base/error.h"

struct compose_request {
	struct sheet *sheet;
	const char *const *files; /* as they were given; later ones win */
	size_t file_count;
	const char *base; /* where the stack file will be, absolute */
	const char *const *environment; /* NAME=VALUE, NULL-terminated */
	bool templates; /* images that have one become template = ... */
};

/* -1: a file cannot be read. Mistakes in it are errors among the sheet's complaints. */
int adopt_compose(const struct compose_request *request, struct error *e);

/*
 * The files that `docker compose` takes in this directory when none is named (at most 2), in *files; how
 * many.
 */
size_t compose_default_files(struct arena *arena, const char *dir, const char *files[2]);

#endif
