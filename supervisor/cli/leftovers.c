#include "cli/leftovers.h"

#include <string.h>

#include "base/text.h"
#include "cli/out.h"
#include "ports/claim.h"

int leftovers_clear(struct context *context, struct target *t, size_t *ended, struct error *e)
{
	if (ended)
		*ended = 0;
	if (t->alive || !t->known)
		return 0;
	struct claim claim;
	claim_init(&claim);
	struct claim_request request = {.state = context->paths.state,
		.main_dir = t->main_dir,
		.stack_name = t->stack_name,
		.owner = "",
		.worktree = t->worktree,
		.branch = t->branch,
		.run_id = "",
		.block = -1,
		.spans = t->spans > 0 ? t->spans : 1,
		.want = WANT_NUMBER,
		.number = t->instance};
	int result = claim_find(&request, &claim, e);
	if (result == 0 && claim.outcome != CLAIM_RUNNING) {
		result = claim_clean(context->paths.state, &claim, e);
		say_lines(text_string(&claim.notices));
		if (result >= 0)
			t->unclean = false;
	}
	if (ended)
		*ended = claim.removed.count;
	claim_release(&claim);
	return result < 0 ? -1 : 0;
}
