#include <string.h>

#include "base/terminal.h"

#include "cli/ask.h"
#include "cli/context.h"
#include "cli/out.h"
#include "cli/registry/verbs.h"
#include "registry/restore.h"

static const char *const outcome_words[] = {
	[RESTORE_GAINED] = "gained", [RESTORE_LOST] = "lost", [RESTORE_KEPT] = "kept"};

static json_t *changes_json(const struct restore *found, enum restore_outcome outcome)
{
	json_t *list = json_array();
	for (size_t i = 0; i < found->count; i++) {
		const struct restore_change *change = &found->changes[i];
		if (change->outcome == outcome)
			json_array_append_new(list,
				json_pack("{ss so}", "project", change->project, "instance",
					change->instance ? json_integer(change->instance)
							 : json_null()));
	}
	return list;
}

static void show_json(const struct context *context, const struct restore *found, bool dry)
{
	json_t *restore = json_pack("{ss si sb so}", "file", context->line.words[1], "schema",
		found->version, "dry_run", dry, "before",
		found->aside.length ? json_string(text_string(&found->aside)) : json_null());
	for (enum restore_outcome i = RESTORE_GAINED; i <= RESTORE_KEPT; i++)
		json_object_set_new(restore, outcome_words[i], changes_json(found, i));
	out_json(json_pack("{si so}", "version", 1, "restore", restore));
}

static void add_change(struct text *out, const struct restore_change *change)
{
	static const char signs[] = {
		[RESTORE_GAINED] = '+', [RESTORE_LOST] = '-', [RESTORE_KEPT] = '='};
	text_addf(out, "%c ", signs[change->outcome]);
	if (change->instance)
		text_addf(out, "instance %d of ", change->instance);
	else
		text_add(out, "project ");
	terminal_add_strict(out, change->project, strlen(change->project));
	text_add(out, change->outcome == RESTORE_KEPT ? ", as it is now: it runs\n" : "\n");
}

static void show_changes(const struct restore *found)
{
	OWNED_TEXT out = {0};
	for (size_t i = 0; i < found->count; i++)
		add_change(&out, &found->changes[i]);
	if (!found->count)
		text_add(&out, "the projects and instances are the same\n");
	out_text(&out);
}

static int run(struct context *context, bool dry, bool shown, struct error *e)
{
	struct restore found;
	struct arena *arena = arena_new();
	if (!arena)
		return fail(e, EXIT_FAILED, "out of memory");
	int result = registry_restore(
		context->paths.state, context->line.words[1], dry, arena, &found, e);
	say_lines(text_string(&found.notices));
	if (!result && context->json && shown)
		show_json(context, &found, dry);
	else if (!result && !context->json && dry)
		show_changes(&found);
	if (!result && !dry && !context->quiet)
		say("the registry is that of %s; the one before is kept as %s",
			context->line.words[1], text_string(&found.aside));
	restore_release(&found);
	arena_free(arena);
	return result;
}

/* What would change comes first, then the question, then the restore, which looks again. */
int verb_registry_restore(struct context *context, struct error *e)
{
	bool dry = option_given(&context->line, OPTION_DRY_RUN);
	if (run(context, true, dry, e))
		return -1;
	if (dry)
		return EXIT_DONE;
	int answer = ask(context, "replace the registry of this machine", e);
	if (answer > 0)
		return run(context, false, true, e);
	if (!answer)
		say("nothing was done");
	return answer ? -1 : EXIT_FAILED;
}
