#include "cli/leftovers.h"

#include <string.h>

#include "base/text.h"
#include "cli/out.h"
#include "ports/claim.h"

static void tell(const struct target *t, const struct owner_list *ended)
{
	OWNED_TEXT text = {0};
	text_addf(&text, "%s: its last run ended without being stopped (its supervisor died)",
		target_name(t));
	if (!ended->count)
		text_add(&text, "; nothing of it is left");
	else
		text_addf(&text, "; ended %zu process%s it left behind", ended->count,
			ended->count == 1 ? "" : "es");
	for (size_t i = 0; i < ended->count; i++) {
		const struct owner *o = &ended->items[i];
		text_addf(&text, "%s pid %d (%s)", i ? "," : ":", (int)o->pid,
			o->service ? o->service : o->name ? o->name : "?");
	}
	say_lines(text_string(&text));
}

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
		if (result > 0 || t->unclean)
			tell(t, &claim.removed);
		if (result >= 0 && t->unclean) {
			t->unclean = false;
			t->crashed = true;
		}
	}
	if (ended)
		*ended = claim.removed.count;
	claim_release(&claim);
	return result < 0 ? -1 : 0;
}
