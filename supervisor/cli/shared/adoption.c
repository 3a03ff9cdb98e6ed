#include "cli/shared/adoption.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/own.h"
#include "cli/ask.h"
#include "cli/context.h"
#include "cli/out.h"
#include "model/names.h"
#include "stackfile/describe.h"
#include "stackfile/draft.h"
#include "stackfile/locate.h"

#define STACK_FILE "stack.ini"

/* ---- where and under which name ---- */

static int find_base(struct adoption *a, struct error *e)
{
	const char *slash = a->output ? strrchr(a->output, '/') : NULL;
	const char *parent = !slash ? "." : slash == a->output ? "/"
		: arena_string_n(a->arena, a->output, (size_t)(slash - a->output));
	OWNED(char) real = realpath(parent, NULL);
	if (!real)
		return fail_errno(e, EXIT_FAILED, "cannot find the directory %s", parent);
	a->base = arena_string(a->arena, real);
	return 0;
}

/* The same in every worktree; nothing where a stack may not be called so. */
static const char *stack_name(struct arena *arena, const char *base)
{
	struct git_facts git;
	locate_git(arena, base, &git);
	const char *dir = git.present ? git.main_dir : base;
	const char *slash = strrchr(dir, '/');
	const char *name = slash ? slash + 1 : dir;
	size_t fine = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
	return *name && !name[fine] && fine <= 64 && *name != '.' && *name != '-' ? name : NULL;
}

int adoption_begin(struct context *context, struct adoption *a, struct error *e)
{
	*a = (struct adoption){.context = context, .arena = arena_new()};
	if (!a->arena)
		return fail(e, EXIT_FAILED, "out of memory");
	a->output = option_value(&context->line, OPTION_OUTPUT);
	sheet_init(&a->sheet, a->arena, &a->complaints);
	if (find_base(a, e))
		return -1;
	a->sheet.name = stack_name(a->arena, a->base);
	return 0;
}

int adoption_read(const char *path, struct text *content, struct error *e)
{
	if (!strcmp(path, "-"))
		return file_read_fd(STDIN_FILENO, "standard input", ADOPTION_SIZE_MOST, content, e);
	if (!file_read(path, ADOPTION_SIZE_MOST, content, e))
		return 0;
	e->code = EXIT_NOT_FOUND;
	return -1;
}

void adoption_release(struct adoption *a)
{
	complaints_release(&a->complaints);
	arena_free(a->arena);
}

/* ---- out ---- */

static size_t services_in(const struct sheet *sheet)
{
	size_t count = 0;
	for (size_t i = 0; i < sheet->count; i++)
		count += !sheet->services[i]->dropped;
	return count;
}

/* Some numbers will do: whether every reference has something to refer to does not depend on them. */
static void resolve_somehow(struct adoption *a, const struct draft *draft, struct complaints *complaints)
{
	int count;
	draft_ports(draft, &count);
	uint16_t *numbers = arena_take(a->arena, ((size_t)count + 1) * sizeof *numbers);
	for (int i = 0; i < count; i++)
		numbers[i] = (uint16_t)(PORTS_BASE + i);
	const struct stackfile_facts facts = {.instance = 1, .base_port = PORTS_BASE, .numbers = numbers,
		.project = "project", .state_dir = "/state", .log_dir = "/log", .slug = "slug", .branch = "branch"};
	stack_free(draft_resolve(draft, &facts, complaints));
}

/* As `stackup check` reads it. */
static void read_back(struct adoption *a, const struct text *text, struct complaints *complaints)
{
	struct document *document = document_parse(text_string(text), text->length,
		a->output ? a->output : STACK_FILE, a->base, complaints);
	const struct stackfile_request request = {.document = document,
		.caller_env = (const char *const *)environ,
		.default_name = "stack"};
	struct draft *draft = document ? draft_new(&request, complaints) : NULL;
	if (draft)
		resolve_somehow(a, draft, complaints);
	draft_free(draft);
	document_free(document);
}

static int write_file(struct adoption *a, const struct text *text, struct error *e)
{
	if (!access(a->output, F_OK)) {
		OWNED_TEXT question = {0};
		text_addf(&question, "replace %s", a->output);
		int yes = ask(a->context, text_string(&question), e);
		if (yes < 0)
			return -1;
		if (!yes)
			return fail(e, EXIT_FAILED, "%s stays as it is", a->output);
	}
	if (file_rewrite(a->output, text_string(text), text->length, e) < 0)
		return -1;
	if (!a->context->quiet)
		say("wrote %s: %zu service%s; `stackup check` looks at it, `stackup up` starts it", a->output,
			services_in(&a->sheet), services_in(&a->sheet) == 1 ? "" : "s");
	return 0;
}

static int put_out(struct adoption *a, const struct text *text, struct error *e)
{
	if (a->output && write_file(a, text, e))
		return -1;
	if (a->context->json)
		out_json(json_pack("{s:i, s:s?, s:s, s:o}", "version", 1, "file", a->output, "text",
			text_string(text), "complaints", complaints_json(&a->complaints)));
	else if (!a->output)
		out_document(text);
	return 0;
}

int adoption_finish(struct adoption *a, struct error *e)
{
	OWNED_TEXT text = {0};
	if (a->complaints.errors) {
		context_judge(a->context, &a->complaints, e);
		return fail(e, EXIT_BAD_FILE, "it has %zu mistake%s", a->complaints.errors,
			a->complaints.errors == 1 ? "" : "s");
	}
	if (!services_in(&a->sheet)) {
		complaints_print(&a->complaints, SEVERITY_WARNING, stderr);
		fail(e, EXIT_NOT_FOUND, "there is nothing in it that could be started");
		error_hint(e, "write [service NAME] and below it command = ... into a " STACK_FILE);
		return -1;
	}
	sheet_write(&a->sheet, &text);
	if (!text_ok(&text))
		return fail(e, EXIT_FAILED, "out of memory");
	complaints_sort(&a->complaints);
	read_back(a, &text, &a->complaints);
	if (put_out(a, &text, e))
		return -1;
	if (!a->context->quiet || a->complaints.errors)
		complaints_print(&a->complaints, SEVERITY_WARNING, stderr);
	return a->complaints.errors ? EXIT_NOT_AS_WANTED : EXIT_DONE;
}
