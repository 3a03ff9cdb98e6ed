#include "claim/forget.h"
#include "cli/instances/verbs.h"
#include "cli/instances/word.h"
#include "cli/out.h"

int verb_instances_release(struct context *context, struct error *e)
{
	struct target target;
	OWNED_TEXT kept = {0};
	int result = instance_of_word(context, &target, e);
	if (!result) {
		const struct project project = {.id = target.project_id, .name = target.project};
		result = instance_forget(context->paths.state, &project, target.instance,
			"instances release", &kept, e);
	}
	if (!result)
		say("%s is nobody's now%s%s", target_name(&target),
			kept.length ? "; its state is kept as " : "", text_string(&kept));
	target_release(&target);
	return result;
}
