#include "cli/command_line.h"
#include "cli/completion/verbs.h"
#include "cli/verbs/verb.h"

#define O(id) OPTION_BIT(OPTION_##id)
static const struct subcommand rows[] = {
#define COMPLETION_VERB(name, options, least, most, arguments, summary)                            \
	{#name, options, least, most, arguments, summary, verb_completion_##name},
#include "cli/completion/verbs.def"
#undef COMPLETION_VERB
};
#undef O

const struct subcommands completion_verbs = {.rows = rows, .count = sizeof rows / sizeof rows[0]};

int verb_completion(struct context *context, struct error *e)
{
	return subcommands_run(&completion_verbs, context, e);
}
