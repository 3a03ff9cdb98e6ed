/*
 * offers.h - what could stand for a word that is being typed.
 *
 * An answer is a line for each word that begins as what was typed: the word, a tab, what it is. ":files",
 * ":directories" and ":commands" as lines of their own say that the shell's own completion of these would
 * do, too. Nothing here complains: what cannot be found out is not offered.
 */
#ifndef CLI_COMPLETION_OFFERS_H
#define CLI_COMPLETION_OFFERS_H

#include "base/text.h"
#include "cli/command_line.h"

struct context;
struct subcommand;

struct offers {
	struct context *context; /* borrows: of the line that is typed, ready for context_source() */
	const char *typed; /* the word so far, or what of it stands after "--name=" */
	const char *before; /* stands before every word: "--name=", or "" */
	struct text lines; /* owns */
};

/* Once, and only if it begins as what was typed. */
void offer(struct offers *o, const char *word, const char *what);
/* Those that have a name of the table, and whatever the verb is called otherwise. */
void offer_verbs(struct offers *o);
/* Subcommands; nothing of a verb that is no family. */
void offer_subcommands(struct offers *o, const struct command_row *command);
/* Of the verb and of every verb, "--name" each; subcommand may be NULL. */
void offer_options(struct offers *o, const struct subcommand *subcommand);
/*
 * What a word of a usage text stands for: "SERVICE" are the services of the stack file, a word in lower
 * case is itself; with a '|' between several.
 */
void offer_metavar(struct offers *o, const char *metavar);

#endif
