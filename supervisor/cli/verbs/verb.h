/*
 * verb.h - the functions behind the rows of commands.def, one file each.
 *
 * A verb returns its exit code, or -1 with e; cli_main() prints that once, as a sentence on stderr
 * and with --json as an error object on stdout. A new verb is a row in commands.def and a file
 * NAME.c here.
 */
#ifndef CLI_VERBS_VERB_H
#define CLI_VERBS_VERB_H

#include "base/error.h"

struct context;

#define COMMAND(name, alias, options, words, arguments, summary)                                   \
	int verb_##name(struct context *context, struct error *e);
#include "cli/commands.def"
#undef COMMAND

#endif
