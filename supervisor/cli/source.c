#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "base/utf8.h"
#include "cli/context.h"

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash && slash[1] ? slash + 1 : path;
}

/*
 * Where to look for the stack file: here, or with --project where that project is. A project the
 * registry does not know is a name for the stack of this directory.
 */
static int starting_place(
	struct context *context, struct arena *arena, const char **place, struct error *e)
{
	OWNED(char) here = getcwd(NULL, 0);
	if (!here)
		return fail_errno(e, EXIT_FAILED, "the current directory cannot be read");
	*place = arena_string(arena, here);
	if (!option_value(&context->line, OPTION_PROJECT) || option_value(&context->line, OPTION_FILE))
		return 0;
	struct target target;
	struct error ignored;
	if (context_target(context, &target, &ignored) < 0 && !target.project_id) {
		target_release(&target);
		return 0;
	}
	const char *there = target.worktree[0] ? target.worktree : target.main_dir;
	size_t length = strlen(there);
	bool inside = strncmp(here, there, length) == 0 && (!here[length] || here[length] == '/');
	if (!inside)
		*place = arena_string(arena, there);
	target_release(&target);
	return 0;
}

static void name_stack(struct context *context, struct source *source)
{
	const char *project = option_value(&context->line, OPTION_PROJECT);
	const char *named = source->document ? document_name(source->document) : NULL;
	source->name = project ? project : named ? named : last_part(source->main_dir);
}

/* Paths are stored, sent and shown as text. */
static int check_path(const char *path, struct error *e)
{
	if (utf8_is_text(path))
		return 0;
	fail(e, EXIT_BAD_FILE, "the path %s is not UTF-8", path);
	error_hint(e, "give what is not another name, or move the project");
	return -1;
}

int context_source(struct context *context, struct source *source, struct error *e)
{
	*source = (struct source){.arena = arena_new()};
	if (!source->arena)
		return fail(e, EXIT_FAILED, "out of memory");
	struct locate_request request = {.file = option_value(&context->line, OPTION_FILE),
		.variable = getenv("STACKUP_FILE"),
		.home = getenv("HOME")};
	if (starting_place(context, source->arena, &request.cwd, e) < 0 ||
		locate_stack_file(source->arena, &request, &source->location, e) < 0)
		return -1;
	locate_git(source->arena, source->location.dir, &source->git);
	bool git = source->git.present;
	source->main_dir = git ? source->git.main_dir : source->location.dir;
	source->worktree = git ? source->git.top : source->location.dir;
	if (check_path(source->location.file, e) || check_path(source->location.dir, e) ||
		check_path(source->main_dir, e))
		return -1;
	source->document = document_read_as(
		source->location.file, source->location.shown, &source->complaints);
	name_stack(context, source);
	return 0;
}

void source_release(struct source *source)
{
	document_free(source->document);
	complaints_release(&source->complaints);
	arena_free(source->arena);
	*source = (struct source){0};
}
