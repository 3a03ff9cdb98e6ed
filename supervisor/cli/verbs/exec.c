#include <string.h>

#include "cli/context.h"
#include "cli/shared/surroundings.h"
#include "cli/verbs/verb.h"

int verb_exec(struct context *context, struct error *e)
{
	struct surroundings s;
	const struct command_line *line = &context->line;
	/* `exec api -- ls -l`: the service has ended our options already. */
	bool dashes = line->word_count > 1 && strcmp(line->words[1], "--") == 0;
	const char *const *command = line->words + 1 + dashes;
	if (line->word_count < 2 + (size_t)dashes)
		return fail(e, EXIT_USAGE, "`exec` wants a service and a command");
	int code = surroundings_find(context, line->words[0], FROM_ANYWHERE, &s, e);
	if (code == 0)
		code = surroundings_exec(&s, command, true, e);
	surroundings_release(&s);
	return code;
}
