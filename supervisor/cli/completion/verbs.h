/*
 * verbs.h - the functions behind the rows of verbs.def. The rules of a verb hold (verb.h).
 */
#ifndef CLI_COMPLETION_VERBS_H
#define CLI_COMPLETION_VERBS_H

#include "cli/subcommands.h"

enum { COMPLETION_WORDS_MOST = 10000 };

#define COMPLETION_VERB(name, options, least, most, arguments, summary)                            \
	int verb_completion_##name(struct context *context, struct error *e);
#include "cli/completion/verbs.def"
#undef COMPLETION_VERB

extern const struct subcommands completion_verbs;

#endif
