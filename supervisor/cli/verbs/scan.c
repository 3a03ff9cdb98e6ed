#include <string.h>
#include <sys/stat.h>

#include "base/json_text.h"
#include "cli/context.h"
#include "cli/out.h"
#include "cli/shared/found.h"
#include "cli/shared/known.h"
#include "cli/verbs/verb.h"
#include "scan/conflicts.h"

/* ---- as JSON ---- */

static const char *or_null(const char *string)
{
	return *string ? string : NULL;
}

static void add_finding_json(struct text *out, const struct scan *scan, size_t i)
{
	const struct finding *f = &scan->findings[i];
	json_text_open(out, NULL, '{');
	json_text_string(out, "dir", f->root);
	json_text_string(out, "file", f->file);
	json_text_number(out, "line", f->line);
	json_text_number(out, "column", f->column);
	json_text_number(out, "start", (int64_t)f->start);
	json_text_number(out, "end", (int64_t)f->end);
	json_text_string(out, "value", f->value);
	json_text_string(out, "kind", finding_kind_word(f->kind));
	json_text_string(out, "role", finding_role_word(f->role));
	json_text_string(out, "form", finding_form_word(f->form));
	json_text_string(out, "host", or_null(f->host));
	json_text_string(out, "project", scan->projects[scan->owners[i]].name);
	json_text_string(out, "service", or_null(f->service));
	json_text_string(out, "variable", or_null(f->variable));
	json_text_boolean(out, "in_comment", f->in_comment);
	json_text_boolean(out, "in_container", f->in_container);
	json_text_boolean(out, "optional", f->is_optional);
	json_text_decimal(out, "confidence", f->confidence / 100.0, 2);
	json_text_string(out, "format", f->format);
	json_text_close(out, '}');
}

static void add_conflict_json(struct text *out, const struct scan *scan, const struct conflict *c)
{
	json_text_open(out, NULL, '{');
	json_text_string(out, "kind", conflict_kind_word(c->kind));
	json_text_number(out, "port", c->port);
	json_text_string(out, "text", c->text);
	json_text_open(out, "places", '[');
	for (size_t i = 0; i < c->count; i++) {
		const struct finding *f = &scan->findings[c->findings[i]];
		json_text_open(out, NULL, '{');
		json_text_string(out, "project", scan->projects[scan->owners[c->findings[i]]].name);
		json_text_string(out, "dir", f->root);
		json_text_string(out, "file", f->file);
		json_text_number(out, "line", f->line);
		json_text_string(out, "service", or_null(f->service));
		json_text_close(out, '}');
	}
	json_text_close(out, ']');
	json_text_close(out, '}');
}

static void print_json(const struct scan *scan, const struct conflicts *conflicts)
{
	OWNED_TEXT out = {0};
	json_text_open(&out, NULL, '{');
	json_text_number(&out, "version", 1);
	json_text_open(&out, "findings", '[');
	for (size_t i = 0; i < scan->count; i++)
		add_finding_json(&out, scan, i);
	json_text_close(&out, ']');
	json_text_open(&out, "conflicts", '[');
	for (size_t i = 0; i < conflicts->count; i++)
		add_conflict_json(&out, scan, &conflicts->items[i]);
	json_text_close(&out, ']');
	json_text_open(&out, "files", '{');
	json_text_number(&out, "read", (int64_t)scan->counts.read);
	json_text_number(&out, "too_large", (int64_t)scan->counts.too_large);
	json_text_number(&out, "unreadable", (int64_t)scan->counts.unreadable);
	json_text_close(&out, '}');
	json_text_close(&out, '}');
	text_add_char(&out, '\n');
	out_text(&out);
}

/* ---- for people ---- */

static void add_row(struct table *table, const struct scan *scan, size_t i, bool has_roots)
{
	const struct finding *f = &scan->findings[i];
	OWNED_TEXT place = {0};
	text_addf(&place, "%s%s%s:%d:%d", has_roots ? f->root : "", has_roots ? "/" : "", f->file, f->line, f->column);
	table_cell(table, COLOUR_NONE, text_string(&place));
	table_cell(table, COLOUR_BOLD, f->value);
	table_cell(table, f->in_comment ? COLOUR_GREY : COLOUR_NONE, finding_role_word(f->role));
	table_cell(table, COLOUR_NONE, f->service);
	table_cell(table, COLOUR_GREY, f->variable);
	table_cell(table, COLOUR_GREY, f->in_comment ? "in a comment" : f->is_optional ? "optional" : "");
}

static void show_findings(const struct context *context, const struct scan *scan)
{
	static const char *const headings[] = {"WHERE", "VALUE", "ROLE", "SERVICE", "DEFAULT OF", ""};
	OWNED_TEXT out = {0};
	bool has_roots = false;
	struct table *table = table_new(6);
	for (size_t i = 1; i < scan->count; i++)
		has_roots = has_roots || scan->findings[i].root != scan->findings[0].root;
	for (size_t i = 0; i < 6; i++)
		table_cell(table, COLOUR_GREY, headings[i]);
	for (size_t i = 0; i < scan->count; i++)
		add_row(table, scan, i, has_roots);
	table_print(table, context->colour, &out);
	table_free(table);
	text_add_char(&out, '\n');
	out_text(&out);
}

static void show_conflicts(const struct context *context, const struct conflicts *conflicts)
{
	OWNED_TEXT out = {0};
	for (size_t i = 0; i < conflicts->count; i++) {
		const struct conflict *c = &conflicts->items[i];
		bool is_notice = c->kind == CONFLICT_NOBODY_LISTENS;
		text_addf(&out, "%s%s%s: ", colour_on(context->colour, is_notice ? COLOUR_YELLOW : COLOUR_RED),
			is_notice ? "notice" : "conflict", colour_off(context->colour));
		terminal_add_strict(&out, c->text, strlen(c->text));
		text_add_char(&out, '\n');
	}
	out_text(&out);
}

static void show(const struct context *context, const struct scan *scan, const struct conflicts *conflicts)
{
	if (!context->quiet && scan->count)
		show_findings(context, scan);
	show_conflicts(context, conflicts);
	if (context->quiet)
		return;
	say("%zu of %zu files read, %zu ports and addresses in them, %zu conflicts and notices", scan->counts.read,
		scan->counts.files, scan->count, conflicts->count);
	if (scan->counts.too_large || scan->counts.unreadable)
		say("not looked at: %zu files of more than 1 MiB, %zu that cannot be read", scan->counts.too_large,
			scan->counts.unreadable);
}

/* ---- the verb ---- */

/* Whoever names a directory means it; a registered one may be gone. */
static bool is_there(const char *path)
{
	struct stat info;
	return !stat(path, &info) && S_ISDIR(info.st_mode);
}

/* The words, else the registered projects, else here. */
static size_t roots_of(const struct context *context, struct arena *arena, const struct known *known,
	const char ***out)
{
	const char **roots = NULL;
	size_t count = 0;
	for (size_t i = 0; i < context->line.word_count; i++)
		*arena_append(arena, roots, count) = context->line.words[i];
	for (size_t i = 0; !context->line.word_count && i < known->project_count; i++)
		if (is_there(known->projects[i].path))
			*arena_append(arena, roots, count) = known->projects[i].path;
	if (!count)
		*arena_append(arena, roots, count) = ".";
	*out = roots;
	return count;
}

static int exit_code(const struct context *context, const struct conflicts *conflicts)
{
	int code = EXIT_DONE;
	for (size_t i = 0; i < conflicts->count; i++) {
		if (conflicts->items[i].kind != CONFLICT_NOBODY_LISTENS && option_given(&context->line, OPTION_CI))
			return EXIT_CONFLICT;
		if (conflicts->items[i].kind == CONFLICT_REGISTRY)
			code = EXIT_NOT_AS_WANTED;
	}
	return code;
}

/* What was found is told in any case. */
static void record(const struct context *context, const struct scan *scan, const struct known *known)
{
	struct error e = {0};
	if (found_record(context, scan, known, &e) && !context->quiet)
		say("what was found is not in the registry: %s", e.text);
}

static int scan_and_show(struct context *context, struct arena *arena, struct error *e)
{
	struct scan scan = {0};
	struct known known;
	struct conflicts conflicts = {0};
	const char **roots;
	if (known_read(context, arena, &known, e))
		return -1;
	size_t count = roots_of(context, arena, &known, &roots);
	int result = scan_run(roots, count, &scan, e);
	if (result == 0) {
		record(context, &scan, &known);
		conflicts_find(&scan, &known, &conflicts);
		if (option_given(&context->line, OPTION_INTEGRITY))
			conflicts_integrity(&scan, &known, &conflicts);
		if (context->json)
			print_json(&scan, &conflicts);
		else
			show(context, &scan, &conflicts);
		result = exit_code(context, &conflicts);
	}
	scan_release(&scan);
	return result;
}

int verb_scan(struct context *context, struct error *e)
{
	struct arena *arena = arena_new();
	int result = arena ? scan_and_show(context, arena, e) : fail(e, EXIT_FAILED, "out of memory");
	if (arena)
		arena_free(arena);
	return result;
}
