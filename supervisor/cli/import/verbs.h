/*
 * verbs.h - the functions behind the rows of verbs.def, one file each.
 *
 * A new subcommand of `import` is a row in verbs.def and a file NAME.c here; an
 * option that the verb did not have so far also goes into its row in commands.def. The rules of a verb
 * hold (verb.h); its words begin with line.words[1].
 */
#ifndef CLI_IMPORT_VERBS_H
#define CLI_IMPORT_VERBS_H

#include "cli/subcommands.h"

#define IMPORT_VERB(name, options, least, most, arguments, summary)                              \
	int verb_import_##name(struct context *context, struct error *e);
#include "cli/import/verbs.def"
#undef IMPORT_VERB

extern const struct subcommands import_verbs;

#endif
