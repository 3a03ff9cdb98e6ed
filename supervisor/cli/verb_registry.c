#include "cli/command_line.h"
#include "cli/registry_verbs.h"
#include "cli/verb.h"

#define O(id) (UINT64_C(1) << OPTION_##id)
static const struct subcommand rows[] = {
#define REGISTRY_VERB(name, options, least, most, arguments, summary)                              \
	{#name, options, least, most, arguments, summary, verb_registry_##name},
#include "cli/registry_verbs.def"
#undef REGISTRY_VERB
};
#undef O

const struct subcommands registry_verbs = {.rows = rows, .count = sizeof rows / sizeof rows[0]};

int verb_registry(struct context *context, struct error *e)
{
<<<<<<< Updated upstream
	return subcommands_run(&registry_verbs, context, e);
=======
	const struct command_line *line = &context->line;
	if (line->word_count != 1 || strcmp(line->words[0], "list") != 0) {
		if (!line->word_count)
			fail(e, EXIT_USAGE, "`registry` wants to know what to do");
		else if (strcmp(line->words[0], "list") != 0)
			fail(e, EXIT_USAGE, "`registry` cannot '%s'", line->words[0]);
		else
			fail(e, EXIT_USAGE, "`registry list` takes no argument, not '%s'",
				line->words[1]);
		error_hint(e, "it can: list");
		return -1;
	}
	json_t *report = report_registry(context->paths.state, e);
	if (!report)
		return -1;
	if (context->json) {
		out_json(report);
		return EXIT_DONE;
	}
	show(context, report);
	json_decref(report);
	return EXIT_DONE;
>>>>>>> Stashed changes
}
