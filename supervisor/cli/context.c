#include "cli/context.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/number.h"
#include "base/own.h"
#include "cli/habits.h"
#include "cli/out.h"
#include "ports/policy.h"
#include "stackfile/describe.h"

static bool is_set(const char *variable)
{
	const char *value = getenv(variable);
	return value && value[0];
}

static int want_colour(const struct command_line *line, int fd, bool *colour, struct error *e)
{
	const char *when = option_value(line, OPTION_COLOR);
	if (when && strcmp(when, "always") != 0 && strcmp(when, "never") != 0 &&
		strcmp(when, "auto") != 0)
		return fail(e, EXIT_USAGE, "--color wants auto, always or never, not '%s'", when);
	if (option_given(line, OPTION_NO_COLOR))
		when = "never";
	if (when && strcmp(when, "auto") != 0) {
		*colour = strcmp(when, "always") == 0;
		return 0;
	}
	const char *term = getenv("TERM");
	*colour = isatty(fd) && (!term || strcmp(term, "dumb") != 0);
	/* https://no-color.org and https://force-color.org; the refusal is the stronger one. */
	const char *force = getenv("FORCE_COLOR");
	if (force && force[0] && strcmp(force, "0") != 0)
		*colour = true;
	if (is_set("NO_COLOR"))
		*colour = false;
	return 0;
}

/* `exec -it` of other programs is an instance 't' here. */
static int refuse_choice(const struct context *context, const char *from, const char *text, struct error *e)
{
	const struct command_row *command = context->line.command;
	const char *instead = command ? habit_instead(command->name, text) : NULL;
	fail(e, EXIT_USAGE, "%s wants a number from 1 to %d, auto or new, not '%s'", from,
		(int)INSTANCE_MOST, text);
	if (instead)
		error_hint(e, "%s", instead);
	return -1;
}

static int take_choice(struct context *context, struct error *e)
{
	const char *text = option_value(&context->line, OPTION_INSTANCE);
	const char *from = "--instance";
	int64_t number = 0;
	if (!text && is_set("STACKUP_INSTANCE")) {
		text = getenv("STACKUP_INSTANCE");
		from = "STACKUP_INSTANCE";
	}
	if (!text)
		context->choice = CHOICE_NONE;
	else if (strcmp(text, "auto") == 0)
		context->choice = CHOICE_AUTO;
	else if (strcmp(text, "new") == 0)
		context->choice = CHOICE_NEW;
	else if (number_parse(text, 1, INSTANCE_MOST, &number))
		context->choice = CHOICE_NUMBER;
	else
		return refuse_choice(context, from, text, e);
	context->number = context->choice == CHOICE_NUMBER ? (int)number : 0;
	return 0;
}

/* Programs believe their PWD, and it is handed on to them. */
static int change_directory(const char *directory, struct error *e)
{
	if (chdir(directory))
		return fail_errno(e, EXIT_USAGE, "cannot work in %s", directory);
	OWNED(char) here = getcwd(NULL, 0);
	if (here)
		setenv("PWD", here, true);
	else
		unsetenv("PWD");
	return 0;
}

int context_init(struct context *context, struct error *e)
{
	const struct command_line *line = &context->line;
	context->quiet = option_given(line, OPTION_QUIET);
	context->verbose = option_given(line, OPTION_VERBOSE);
	context->yes = option_given(line, OPTION_YES);
	if (want_colour(line, STDOUT_FILENO, &context->colour, e) < 0 ||
		want_colour(line, STDERR_FILENO, &context->error_colour, e) < 0)
		return -1;
	if (take_choice(context, e) < 0)
		return -1;
	const char *directory = option_value(line, OPTION_DIRECTORY);
	if (directory && change_directory(directory, e))
		return -1;
	if (paths_find(&context->paths, e) < 0)
		return -1;
	if (context->verbose && context->paths.notice)
		say("%s", context->paths.notice);
	return 0;
}

void context_release(struct context *context)
{
	command_line_release(&context->line);
	paths_release(&context->paths);
	json_decref(context->error_extra);
	context->error_extra = NULL;
}

struct registry *context_registry(const struct context *context, struct error *e)
{
	OWNED_TEXT notices = {0};
	struct registry *r =
		registry_open(context->paths.state, REGISTRY_READ, REGISTRY_BOOT_MS, &notices, e);
	say_lines(text_string(&notices));
	return r;
}

enum target_set context_set(const struct context *context)
{
	if (option_given(&context->line, OPTION_MACHINE))
		return SET_MACHINE;
	return option_given(&context->line, OPTION_ALL) ? SET_PROJECT : SET_ONE;
}

int context_judge(struct context *context, struct complaints *complaints, struct error *e)
{
	/* Notices are for who starts it, not for every `stackup port`. */
	bool starts = context->verbose || strcmp(context->line.command->name, "up") == 0;
	complaints_sort(complaints);
	if (!context->quiet || complaints->errors)
		complaints_print(complaints, starts ? SEVERITY_NOTICE : SEVERITY_WARNING, stderr);
	if (!complaints->errors)
		return 0;
	json_decref(context->error_extra);
	json_t *list = complaints_json(complaints);
	context->error_extra = list ? json_pack("{s:o}", "complaints", list) : NULL;
	fail(e, EXIT_BAD_FILE, "the stack file has %zu mistake%s", complaints->errors,
		complaints->errors == 1 ? "" : "s");
	return -1;
}
