#include "base/terminal.h"
#include "cli/context.h"
#include "cli/out.h"
#include "cli/registry/verbs.h"
#include "registry/backup.h"

static void show(const struct context *context, const struct backup *backup)
{
	const char *path = text_string(&backup->path);
	OWNED_TEXT out = {0};
	if (context->json) {
		out_json(json_pack("{si s{ss% sI si si si}}", "version", 1, "backup", "file", path,
			backup->path.length, "bytes", (json_int_t)backup->bytes, "schema",
			backup->version, "projects", backup->projects, "instances",
			backup->instances));
		return;
	}
	terminal_add_strict(&out, path, backup->path.length);
	text_add_char(&out, '\n');
	out_text(&out);
	if (!context->quiet)
		say("%d project%s, %d instance%s, %lld bytes, checked", backup->projects,
			backup->projects == 1 ? "" : "s", backup->instances,
			backup->instances == 1 ? "" : "s", (long long)backup->bytes);
}

int verb_registry_backup(struct context *context, struct error *e)
{
	const struct command_line *line = &context->line;
	struct backup backup = {0};
	int result = registry_backup(context->paths.state,
		line->word_count > 1 ? line->words[1] : NULL, context->yes, &backup, e);
	if (!result)
		show(context, &backup);
	backup_release(&backup);
	return result;
}
