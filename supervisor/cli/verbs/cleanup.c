#include <unistd.h>

#include "base/clock.h"
#include "base/json_text.h"
#include "base/number.h"
#include "cli/ask.h"
#include "cli/context.h"
#include "cli/out.h"
#include "cli/ports/protects.h"
#include "cli/shared/inventory_show.h"
#include "cli/shared/tidy.h"
#include "cli/verbs/verb.h"
#include "registry/projects.h"
#include "upkeep/debris.h"

enum { NAMED_MOST = 3, DAYS_MOST = 36500 };

struct cleaning {
	struct context *context;
	struct arena *arena;
	struct debris_rules rules;
	struct protects protects; /* owns; the rules borrow from it */
	struct debris debris;
	bool is_dry;
};

/* What becomes of a thing, as JSON groups it. */
enum fate { FATE_REMOVED, FATE_KEPT, FATE_SKIPPED, FATE_FAILED, FATE_COUNT };

static enum fate fate_of(enum debris_answer answer)
{
	static const enum fate fates[] = {[DEBRIS_GOES] = FATE_REMOVED,
		[DEBRIS_ASKS] = FATE_KEPT,
		[DEBRIS_LIVES] = FATE_KEPT,
		[DEBRIS_YOUNG] = FATE_KEPT,
		[DEBRIS_CHANGED] = FATE_KEPT,
		[DEBRIS_GUARDED] = FATE_SKIPPED,
		[DEBRIS_LINK] = FATE_SKIPPED,
		[DEBRIS_FOREIGN] = FATE_SKIPPED,
		[DEBRIS_OCCUPIED] = FATE_SKIPPED,
		[DEBRIS_FAILED] = FATE_FAILED};
	return fates[answer];
}

static size_t count_of(const struct cleaning *c, enum fate fate)
{
	size_t count = 0;
	for (size_t i = 0; i < c->debris.count; i++)
		count += fate_of(c->debris.items[i].answer) == fate;
	return count;
}

static void add_size(struct text *out, int64_t bytes)
{
	static const char *const units[] = {"bytes", "KB", "MB", "GB", "TB"};
	double shown = (double)bytes;
	size_t unit = 0;
	while (shown >= 1000 && unit + 1 < sizeof units / sizeof units[0]) {
		shown /= 1000;
		unit++;
	}
	text_addf(out, unit ? "%.1f %s" : "%.0f %s", shown, units[unit]);
}

/* ---- JSON ---- */

static void add_fact(struct text *out, const struct debris_fact *fact)
{
	json_text_open(out, NULL, '{');
	json_text_string(out, "kind", debris_kind_word(fact->kind));
	json_text_string(out, "project", fact->project);
	json_text_number(out, "instance", fact->instance);
	json_text_string(out, "what", fact->what);
	if (fact->pid)
		json_text_number(out, "pid", fact->pid);
	if (*fact->path)
		json_text_string(out, "path", fact->path);
	if (fact->kind == DEBRIS_STATE || fact->kind == DEBRIS_ASIDE)
		json_text_number(out, "bytes", fact->bytes);
	json_text_string(out, "why", fact->why);
	if (fact->answer != DEBRIS_GOES)
		json_text_string(out, "reason", debris_reason(fact));
	json_text_close(out, '}');
}

static void print_json(const struct cleaning *c)
{
	static const char *const keys[FATE_COUNT] = {"removed", "kept", "skipped", "failed"};
	OWNED_TEXT out = {0};
	json_text_open(&out, NULL, '{');
	json_text_number(&out, "version", 1);
	json_text_boolean(&out, "dry_run", c->is_dry);
	for (enum fate fate = 0; fate < FATE_COUNT; fate++) {
		json_text_open(&out, keys[fate], '[');
		for (size_t i = 0; i < c->debris.count; i++)
			if (fate_of(c->debris.items[i].answer) == fate)
				add_fact(&out, &c->debris.items[i]);
		json_text_close(&out, ']');
	}
	json_text_close(&out, '}');
	inventory_print_json(&out);
}

/* ---- for people ---- */

static const char *verdict_of(const struct cleaning *c, const struct debris_fact *fact)
{
	static const char *const words[FATE_COUNT] = {"removed", "stays", "skipped", "failed"};
	if (fact->answer == DEBRIS_GOES)
		return c->is_dry ? "goes" : fact->kind == DEBRIS_PROCESS ? "ended" : "removed";
	return words[fate_of(fact->answer)];
}

static enum colour colour_of(const struct debris_fact *fact)
{
	static const enum colour colours[FATE_COUNT] = {
		COLOUR_YELLOW, COLOUR_GREY, COLOUR_GREY, COLOUR_RED};
	return colours[fate_of(fact->answer)];
}

static void add_row(struct table *table, const struct cleaning *c, const struct debris_fact *fact)
{
	OWNED_TEXT home = {0}, what = {0}, why = {0};
	text_addf(&home, "%s %d", fact->project, fact->instance);
	bool has_data = fact->kind == DEBRIS_STATE || fact->kind == DEBRIS_ASIDE;
	if (has_data && !fact->is_link) {
		text_add(&what, "data and logs, ");
		add_size(&what, fact->bytes);
		text_add(&what, ": ");
	}
	text_add(&what, fact->what);
	text_add(&why, fact->why);
	if (fact->answer != DEBRIS_GOES)
		text_addf(&why, "; %s", debris_reason(fact));
	table_cell(table, colour_of(fact), verdict_of(c, fact));
	table_cell(table, COLOUR_NONE, text_string(&home));
	table_cell(table, COLOUR_NONE, text_string(&what));
	table_cell(table, COLOUR_NONE, text_string(&why));
}

/* What is too young is told to those who ask for more. */
static bool is_shown(const struct cleaning *c, const struct debris_fact *fact)
{
	bool stays = fact->answer == DEBRIS_YOUNG || fact->answer == DEBRIS_LIVES;
	return !stays || c->context->verbose;
}

static void add_table(const struct cleaning *c, struct text *out)
{
	static const char *const headings[] = {"", "INSTANCE", "WHAT", "WHY"};
	struct table *table = table_new(4);
	size_t shown = 0;
	for (size_t i = 0; i < 4; i++)
		table_cell(table, COLOUR_GREY, headings[i]);
	for (size_t i = 0; i < c->debris.count; i++) {
		if (!is_shown(c, &c->debris.items[i]))
			continue;
		add_row(table, c, &c->debris.items[i]);
		shown++;
	}
	if (shown)
		table_print(table, c->context->colour, out);
	table_free(table);
}

static size_t count_asking(const struct cleaning *c, int64_t *bytes)
{
	size_t count = 0;
	*bytes = 0;
	for (size_t i = 0; i < c->debris.count; i++) {
		if (c->debris.items[i].answer != DEBRIS_ASKS)
			continue;
		*bytes += c->debris.items[i].bytes;
		count++;
	}
	return count;
}

static void show(const struct cleaning *c)
{
	OWNED_TEXT out = {0}, size = {0};
	int64_t bytes;
	size_t asking = count_asking(c, &bytes);
	add_table(c, &out);
	out_text(&out);
	if (c->context->quiet)
		return;
	if (!out.length)
		say("nothing is left of dead instances");
	else if (c->is_dry)
		say("a dry run: nothing was touched");
	if (!asking)
		return;
	add_size(&size, bytes);
	say("data and logs are deleted only when you say so: `stackup cleanup --yes` deletes "
	    "these %s", text_string(&size));
}

/* ---- data and logs ---- */

static void add_question(const struct cleaning *c, size_t asking, int64_t bytes, struct text *out)
{
	size_t named = 0;
	text_add(out, "delete data and logs for good, ");
	add_size(out, bytes);
	text_add(out, ": ");
	for (size_t i = 0; i < c->debris.count && named < NAMED_MOST; i++)
		if (c->debris.items[i].answer == DEBRIS_ASKS)
			text_addf(out, "%s%s", named++ ? ", " : "", c->debris.items[i].path);
	if (asking > named)
		text_addf(out, " and %zu more", asking - named);
}

/* Without a terminal nobody is asked: then they stay, and what is safe is done. */
static int ask_for_data(struct cleaning *c, struct error *e)
{
	OWNED_TEXT question = {0};
	int64_t bytes;
	size_t asking = count_asking(c, &bytes);
	bool can_ask = isatty(STDIN_FILENO) && err_is_terminal() && !c->context->json;
	if (!asking || !can_ask)
		return 0;
	add_question(c, asking, bytes, &question);
	int said = ask(c->context, text_string(&question), e);
	c->rules.may_delete = said > 0;
	return said < 0 ? -1 : 0;
}

/* ---- the verb ---- */

/* $STACKUP_INSTANCE means nothing here: in a shell of `exec`, too, the machine is meant. */
static int read_place(struct cleaning *c, struct error *e)
{
	c->rules.project = option_value(&c->context->line, OPTION_PROJECT);
	if (!option_value(&c->context->line, OPTION_INSTANCE))
		return 0;
	if (c->context->choice != CHOICE_NUMBER)
		return fail(e, EXIT_USAGE, "`cleanup` wants the number of an instance");
	c->rules.instance = c->context->number;
	return 0;
}

/* A name of which nothing was found may be misspelt. */
static int check_project(const struct cleaning *c, struct error *e)
{
	struct project row;
	if (!c->rules.project || c->debris.count)
		return 0;
	struct registry *r = context_registry(c->context, e);
	int got = r ? project_find_by_name(r, c->rules.project, c->arena, &row, e) : -1;
	registry_close(r);
	if (got)
		return got < 0 ? -1 : 0;
	fail(e, EXIT_NOT_FOUND, "there is no project '%s', and nothing is left of one",
		c->rules.project);
	error_hint(e, "`stackup registry list` shows them");
	return -1;
}

static int read_rules(struct cleaning *c, struct error *e)
{
	const char *days = option_value(&c->context->line, OPTION_OLDER_THAN);
	struct stale_rules stale;
	int64_t number;
	if (tidy_rules(c->context, &stale, e) || protects_read(c->context, &c->protects, e))
		return -1;
	c->rules = (struct debris_rules){.state = c->context->paths.state,
		.run = c->context->paths.run,
		.now_ms = clock_wall_ms(),
		.keep_days = stale.keep_days[STALE_DIRECTORY],
		.may_delete = c->context->yes,
		.protects = c->protects.ports,
		.protect_count = c->protects.count};
	if (read_place(c, e))
		return -1;
	if (!days)
		return 0;
	if (!number_parse(days, 0, DAYS_MOST, &number))
		return fail(e, EXIT_USAGE, "--older-than %s is no number of days", days);
	c->rules.keep_days = (int)number;
	return 0;
}

static int clean(struct cleaning *c, struct error *e)
{
	if (read_rules(c, e) || debris_look(&c->rules, c->arena, &c->debris, e))
		return -1;
	if (check_project(c, e))
		return -1;
	debris_plan(&c->rules, &c->debris);
	if (!c->is_dry) {
		if (ask_for_data(c, e))
			return -1;
		debris_plan(&c->rules, &c->debris);
		if (debris_remove(&c->rules, &c->debris, c->arena, e))
			return -1;
	}
	if (c->context->json)
		print_json(c);
	else
		show(c);
	return count_of(c, FATE_FAILED) ? EXIT_FAILED : EXIT_DONE;
}

int verb_cleanup(struct context *context, struct error *e)
{
	struct cleaning c = {.context = context, .arena = arena_new(),
		.is_dry = option_given(&context->line, OPTION_DRY_RUN)};
	if (!c.arena)
		return fail(e, EXIT_FAILED, "out of memory");
	int result = clean(&c, e);
	debris_release(&c.debris);
	protects_release(&c.protects);
	arena_free(c.arena);
	return result;
}
