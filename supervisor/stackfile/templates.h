/*
 * templates.h - the ready-made services of stackfiles/, which are part of the program.
 *
 * Each is a stack file that runs as it is: [service NAME] with the name of the file, and tasks [service
 * NAME-...] that it depends on. `template = NAME` in a service takes them over (draft_templates.c).
 */
#ifndef STACKFILE_TEMPLATES_H
#define STACKFILE_TEMPLATES_H

#include <stddef.h>

struct template {
	const char *name;
	const char *text; /* of the file */
};

/* In the order of their names. */
extern const struct template template_rows[];
extern const size_t template_count;

/* NULL where there is none of that name. */
const struct template *template_find(const char *name);

#endif
