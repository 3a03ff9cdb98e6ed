#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "cli/context.h"
#include "cli/out.h"
#include "cli/registry/verbs.h"
#include "ledger/apply.h"
#include "ledger/collect.h"

/* What --format says, else what the name of the file means, else JSON. */
static int choose_format(const struct context *context, const char *path,
	enum ledger_format *format, struct error *e)
{
	const char *word = option_value(&context->line, OPTION_DOCUMENT);
	*format = path ? ledger_format_of(path, "", 0) : LEDGER_JSON;
	if (context->json)
		*format = LEDGER_JSON;
	return word ? ledger_format_parse(word, format, e) : 0;
}

/* To standard output where path is NULL. */
static int write_document(
	const struct context *context, enum ledger_format format, const char *path, struct error *e)
{
	struct ledger ledger;
	OWNED_TEXT document = {0};
	struct arena *arena = arena_new();
	if (!arena)
		return fail(e, EXIT_FAILED, "out of memory");
	int result = ledger_collect_state(context->paths.state, format, arena, &ledger, e);
	if (!result && path)
		result = ledger_write_file(&ledger, format, path, e) < 0 ? -1 : 0;
	else if (!result)
		ledger_write(&ledger, format, &document);
	arena_free(arena);
	if (!result && !text_ok(&document))
		return fail(e, EXIT_FAILED, "out of memory");
	if (!result && !path)
		out_document(&document);
	return result;
}

static int write_once(const struct context *context, const char *path, struct error *e)
{
	enum ledger_format format;
	return choose_format(context, path, &format, e) ? -1
							: write_document(context, format, path, e);
}

/* ---- a file that follows ---- */

/* Absolute, so that it means the same from everywhere; a link at its end stays one. */
static int find_place(const char *path, struct text *out, struct error *e)
{
	const char *slash = strrchr(path, '/');
	OWNED_TEXT directory = {0};
	text_add_bytes(&directory, path, slash ? (size_t)(slash - path + 1) : 0);
	OWNED(char) real = realpath(slash ? text_string(&directory) : ".", NULL);
	if (!real && *path != '/')
		return fail_errno(e, EXIT_FAILED, "cannot find the directory of %s", path);
	const char *name = slash ? slash + 1 : path;
	if (!*name)
		return fail(e, EXIT_USAGE, "%s is a directory, not a file", path);
	if (real)
		text_addf(out, "%s/%s", strcmp(real, "/") != 0 ? real : "", name);
	else
		text_add(out, path);
	return text_ok(out) ? 0 : fail(e, EXIT_FAILED, "out of memory");
}

static int follow(struct registry *r, const struct export_row *row, bool off, struct error *e)
{
	if (registry_begin(r, e))
		return -1;
	int got = off ? export_drop(r, row->path, e) : export_put(r, row, e);
	if (off && got == 0) {
		fail(e, EXIT_NOT_FOUND, "%s does not follow the registry", row->path);
		error_hint(e, "`stackup registry show` names the files that do");
	}
	if (got < 0 || (off && got == 0)) {
		registry_rollback(r);
		return -1;
	}
	return registry_commit(r, e);
}

static int change_following(
	const struct context *context, const struct export_row *row, bool off, struct error *e)
{
	OWNED_TEXT notices = {0};
	struct registry *r =
		registry_open(context->paths.state, REGISTRY_WRITE, REGISTRY_BOOT_MS, &notices, e);
	say_lines(text_string(&notices));
	int result = r ? follow(r, row, off, e) : -1;
	registry_close(r);
	if (!result && !context->quiet)
		say(off ? "%s stays as it is" : "%s is kept like the registry from now on",
			row->path);
	return result;
}

/* A file that cannot be written is told here, where somebody reads it. */
static int sync_file(const struct context *context, const char *path, struct error *e)
{
	bool off = option_given(&context->line, OPTION_OFF);
	enum ledger_format format;
	OWNED_TEXT place = {0};
	if (find_place(path, &place, e) || choose_format(context, path, &format, e))
		return -1;
	const struct export_row row = {.path = place.data, .format = ledger_format_word(format)};
	if (!off && write_document(context, format, row.path, e))
		return -1;
	return change_following(context, &row, off, e);
}

int verb_registry_export(struct context *context, struct error *e)
{
	const struct command_line *line = &context->line;
	const char *output = option_value(line, OPTION_OUTPUT);
	const char *sync = option_value(line, OPTION_SYNC);
	if (output && sync)
		return fail(
			e, EXIT_USAGE, "--output writes once and --sync goes on: use one of them");
	if (!sync && option_given(line, OPTION_OFF))
		return fail(e, EXIT_USAGE, "--off wants to know the file: --sync FILE --off");
	return sync ? sync_file(context, sync, e) : write_once(context, output, e);
}
