/*
 * verbs.h - the functions behind the rows of verbs.def, one file each.
 *
 * A new subcommand of `ports` is a row in verbs.def and a file NAME.c here; an option that
 * the verb did not have so far also goes into its row in commands.def. The rules of a verb hold
 * (verb.h); its words begin with line.words[1].
 */
#ifndef CLI_PORTS_VERBS_H
#define CLI_PORTS_VERBS_H

#include "cli/subcommands.h"

#define PORTS_VERB(name, options, least, most, arguments, summary)                                 \
	int verb_ports_##name(struct context *context, struct error *e);
#include "cli/ports/verbs.def"
#undef PORTS_VERB

extern const struct subcommands ports_verbs;

#endif
