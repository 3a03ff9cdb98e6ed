#include "cli/instances/verbs.h"
#include "cli/instances/word.h"
#include "cli/out.h"
#include "model/names.h"
#include "registry/instances.h"

static int write_purpose(const struct target *target, const char *purpose, struct error *e)
{
	struct registry *r = registry_open(target->state, REGISTRY_WRITE, REGISTRY_BOOT_MS, NULL, e);
	if (!r)
		return -1;
	int result = registry_begin(r, e);
	if (!result && instance_describe(r, target->project_id, target->instance, NULL, purpose, e)) {
		registry_rollback(r);
		result = -1;
	} else if (!result) {
		result = registry_commit(r, e);
	}
	registry_close(r);
	return result;
}

int verb_instances_describe(struct context *context, struct error *e)
{
	const char *purpose = option_value(&context->line, OPTION_PURPOSE);
	struct target target;
	if (!purpose) {
		fail(e, EXIT_USAGE, "`instances describe` wants to know what the instance is for");
		error_hint(e, "say it with --purpose TEXT; an empty one means the usual purpose");
		return -1;
	}
	int result = instance_of_word(context, &target, e);
	if (!result)
		result = write_purpose(&target,
			*purpose ? purpose : instance_default_purpose(target.instance), e);
	target_release(&target);
	return result;
}
