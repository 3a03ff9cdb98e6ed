#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "adopt/repository.h"
#include "base/terminal.h"
#include "cli/context.h"
#include "cli/out.h"
#include "cli/shared/adoption.h"
#include "cli/verbs/verb.h"

#define STACK_FILE "stack.ini"

/* Enter is yes; the end of input is no. */
static bool agrees(const struct context *context, const char *question)
{
	char answer[8] = "";
	OWNED_TEXT safe = {0};
	if (context->yes)
		return true;
	terminal_add_strict(&safe, question, strlen(question));
	fprintf(stderr, "stackup: %s? [Y/n] ", text_string(&safe));
	if (!fgets(answer, sizeof answer, stdin))
		return false;
	return answer[0] == '\n' || answer[0] == 'y' || answer[0] == 'Y';
}

/* The service, and its name wherever others wait for it. */
static void drop(struct sheet *sheet, struct sheet_service *dropped)
{
	dropped->dropped = true;
	for (size_t i = 0; i < sheet->count; i++) {
		struct sheet_service *s = sheet->services[i];
		const char *list = sheet_value(s, "depends_on");
		if (!list || s->dropped)
			continue;
		sheet_unset(s, "depends_on");
		while (*list) {
			size_t length = strcspn(list, ",");
			const char *item = arena_string_n(sheet->arena, list, length);
			size_t name = strcspn(item, ":?");
			if (strlen(dropped->name) != name || strncmp(item, dropped->name, name) != 0)
				sheet_append(sheet, s, "depends_on", item);
			list += length + strspn(list + length, ", ");
		}
	}
}

static const char *what_runs(struct arena *arena, const struct sheet_service *s)
{
	const char *template = sheet_value(s, "template");
	const char *command = sheet_value(s, "command");
	if (template)
		return arena_format(arena, "the template %s", template);
	return arena_string_n(arena, command ? command : "", strcspn(command ? command : "", "\n"));
}

static void choose(struct adoption *a)
{
	for (size_t i = 0; i < a->sheet.count; i++) {
		struct sheet_service *s = a->sheet.services[i];
		if (!agrees(a->context, arena_format(a->arena, "from %s: start '%s' (%s)", s->file, s->name,
						what_runs(a->arena, s))))
			drop(&a->sheet, s);
	}
}

static int init(struct adoption *a, struct error *e)
{
	if (!access(STACK_FILE, F_OK)) {
		fail(e, EXIT_FAILED, "there is a " STACK_FILE " here already");
		error_hint(e, "`stackup check` looks at it; `stackup import` prints what other files say");
		return -1;
	}
	if (!a->context->yes && !isatty(STDIN_FILENO)) {
		fail(e, EXIT_USAGE, "there is nobody to ask what to take");
		error_hint(e, "say --yes for everything that is found");
		return -1;
	}
	a->output = STACK_FILE;
	const struct repository_request request = {.sheet = &a->sheet, .dir = a->base,
		.environment = (const char *const *)environ};
	if (adopt_repository(&request, e))
		return -1;
	choose(a);
	return adoption_finish(a, e);
}

int verb_init(struct context *context, struct error *e)
{
	struct adoption a;
	int code = adoption_begin(context, &a, e);
	if (code == 0)
		code = init(&a, e);
	adoption_release(&a);
	return code;
}
