#include "base/clock.h"
#include "base/json_text.h"
#include "cli/context.h"
#include "cli/out.h"
#include "cli/registry/verbs.h"
#include "cli/shared/idle_show.h"
#include "cli/shared/inventory_show.h"
#include "cli/shared/tidy.h"

struct tidying {
	struct context *context;
	struct arena *arena;
	struct stale_rules rules;
	struct stale_facts facts;
	size_t going; /* by the plan, or removed */
	bool is_dry;
	struct inventory all;
	struct idle_list idle;
};

/* ---- JSON ---- */

static void add_fact(struct text *out, const struct tidying *t, const struct stale_fact *fact)
{
	char iso[CLOCK_ISO_SIZE];
	bool goes = fact->answer == STALE_GOES;
	json_text_open(out, NULL, '{');
	json_text_string(out, "kind", stale_kind_word(fact->kind));
	json_text_string(out, "what", fact->what);
	json_text_string(out, "project", fact->project);
	json_text_number(out, "instance", fact->instance);
	json_text_number(out, "port", fact->port);
	json_text_string(out, "path", fact->path);
	json_text_string(out, "last_used_at", clock_iso(fact->last_ms, iso));
	if (fact->answer == STALE_YOUNG)
		json_text_string(out, "until", clock_iso(stale_until(&t->rules, fact), iso));
	json_text_string(out, "reason",
		goes ? stale_kind_why(fact->kind) : stale_answer_sentence(fact->answer));
	json_text_close(out, '}');
}

static void add_facts(struct text *out, const char *key, const struct tidying *t, bool going)
{
	json_text_open(out, key, '[');
	for (size_t i = 0; i < t->facts.count; i++)
		if ((t->facts.items[i].answer == STALE_GOES) == going)
			add_fact(out, t, &t->facts.items[i]);
	json_text_close(out, ']');
}

static void print_json(const struct tidying *t)
{
	OWNED_TEXT out = {0};
	json_text_open(&out, NULL, '{');
	json_text_number(&out, "version", 1);
	json_text_boolean(&out, "dry_run", t->is_dry);
	add_facts(&out, "removed", t, true);
	add_facts(&out, "kept", t, false);
	idle_add_json(&out, &t->idle);
	json_text_close(&out, '}');
	inventory_print_json(&out);
}

/* ---- for people ---- */

static const char *verdict_of(const struct tidying *t, const struct stale_fact *fact)
{
	if (fact->answer == STALE_GOES)
		return t->is_dry ? "goes" : "removed";
	return "kept";
}

static void add_row(struct table *table, const struct tidying *t, const struct stale_fact *fact)
{
	char day[CLOCK_ISO_SIZE];
	OWNED_TEXT why = {0};
	bool goes = fact->answer == STALE_GOES;
	if (goes)
		text_addf(&why, "%s %.10s", stale_kind_why(fact->kind),
			clock_iso(fact->last_ms, day));
	else
		text_add(&why, stale_answer_sentence(fact->answer));
	if (fact->answer == STALE_YOUNG)
		text_addf(&why, ", until %.10s", clock_iso(stale_until(&t->rules, fact), day));
	table_cell(table, goes ? COLOUR_YELLOW : COLOUR_GREY, verdict_of(t, fact));
	table_cell(table, COLOUR_NONE, fact->what);
	table_cell(table, COLOUR_NONE, text_string(&why));
}

static size_t count_of(const struct tidying *t, enum stale_answer answer)
{
	size_t count = 0;
	for (size_t i = 0; i < t->facts.count; i++)
		count += t->facts.items[i].answer == answer;
	return count;
}

/* That what runs stays is told to those who ask for more. */
static void show_facts(const struct tidying *t, struct text *out)
{
	static const char *const headings[] = {"", "WHAT", "WHY"};
	struct table *table = table_new(3);
	size_t shown = 0;
	for (size_t i = 0; i < 3; i++)
		table_cell(table, COLOUR_GREY, headings[i]);
	for (size_t i = 0; i < t->facts.count; i++) {
		const struct stale_fact *fact = &t->facts.items[i];
		if (fact->answer == STALE_LIVES && !t->context->verbose)
			continue;
		add_row(table, t, fact);
		shown++;
	}
	if (shown)
		table_print(table, t->context->colour, out);
	table_free(table);
}

static void show(const struct tidying *t)
{
	OWNED_TEXT out = {0};
	show_facts(t, &out);
	if (!t->going)
		say(count_of(t, STALE_YOUNG) ? "nothing in the registry is old enough to go; `--keep 0` "
					       "removes what is kept for its age"
					     : "nothing in the registry is stale");
	else if (t->is_dry)
		say("a dry run: nothing was removed");
	if (t->is_dry && t->idle.count) {
		text_addf(&out, "%sNot used for %d days:\n", out.length ? "\n" : "", IDLE_DAYS);
		idle_show(t->context, &t->idle, &out);
	}
	out_text(&out);
}

/* ---- the verb ---- */

static int run(struct tidying *t, struct error *e)
{
	const char *state = t->context->paths.state;
	if (tidy_rules(t->context, &t->rules, e) ||
		stale_look(state, &t->rules, t->arena, &t->facts, e))
		return -1;
	t->going = stale_plan(&t->rules, &t->facts);
	int result = 0;
	if (!t->is_dry && t->going)
		result = stale_remove(state, &t->facts, &t->going, e);
	/* A directory that cannot be removed does not make the rest unsaid. */
	if (result && !t->going)
		return -1;
	struct error none = {0};
	if (!inventory_read(state, 0, t->arena, &t->all, &none))
		idle_find(state, &t->all, t->rules.now_ms, IDLE_DAYS, t->arena, &t->idle);
	if (t->context->json)
		print_json(t);
	else
		show(t);
	return result;
}

int verb_registry_gc(struct context *context, struct error *e)
{
	struct tidying t = {.context = context,
		.arena = arena_new(),
		.is_dry = option_given(&context->line, OPTION_DRY_RUN)};
	if (!t.arena)
		return fail(e, EXIT_FAILED, "out of memory");
	int result = run(&t, e);
	arena_free(t.arena);
	return result;
}
