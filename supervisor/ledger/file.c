#include <string.h>

#include "base/file.h"
#include "base/marked.h"
#include "ledger/apply.h"
#include "ledger/collect.h"

enum { TEXT_MOST = 64 * 1024 * 1024 };

static const struct marks comments = {.begin = "<!-- stackup: begin", .end = "<!-- stackup: end"};

/* In somebody's text the tables have no title of their own. */
static const char *without_title(const char *document)
{
	static const char title[] = "# Ports\n\n";
	return strncmp(document, title, sizeof title - 1) ? document : document + sizeof title - 1;
}

static int rewrite(const char *path, const struct text *content, struct error *e)
{
	if (!text_ok(content))
		return fail(e, EXIT_FAILED, "cannot write %s: out of memory", path);
	return file_rewrite(path, text_string(content), content->length, e);
}

int ledger_write_file(
	const struct ledger *ledger, enum ledger_format format, const char *path, struct error *e)
{
	OWNED_TEXT document = {0}, there = {0}, whole = {0};
	ledger_write(ledger, format, &document);
	bool in_text = format == LEDGER_MARKDOWN && !file_read(path, TEXT_MOST, &there, NULL) &&
		marked_is_there(&comments, there.data, there.length);
	if (!in_text)
		return rewrite(path, &document, e);
	if (marked_replace(&comments, path, there.data, there.length,
		    without_title(text_string(&document)), &whole, e))
		return -1;
	return rewrite(path, &whole, e);
}

int ledger_keep(
	struct registry *r, const char *state, const struct export_row *row, struct error *e)
{
	struct ledger ledger;
	enum ledger_format format;
	struct arena *arena = arena_new();
	if (!arena)
		return fail(e, EXIT_FAILED, "cannot write %s: out of memory", row->path);
	int result = ledger_format_parse(row->format, &format, e);
	if (!result)
		result = ledger_collect(r, state, format, arena, &ledger, e);
	if (!result)
		result = ledger_write_file(&ledger, format, row->path, e) < 0 ? -1 : 0;
	arena_free(arena);
	return result;
}
