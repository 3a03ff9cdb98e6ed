#include "cli/context.h"
#include "cli/instances/verbs.h"
#include "cli/verbs/verb.h"

#define O(id) OPTION_BIT(OPTION_##id)
static const struct subcommand rows[] = {
#define INSTANCES_VERB(name, options, least, most, arguments, summary)                             \
	{#name, options, least, most, arguments, summary, verb_instances_##name},
#include "cli/instances/verbs.def"
#undef INSTANCES_VERB
};
#undef O

const struct subcommands instances_verbs = {.rows = rows, .count = sizeof rows / sizeof rows[0]};

int verb_instances(struct context *context, struct error *e)
{
	bool plain = !context->line.word_count && !option_given(&context->line, OPTION_PURPOSE);
	return plain ? verb_instances_list(context, e) : subcommands_run(&instances_verbs, context, e);
}
