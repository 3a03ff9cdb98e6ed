#include <string.h>

#include "base/json_text.h"
#include "base/terminal.h"
#include "cli/context.h"
#include "cli/out.h"
#include "cli/registry/truth.h"
#include "cli/registry/verbs.h"
#include "cli/shared/inventory_show.h"

static const char unjudged_reason[] =
	"it is not there and its parent directory is empty: it was removed, or its disk is not "
	"mounted";

static void add_unjudged(struct text *out, const struct unjudged *u)
{
	json_text_open(out, NULL, '{');
	json_text_string(out, "project", u->project);
	json_text_number(out, "instance", u->instance);
	json_text_string(out, "path", u->path);
	json_text_string(out, "reason", unjudged_reason);
	json_text_close(out, '}');
}

static void print_json(const struct truth *truth)
{
	const struct verification *found = &truth->found;
	OWNED_TEXT out = {0};
	json_text_open(&out, NULL, '{');
	json_text_number(&out, "version", 1);
	json_text_decimal(&out, "accuracy", verify_permille(found) / 10.0, 1);
	json_text_number(&out, "examined", (int64_t)found->examined);
	json_text_number(&out, "true", (int64_t)found->is_true);
	json_text_open(&out, "differences", '[');
	for (size_t i = 0; i < found->count; i++) {
		const struct difference *d = &found->items[i];
		json_text_open(&out, NULL, '{');
		json_text_string(&out, "kind", verify_kind_word(d->kind));
		json_text_string(&out, "project", d->project);
		json_text_number(&out, "instance", d->instance);
		json_text_string(&out, "service", d->service);
		json_text_number(&out, "port", d->port);
		json_text_string(&out, "reason", d->reason);
		json_text_string(&out, "fix", verify_kind_fix(d->kind));
		json_text_close(&out, '}');
	}
	json_text_close(&out, ']');
	json_text_open(&out, "not_judged", '[');
	for (size_t i = 0; i < found->unjudged_count; i++)
		add_unjudged(&out, &found->unjudged[i]);
	json_text_close(&out, ']');
	json_text_close(&out, '}');
	inventory_print_json(&out);
}

static bool is_same(const struct difference *a, const struct difference *b)
{
	return a->kind == b->kind && a->instance == b->instance &&
		!strcmp(a->project, b->project) && !strcmp(a->reason, b->reason);
}

/* What differs in the same way many times is one row. */
static void add_row(struct table *table, const struct difference *d, size_t count)
{
	OWNED_TEXT whose = {0}, port = {0};
	text_addf(&whose, "%s%s", d->project, d->instance ? " instance " : "");
	if (d->instance)
		text_addf(&whose, "%d", d->instance);
	if (*d->service && count == 1)
		text_addf(&whose, " '%s'", d->service);
	if (d->port)
		text_addf(&port, "%u", d->port);
	if (count > 1)
		text_addf(&port, " and %zu more", count - 1);
	table_cell(table, COLOUR_BOLD, text_string(&whose));
	table_cell(table, COLOUR_NONE, text_string(&port));
	table_cell(table, COLOUR_RED, d->reason);
	table_cell(table, COLOUR_GREY, verify_kind_fix(d->kind));
}

static void tell_unjudged(struct text *out, const struct unjudged *u)
{
	text_addf(out, "not judged: %s", u->project);
	if (u->instance)
		text_addf(out, " instance %d", u->instance);
	text_add(out, ", ");
	terminal_add_strict(out, u->path, strlen(u->path));
	text_addf(out, ": %s\n", unjudged_reason);
}

static void show(const struct context *context, const struct truth *truth)
{
	static const char *const headings[] = {"WHOSE", "PORT", "DIFFERENCE", "WHAT HELPS"};
	const struct verification *found = &truth->found;
	int permille = verify_permille(found);
	OWNED_TEXT out = {0};
	text_addf(&out, "accuracy %d.%d %%: %zu of %zu rows are true\n", permille / 10,
		permille % 10, found->is_true, found->examined);
	if (found->count) {
		struct table *table = table_new(4);
		for (size_t i = 0; i < 4; i++)
			table_cell(table, COLOUR_GREY, headings[i]);
		for (size_t i = 0, next; i < found->count; i = next) {
			for (next = i + 1; next < found->count; next++)
				if (!is_same(&found->items[i], &found->items[next]))
					break;
			add_row(table, &found->items[i], next - i);
		}
		table_print(table, context->colour, &out);
		table_free(table);
	}
	for (size_t i = 0; i < found->unjudged_count; i++)
		tell_unjudged(&out, &found->unjudged[i]);
	out_text(&out);
}

int verb_registry_verify(struct context *context, struct error *e)
{
	struct truth truth;
	int result = truth_find(context, &truth, e);
	if (!result && truth.mute)
		say("%zu supervisor%s did not answer: whether services are ready there is unknown",
			truth.mute, truth.mute == 1 ? "" : "s");
	if (!result && context->json)
		print_json(&truth);
	else if (!result)
		show(context, &truth);
	if (!result && truth.found.count)
		result = option_given(&context->line, OPTION_CI) ? EXIT_CONFLICT
								 : EXIT_NOT_AS_WANTED;
	truth_release(&truth);
	return result;
}
