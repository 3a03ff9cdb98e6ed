#include "cli/shared/leftovers.h"

#include "base/text.h"
#include "claim/claim.h"
#include "cli/out.h"
#include "orphans/death.h"

static void add_ended(struct text *text, const struct owner_list *ended)
{
	text_addf(text, "; ended %zu process%s it left behind", ended->count,
		ended->count == 1 ? "" : "es");
	for (size_t i = 0; i < ended->count; i++) {
		const struct owner *o = &ended->items[i];
		text_addf(text, "%s pid %d (%s)", i ? "," : ":", (int)o->pid,
			o->service ? o->service : o->name ? o->name : "?");
	}
}

static void add_death(struct text *text, const struct target *t)
{
	OWNED_TEXT log = {0};
	text_addf(&log, "%s/supervisor.log", t->state_dir);
	text_addf(text, "%s: its last run ended without being stopped: ", target_name(t));
	death_explain(text_string(&log), text);
}

void leftovers_tell(const struct target *t)
{
	OWNED_TEXT text = {0};
	add_death(&text, t);
	say_lines(text_string(&text));
}

static void tell(const struct target *t, const struct owner_list *ended)
{
	OWNED_TEXT text = {0};
	add_death(&text, t);
	if (ended->count)
		add_ended(&text, ended);
	else if (t->unclean)
		text_add(&text, "; nothing of it is left");
	say_lines(text_string(&text));
}

static int clean(struct context *context, struct target *t, bool away, struct claim *claim,
	struct error *e)
{
	const struct claim_request request = {.state = context->paths.state,
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
	if (claim_find(&request, claim, e) < 0)
		return -1;
	if (claim->outcome == CLAIM_RUNNING)
		return 0;
	return claim_clean(context->paths.state, claim, away, e);
}

int leftovers_clear(struct context *context, struct target *t, bool away, struct error *e)
{
	if (!t->unclean && !t->crashed)
		return 0;
	struct claim claim;
	claim_init(&claim);
	bool look = t->unclean || away;
	int result = look ? clean(context, t, away, &claim, e) : 1;
	if (result > 0 && (look || !context->quiet))
		tell(t, &claim.removed);
	if (result >= 0) {
		t->unclean = false;
		t->crashed = result > 0;
	}
	claim_release(&claim);
	return result < 0 ? -1 : 0;
}
