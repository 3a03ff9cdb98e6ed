#include <string.h>

#include "adopt/procfile.h"
#include "cli/context.h"
#include "cli/import/verbs.h"
#include "cli/shared/adoption.h"

static int import(struct adoption *a, const char *path, struct error *e)
{
	OWNED_TEXT content = {0};
	if (adoption_read(path, &content, e))
		return -1;
	const char *label = strcmp(path, "-") != 0 ? path : "<stdin>";
	a->sheet.title = arena_format(a->arena,
		"What %s says. Other than there, a service that fails is started again, the end of one does not end "
		"the others, and the caller's environment wins over .env.", label);
	adopt_procfile(&a->sheet, label, text_string(&content), content.length);
	return adoption_finish(a, e);
}

int verb_import_procfile(struct context *context, struct error *e)
{
	const char *path = context->line.words[1];
	struct adoption a;
	int code = adoption_begin(context, &a, e);
	if (code == 0)
		code = import(&a, path ? path : "Procfile", e);
	adoption_release(&a);
	return code;
}
