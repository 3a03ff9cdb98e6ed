#include "adopt/package.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/own.h"
#include "cli/context.h"
#include "cli/import/verbs.h"
#include "cli/shared/adoption.h"

/* The directory of the package.json that is named, or that is meant by naming its directory. */
static int find_directory(struct adoption *a, const char *path, const char **dir, struct error *e)
{
	struct stat s;
	if (stat(path, &s))
		return fail_errno(e, EXIT_NOT_FOUND, "cannot read %s", path);
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	if (!S_ISDIR(s.st_mode) && strcmp(name, "package.json") != 0)
		return fail(e, EXIT_USAGE, "%s is not a package.json", path);
	const char *parent = S_ISDIR(s.st_mode) ? path
		: slash ? arena_string_n(a->arena, path, (size_t)(slash - path + 1)) : ".";
	OWNED(char) real = realpath(parent, NULL);
	if (!real)
		return fail_errno(e, EXIT_NOT_FOUND, "cannot find %s", parent);
	*dir = arena_string(a->arena, real);
	return 0;
}

static int import(struct adoption *a, const char *path, struct error *e)
{
	const char *dir;
	if (find_directory(a, path, &dir, e))
		return -1;
	a->sheet.title = arena_format(a->arena, "What %s says.", path);
	const struct package_request request = {.sheet = &a->sheet, .dir = dir, .base = a->base};
	return adopt_package(&request, e) ? -1 : adoption_finish(a, e);
}

int verb_import_package(struct context *context, struct error *e)
{
	const char *path = context->line.words[1];
	struct adoption a;
	int code = adoption_begin(context, &a, e);
	if (code == 0)
		code = import(&a, path ? path : "package.json", e);
	adoption_release(&a);
	return code;
}
