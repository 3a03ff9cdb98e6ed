#include "cli/command_line.h"
#include "cli/registry/verbs.h"
#include "cli/verbs/verb.h"

#define O(id) OPTION_BIT(OPTION_##id)
static const struct subcommand rows[] = {
#define REGISTRY_VERB(name, options, least, most, arguments, summary)                              \
	{#name, options, least, most, arguments, summary, verb_registry_##name},
#include "cli/registry/verbs.def"
#undef REGISTRY_VERB
};
#undef O

const struct subcommands registry_verbs = {.rows = rows, .count = sizeof rows / sizeof rows[0]};

int verb_registry(struct context *context, struct error *e)
{
	return subcommands_run(&registry_verbs, context, e);
}
