#include "cli/command_line.h"
#include "cli/ports/verbs.h"
#include "cli/verbs/verb.h"

#define O(id) OPTION_BIT(OPTION_##id)
static const struct subcommand rows[] = {
#define PORTS_VERB(name, options, least, most, arguments, summary)                                 \
	{#name, options, least, most, arguments, summary, verb_ports_##name},
#include "cli/ports/verbs.def"
#undef PORTS_VERB
};
#undef O

const struct subcommands ports_verbs = {.rows = rows, .count = sizeof rows / sizeof rows[0]};

int verb_ports(struct context *context, struct error *e)
{
	return subcommands_run(&ports_verbs, context, e);
}
