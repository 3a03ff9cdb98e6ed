/*
 * validate_inside.h - shared by the two halves of validation.
 */
#ifndef SPAWN_VALIDATE_INSIDE_H
#define SPAWN_VALIDATE_INSIDE_H

#include "spawn/validate.h"

const char *validate_file(const struct validate *v);
/* Adds an error's text (after the printf-like subject) and hint. */
void validate_complain(const struct validate *v, enum severity severity, int line, const char *key,
	const char *subject, const struct error *why);

/* require.*: commands, variables, files, disk. */
void validate_requirements(const struct validate *v);

/*
 * The directory, or the nearest one above it that exists, can be written. False: *nearest says
 * which cannot, errno why.
 */
bool validate_is_writable(const char *dir, struct text *nearest);

#endif
