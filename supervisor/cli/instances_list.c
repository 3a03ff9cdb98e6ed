#include "cli/context.h"
#include "cli/instances_verbs.h"
#include "cli/inventory_show.h"
#include "cli/out.h"

static void show(const struct context *context, const struct inventory *all)
{
	OWNED_TEXT out = {0};
	if (!all->projects[0].count)
		say("no instance of '%s' has been started yet", all->projects[0].row.name);
	inventory_show_instances(context, all, &all->projects[0], &out);
	out_text(&out);
}

int verb_instances_list(struct context *context, struct error *e)
{
	struct arena *arena = arena_new();
	struct inventory all;
	OWNED_TEXT json = {0};
	if (!arena)
		return fail(e, EXIT_FAILED, "out of memory");
	int result = inventory_here(context, NULL, arena, &all, e);
	if (!result && context->json) {
		inventory_add_instances(&json, &all);
		inventory_print_json(&json);
	} else if (!result) {
		show(context, &all);
	}
	arena_free(arena);
	return result;
}
