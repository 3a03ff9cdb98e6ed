#include "cli/command_line.h"
#include "cli/import/verbs.h"
#include "cli/verbs/verb.h"

#define O(id) OPTION_BIT(OPTION_##id)
static const struct subcommand rows[] = {
#define IMPORT_VERB(name, options, least, most, arguments, summary)                              \
	{#name, options, least, most, arguments, summary, verb_import_##name},
#include "cli/import/verbs.def"
#undef IMPORT_VERB
};
#undef O

const struct subcommands import_verbs = {.rows = rows, .count = sizeof rows / sizeof rows[0]};

int verb_import(struct context *context, struct error *e)
{
	return subcommands_run(&import_verbs, context, e);
}
