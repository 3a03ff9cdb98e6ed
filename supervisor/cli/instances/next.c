#include "cli/instances/verbs.h"
#include "cli/out.h"
#include "cli/shared/resolved.h"

static void show(const struct context *context, const struct claim *claim)
{
	OWNED_TEXT out = {0};
	if (context->json) {
		out_json(json_pack("{si ss si si si}", "version", 1, "project", claim->project,
			"instance", claim->instance, "base_port", (int)claim->base_port, "spans",
			claim->spans));
		return;
	}
	text_addf(&out, "%d\n", claim->instance);
	out_text(&out);
}

int verb_instances_next(struct context *context, struct error *e)
{
	struct resolved r;
	context->choice = CHOICE_NEW;
	int result = resolve(context, &r, e);
	if (!result && !r.source.document)
		result = context_judge(context, &r.source.complaints, e);
	if (!result)
		show(context, &r.claim);
	resolved_release(&r);
	return result;
}
