#include <string.h>

#include "cli/context.h"
#include "cli/registry/change.h"
#include "cli/registry/verbs.h"

int verb_registry_set(struct context *context, struct error *e)
{
	const struct command_line *line = &context->line;
	struct project_changes changes;
	bool named = !strchr(line->words[1], '=');
	if (named && line->word_count == 2) {
		fail(e, EXIT_USAGE, "`registry set` wants to know what to set");
		error_hint(e, "write status=..., owner=..., notes=... or block=... after the project");
		return -1;
	}
	if (registry_changes(context, named ? 2 : 1, &changes, e))
		return -1;
	return registry_change(context, named ? line->words[1] : NULL, &changes, e);
}
