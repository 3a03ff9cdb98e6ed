#include "cli/shared/others.h"

#include <stdlib.h>

bool others_run(struct context *context, int number, struct text *out)
{
	struct target *targets;
	size_t count;
	struct error ignored;
	OWNED_TEXT numbers = {0};
	int found = 0;
	if (context->choice != CHOICE_NONE)
		return false;
	context_targets(context, SET_PROJECT, &targets, &count, &ignored);
	for (size_t i = 0; i < count; i++) {
		if (targets[i].alive && targets[i].instance != number)
			text_addf(&numbers, "%s%d", found++ ? ", " : "", targets[i].instance);
		target_release(&targets[i]);
	}
	free(targets);
	if (found)
		text_addf(out, "instance%s %s %s", found > 1 ? "s" : "", text_string(&numbers),
			found > 1 ? "run" : "runs");
	return found;
}
