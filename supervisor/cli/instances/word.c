#include "cli/instances/word.h"

#include "base/number.h"
#include "ports/policy.h"

int instance_of_word(struct context *context, struct target *target, struct error *e)
{
	const char *word = context->line.words[1];
	int64_t number;
	*target = (struct target){0};
	if (!number_parse(word, 1, INSTANCE_MOST, &number))
		return fail(e, EXIT_USAGE, "'%s' is no instance: use 1 to %d", word, INSTANCE_MOST);
	context->choice = CHOICE_NUMBER;
	context->number = (int)number;
	return context_target(context, target, e);
}
