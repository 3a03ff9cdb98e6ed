#include "cli/shared/write_asking.h"

#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/ask.h"
#include "cli/context.h"

enum { COMPARED_MOST = 16 * 1024 * 1024 };

static bool is_the_same(const char *path, const struct text *text)
{
	OWNED_TEXT there = {0};
	struct error ignored;
	return file_read(path, COMPARED_MOST, &there, &ignored) == 0 && there.length == text->length &&
		memcmp(text_string(&there), text_string(text), text->length) == 0;
}

int write_asking(struct context *context, const char *path, const struct text *text, struct error *e)
{
	if (access(path, F_OK) == 0) {
		if (is_the_same(path, text))
			return 0;
		OWNED_TEXT question = {0};
		text_addf(&question, "replace %s", path);
		int yes = ask(context, text_string(&question), e);
		if (yes < 0)
			return -1;
		if (!yes)
			return fail(e, EXIT_FAILED, "%s stays as it is", path);
	}
	return file_rewrite(path, text_string(text), text->length, e) < 0 ? -1 : 0;
}
