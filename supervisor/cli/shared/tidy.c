#include "cli/shared/tidy.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/number.h"
#include "cli/context.h"
#include "cli/out.h"
#include "registry/chores.h"
#include "stackfile/user_file.h"
#include "upkeep/idle.h"

enum { DAY_S = 24 * 60 * 60, REVIEW_DAYS = 30, KEEP_MOST = 36500, TOLD_MOST = 2 };

int tidy_rules(const struct context *context, struct stale_rules *rules, struct error *e)
{
	const char *names[STALE_KIND_COUNT];
	const char *keep = option_value(&context->line, OPTION_KEEP);
	int64_t days;
	*rules = stale_rules_default();
	for (enum stale_kind kind = 0; kind < STALE_KIND_COUNT; kind++)
		names[kind] = stale_kind_word(kind);
	user_file_keep_days(
		(const char *const *)environ, names, rules->keep_days, STALE_KIND_COUNT);
	if (!keep)
		return 0;
	if (!number_parse(keep, 0, KEEP_MOST, &days))
		return fail(e, EXIT_USAGE, "--keep %s is no number of days: use 0 to %d", keep,
			KEEP_MOST);
	for (enum stale_kind kind = 0; kind < STALE_KIND_COUNT; kind++)
		rules->keep_days[kind] = (int)days;
	return 0;
}

/* "1 lease of shop instance 3 (its instance has not run since 2026-01-02)" */
static void add_line(struct text *out, const struct stale_fact *fact)
{
	char day[CLOCK_ISO_SIZE];
	clock_iso(fact->last_ms, day);
	text_addf(out, "%s (%s %.10s)", fact->what, stale_kind_why(fact->kind), day);
}

/* ---- whose turn it is ---- */

static bool is_due(struct registry *r, const char *chore, int64_t now)
{
	int64_t next = 0;
	/* Further away than it can be: the clock was wrong when it was put off. */
	return r && !chore_next(r, chore, &next, NULL) &&
		(now >= next || next > now + (int64_t)REVIEW_DAYS * DAY_S);
}

static bool looks_due(const struct context *context, const char *chore, int64_t now)
{
	struct error none = {0};
	struct registry *r = context_registry(context, &none);
	bool due = is_due(r, chore, now);
	registry_close(r);
	return due;
}

/* Of many who come by at once only one does it. */
static bool take_turn(const struct context *context, const char *chore, int64_t now, int days)
{
	struct error none = {0};
	if (!looks_due(context, chore, now))
		return false;
	struct registry *r =
		registry_open(context->paths.state, REGISTRY_WRITE, REGISTRY_LOOP_MS, NULL, &none);
	bool mine = r && !registry_begin(r, &none) && is_due(r, chore, now) &&
		!chore_put_off(r, chore, now + (int64_t)days * DAY_S, &none) &&
		!registry_commit(r, &none);
	registry_close(r);
	return mine;
}

static void put_off(const struct context *context, const char *chore, int64_t until)
{
	struct error none = {0};
	struct registry *r =
		registry_open(context->paths.state, REGISTRY_WRITE, REGISTRY_LOOP_MS, NULL, &none);
	if (r && !registry_begin(r, &none) && !chore_put_off(r, chore, until, &none))
		(void)registry_commit(r, &none);
	registry_close(r);
}

/* ---- a few stale things ---- */

static void tell_removed(const struct stale_facts *facts, size_t removed)
{
	OWNED_TEXT line = {0};
	size_t told = 0;
	for (size_t i = 0; i < facts->count && told < TOLD_MOST; i++) {
		if (facts->items[i].answer != STALE_GOES)
			continue;
		if (told++)
			text_add(&line, ", ");
		add_line(&line, &facts->items[i]);
	}
	if (removed > told)
		text_addf(&line, " and %zu more", removed - told);
	say("tidied the registry; removed: %s", text_string(&line));
}

static void tidy(const struct context *context, struct arena *arena)
{
	struct stale_rules rules;
	struct stale_facts facts;
	struct error none = {0};
	size_t removed = 0;
	if (tidy_rules(context, &rules, &none))
		return;
	rules.in_passing = true;
	if (stale_look(context->paths.state, &rules, arena, &facts, &none) ||
		!stale_plan(&rules, &facts))
		return;
	(void)stale_remove(context->paths.state, &facts, &removed, &none);
	if (removed && !context->quiet)
		tell_removed(&facts, removed);
}

/* ---- idle instances ---- */

static size_t count_idle(const struct context *context, struct arena *arena)
{
	struct inventory all;
	struct idle_list idle;
	struct error none = {0};
	if (inventory_read(context->paths.state, 0, arena, &all, &none))
		return 0;
	idle_find(context->paths.state, &all, clock_wall_ms(), IDLE_DAYS, arena, &idle);
	return idle.count;
}

/* Looked for every day until there is something to mention; then a month later. */
static void review(const struct context *context, struct arena *arena, int64_t now)
{
	size_t count = count_idle(context, arena);
	if (!count)
		return;
	put_off(context, CHORE_REVIEW, now + (int64_t)REVIEW_DAYS * DAY_S);
	say("%zu instance%s not been used for %d days; `stackup instances --unused --machine` tells "
	    "which, and how to release %s",
		count, count == 1 ? " has" : "s have", IDLE_DAYS, count == 1 ? "it" : "them");
}

void tidy_in_passing(const struct context *context)
{
	int64_t now = clock_wall_ms() / 1000;
	bool shows = err_is_terminal() && !context->quiet;
	struct arena *arena = arena_new();
	if (!arena)
		return;
	if (take_turn(context, CHORE_TIDY, now, 1))
		tidy(context, arena);
	if (shows && take_turn(context, CHORE_REVIEW, now, 1))
		review(context, arena, now);
	arena_free(arena);
}
