#include "cli/context.h"
#include "cli/shared/surroundings.h"
#include "cli/verbs/verb.h"

int verb_run(struct context *context, struct error *e)
{
	struct surroundings s;
	if (!context->line.word_count)
		return fail(e, EXIT_USAGE, "`run` wants a command");
	int code = surroundings_find(context, NULL, FROM_ANYWHERE, &s, e);
	if (code == 0)
		code = surroundings_exec(&s, context->line.words, false, e);
	surroundings_release(&s);
	return code;
}
