#include "cli/out.h"
#include "cli/shared/resolved.h"
#include "cli/verbs/verb.h"
#include "stackfile/describe.h"

int verb_config(struct context *context, struct error *e)
{
	struct resolved r;
	int code = resolve_checked(context, &r, e);
	if (code == 0 && context->json) {
		out_json(describe_config_json(r.stack));
	} else if (code == 0) {
		OWNED_TEXT out = {0};
		describe_config(r.stack, &out);
		out_document(&out);
	}
	resolved_release(&r);
	return code;
}
