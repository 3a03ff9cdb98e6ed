#include "adopt/compose.h"

#include <unistd.h>

#include "cli/context.h"
#include "cli/import/verbs.h"
#include "cli/shared/adoption.h"

static int choose_files(struct adoption *a, struct compose_request *request, const char *found[2], struct error *e)
{
	const struct command_line *line = &a->context->line;
	request->files = line->words + 1;
	request->file_count = line->word_count - 1;
	if (request->file_count)
		return 0;
	request->files = found;
	request->file_count = compose_default_files(a->arena, ".", found);
	if (request->file_count)
		return 0;
	fail(e, EXIT_NOT_FOUND, "there is no compose file here");
	error_hint(e, "name it: stackup import compose FILE");
	return -1;
}

static int import(struct adoption *a, struct error *e)
{
	const char *found[2];
	struct compose_request request = {.sheet = &a->sheet, .base = a->base,
		.environment = (const char *const *)environ,
		.templates = option_given(&a->context->line, OPTION_TEMPLATES)};
	if (choose_files(a, &request, found, e))
		return -1;
	OWNED_TEXT title = {0};
	text_add(&title, "What");
	for (size_t i = 0; i < request.file_count; i++)
		text_addf(&title, "%s %s", i ? " and" : "", request.files[i]);
	text_addf(&title, " say%s.", request.file_count == 1 ? "s" : "");
	a->sheet.title = arena_string(a->arena, text_string(&title));
	return adopt_compose(&request, e) ? -1 : adoption_finish(a, e);
}

int verb_import_compose(struct context *context, struct error *e)
{
	struct adoption a;
	int code = adoption_begin(context, &a, e);
	if (code == 0)
		code = import(&a, e);
	adoption_release(&a);
	return code;
}
