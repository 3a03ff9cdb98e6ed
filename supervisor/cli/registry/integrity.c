#include <string.h>

#include "base/terminal.h"
#include "cli/context.h"
#include "cli/out.h"
#include "cli/registry/verbs.h"
#include "registry/backup.h"
#include "registry/integrity.h"

static void show_json(const struct integrity *found)
{
	json_t *list = json_array();
	for (size_t i = 0; i < found->count; i++)
		json_array_append_new(list,
			json_pack("{ss ss}", "check", found->problems[i].check, "text",
				found->problems[i].text));
	out_json(json_pack("{si sb si so}", "version", 1, "sound", found->count == 0, "schema",
		found->version, "problems", list));
}

static void add_fix(struct text *out, const char *state)
{
	OWNED_TEXT copy = {0}, safe = {0};
	if (backup_newest(state, &copy)) {
		terminal_add_strict(&safe, text_string(&copy), copy.length);
		text_addf(out, "fix: stackup registry restore %s\n", text_string(&safe));
	} else {
		text_addf(out,
			"fix: mv %s/registry.db %s/registry.db.bad; the next stackup up makes a "
			"new one from what it remembers of every instance\n",
			state, state);
	}
}

static void show(const struct context *context, const struct integrity *found)
{
	OWNED_TEXT out = {0};
	if (!found->count && !context->quiet)
		text_addf(&out, "the registry is sound (version %d%s)\n", found->version,
			found->version > REGISTRY_VERSION
				? ", of a newer stackup: only its pages and keys were looked at"
				: "");
	for (size_t i = 0; i < found->count; i++) {
		terminal_add_strict(&out, found->problems[i].text, strlen(found->problems[i].text));
		text_add_char(&out, '\n');
	}
	if (found->count)
		add_fix(&out, context->paths.state);
	out_text(&out);
}

int verb_registry_integrity(struct context *context, struct error *e)
{
	struct integrity found;
	struct arena *arena = arena_new();
	if (!arena)
		return fail(e, EXIT_FAILED, "out of memory");
	int result = registry_integrity(context->paths.state, arena, &found, e);
	if (!result && context->json)
		show_json(&found);
	else if (!result)
		show(context, &found);
	if (!result && found.count)
		result = EXIT_REGISTRY;
	arena_free(arena);
	return result;
}
