/*
 * subcommands.h - a verb that is a family: its first word says which one of a table is meant.
 *
 * The table is the truth: parsing, the usage errors, the hint and `stackup help VERB` are made from
 * it. A member is run with the verb's context; its own words are line.words[1] and on.
 */
#ifndef CLI_SUBCOMMANDS_H
#define CLI_SUBCOMMANDS_H

#include <stddef.h>

#include "base/error.h"
#include "base/text.h"
#include "cli/command_line.h"

struct context;

struct subcommand {
	const char *name;
	option_set options; /* those of the verb's row that it takes */
	size_t least; /* words after the name */
	size_t most;
	const char *arguments; /* usage of these words */
	const char *summary;
	/* Exit code; or -1 with e. */
	int (*run)(struct context *context, struct error *e);
};

struct subcommands {
	const struct subcommand *rows;
	size_t count;
};

/*
 * Runs the one that the first word names. EXIT_USAGE for an unknown word (with the nearest name), an
 * option that this one does not take, too few or too many words.
 */
int subcommands_run(const struct subcommands *all, struct context *context, struct error *e);

/* Those of a verb; NULL: it is no family. Every family is a row of families.c. */
const struct subcommands *subcommands_of(const struct command_row *command);

/* NULL where there is none of that name. */
const struct subcommand *subcommand_find(const struct subcommands *all, const char *name);

/* A line for each, for the help of the verb. */
void subcommands_add_help(struct text *out, const struct subcommands *all);
/* -1: EXIT_USAGE, there is none of that name; the error has the nearest. */
int subcommand_unknown(const struct subcommands *all, const char *verb, const char *name, struct error *e);

#endif
