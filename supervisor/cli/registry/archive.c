#include "cli/context.h"
#include "cli/registry/change.h"
#include "cli/registry/verbs.h"

int verb_registry_archive(struct context *context, struct error *e)
{
	static const struct project_changes changes = {.status = "archived", .block = -1};
	const struct command_line *line = &context->line;
	return registry_change(context, line->word_count > 1 ? line->words[1] : NULL, &changes, e);
}
