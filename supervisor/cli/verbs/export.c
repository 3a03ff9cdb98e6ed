#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/context.h"
#include "cli/export/verbs.h"
#include "cli/out.h"
#include "cli/shared/resolved.h"
#include "cli/shared/write_asking.h"
#include "cli/verbs/verb.h"
#include "export/exported.h"

typedef int exporter(struct exported *x, struct error *e);

/* ---- out ---- */

static void put_json(const struct exported *x)
{
	json_t *files = json_array(), *notes = json_array();
	for (size_t i = 0; i < x->file_count; i++)
		json_array_append_new(files, json_pack("{s:s, s:s}", "name", x->files[i].name, "text",
			text_string(&x->files[i].content)));
	for (size_t i = 0; i < x->note_count; i++)
		json_array_append_new(notes, json_string(x->notes[i]));
	out_json(json_pack("{s:i, s:o, s:o}", "version", 1, "files", files, "notes", notes));
}

/* Several files one after the other, each below its name, as `systemctl cat` shows them. */
static void print(const struct exported *x)
{
	OWNED_TEXT all = {0};
	for (size_t i = 0; i < x->file_count; i++) {
		if (x->file_count > 1)
			text_addf(&all, "%s# %s\n", i ? "\n" : "", x->files[i].name);
		text_add_bytes(&all, text_string(&x->files[i].content), x->files[i].content.length);
	}
	out_document(&all);
}

/* `output` is the file, or the directory of several. */
static int write_files(struct context *context, const struct exported *x, const char *output, struct error *e)
{
	bool many = x->file_count > 1;
	if (many && file_make_directories(output, e))
		return -1;
	for (size_t i = 0; i < x->file_count; i++) {
		const char *path = many ? arena_format(x->arena, "%s/%s", output, x->files[i].name) : output;
		if (write_asking(context, path, &x->files[i].content, e))
			return -1;
		if (!context->quiet)
			say("wrote %s", path);
	}
	return 0;
}

static int put(struct context *context, const struct exported *x, struct error *e)
{
	const char *output = option_value(&context->line, OPTION_OUTPUT);
	for (size_t i = 0; i < x->file_count; i++)
		if (!text_ok(&x->files[i].content))
			return fail(e, EXIT_FAILED, "out of memory");
	if (output && write_files(context, x, output, e))
		return -1;
	if (context->json)
		put_json(x);
	else if (!output)
		print(x);
	for (size_t i = 0; !context->quiet && i < x->note_count; i++)
		say("%s", x->notes[i]);
	return EXIT_DONE;
}

/* ---- the stack ---- */

static bool has_file(const char *dir, const char *name)
{
	OWNED_TEXT path = {0};
	text_addf(&path, "%s/%s", dir, name);
	return access(text_string(&path), F_OK) == 0;
}

static int export_resolved(struct context *context, struct resolved *r, exporter *run, struct error *e)
{
	static const char *const nothing[] = {NULL};
	const struct environment_facts facts = {.project = r->claim.project, .instance = r->claim.instance,
		.base_port = r->claim.base_port, .state_dir = r->claim.state_dir, .slug = r->stack->slug};
	const struct export_request request = {.stack = r->stack,
		.environments = environments_new(r->arena, r->stack, &facts, nothing),
		.path = getenv("PATH"),
		.for_system = option_given(&context->line, OPTION_SYSTEM),
		.has_file = has_file};
	struct exported x;
	exported_init(&x, &request, r->arena);
	int code = run(&x, e) ? -1 : put(context, &x, e);
	exported_release(&x);
	return code;
}

static int export_by(struct context *context, exporter *run, struct error *e)
{
	struct resolved r;
	int code = resolve_checked(context, &r, e);
	if (code == 0)
		code = export_resolved(context, &r, run, e);
	resolved_release(&r);
	return code;
}

/* ---- the family ---- */

#define EXPORT_VERB(name, options, summary)                                                        \
	static int run_##name(struct context *context, struct error *e)                            \
	{                                                                                          \
		return export_by(context, export_##name, e);                                       \
	}
#include "cli/export/verbs.def"
#undef EXPORT_VERB

#define O(id) OPTION_BIT(OPTION_##id)
static const struct subcommand rows[] = {
#define EXPORT_VERB(name, options, summary) {#name, options, 0, 0, "", summary, run_##name},
#include "cli/export/verbs.def"
#undef EXPORT_VERB
};
#undef O

const struct subcommands export_verbs = {.rows = rows, .count = sizeof rows / sizeof rows[0]};

int verb_export(struct context *context, struct error *e)
{
	return subcommands_run(&export_verbs, context, e);
}
