#include <string.h>

#include "base/own.h"
#include "claim/parts.h"
#include "orphans/kin.h"
#include "ports/policy.h"

struct resolve_rules claim_rules(const struct claim *claim, const struct claim_options *options)
{
	return (struct resolve_rules){.strategy = options->strategy, .strict = options->strict,
		.may_ask = options->may_ask, .wish = options->wish,
		.patience_ms = options->wait_ms, .base_port = claim->base_port,
		.slots = instance_slots(claim->spans), .emergency_low = claim->emergency_low,
		.emergency_high = claim->emergency_high, .choices = options->choices,
		.choice_count = options->choice_count};
}

void claim_find_owners(const char *state, const struct claim_options *options,
	const struct socket_list *sockets, struct owner_list *out)
{
	bool may_stop = options->strategy == STRATEGY_AGGRESSIVE || options->may_ask ||
		options->choice_count || options->wish != RESOLVE_IGNORE;
	if (may_stop)
		owners_find(sockets, out);
	else
		owners_find_one(sockets, out);
	kin_mark_owners(state, out);
}

bool boarding_wants(const struct boarding *b, uint16_t port, bool udp)
{
	for (size_t i = 0; i < b->count; i++)
		if (b->ports[i].number == port && port_is_udp(&b->ports[i]) == udp)
			return true;
	return false;
}

/* For a row, when no other wants it and we have or can have it. */
static bool take_place(void *self, const struct conflict *c, uint16_t port)
{
	struct boarding *b = self;
	int row = (int)(c->row - b->ports);
	struct pooled *known = boarding_find(b, port, c->udp);
	struct pooled item = {.hold = HOLD_NONE, .fresh = true, .row = row};
	if (claim_avoids(b->claim, c->row, port) || boarding_wants(b, port, c->udp) ||
		(known && known->row >= 0))
		return false;
	if (known) {
		known->row = row;
		return true;
	}
	if (hold_take(&item.hold, port, c->udp, NULL))
		return false;
	if (list_push(&b->pool, item))
		return true;
	hold_close(&item.hold);
	return false;
}

/* A port that a row has taken for a try is no row's number. */
static void give_back(struct boarding *b, size_t kept)
{
	for (size_t i = kept; i < b->pool.count; i++)
		hold_close(&b->pool.items[i].hold);
	b->pool.count = kept;
	for (size_t i = 0; i < kept; i++) {
		struct pooled *item = &b->pool.items[i];
		if (item->row >= 0 && b->ports[item->row].number != item->hold.port)
			item->row = -1;
	}
}

bool boarding_has_places(struct boarding *b)
{
	struct resolve_rules rules = claim_rules(b->claim, b->options);
	size_t kept = b->pool.count;
	bool all = true;
	for (size_t i = 0; i < b->troubles.count; i++) {
		struct conflict tried = b->troubles.items[i].plan;
		if (tried.action == RESOLVE_MOVE)
			resolve_place(&rules, &tried, take_place, b);
		all = all && !resolve_is_fatal(&tried);
	}
	give_back(b, kept);
	return all;
}

static void move(struct boarding *b, const struct trouble *t)
{
	struct port *row = &b->ports[t->row];
	row->moved_from = row->moved_from ? row->moved_from : t->port;
	row->number = t->plan.move_to;
	if (port_has_slot(row))
		row->slot = claim_slot_of(b->claim, row->number);
}

static void add_sentence(const struct boarding *b, const struct trouble *t, const char *verb,
	struct text *out)
{
	text_addf(out, "port %u", t->port);
	if (t->row >= 0) {
		const struct port *row = &b->ports[t->row];
		bool main_port = !strcmp(row->name, "main");
		text_addf(out, " of service '%s'%s%s%s", row->service, main_port ? "" : " (port.",
			main_port ? "" : row->name, main_port ? "" : ")");
	}
	text_addf(out, " %s %s", verb, t->holder);
}

/* A stranger on a port of the range that nobody needs is worth a word, a lingering connection not. */
static bool is_worth_a_word(const struct trouble *t)
{
	switch (t->verdict.class) {
	case CLASS_OTHER_INSTANCE:
	case CLASS_OTHER_PROJECT:
	case CLASS_OTHER_REGISTRY:
	case CLASS_FOREIGN:
	case CLASS_OTHER_USER:
	case CLASS_CONTAINER:
	case CLASS_PROTECTED:
	case CLASS_WRONG_FAMILY:
	case CLASS_OWN_STALE:
		return true;
	case CLASS_FREE:
	case CLASS_OWN_LIVE:
	case CLASS_LEASED:
	case CLASS_RESERVED:
	case CLASS_EPHEMERAL:
	case CLASS_TIME_WAIT:
	case CLASS_PRIVILEGED:
	case CLASS_UNKNOWN:
		return false;
	}
	return false;
}

/* The next port of the same stranger. */
static bool goes_on(const struct trouble *t, const struct trouble *next)
{
	return t->row < 0 && next->row < 0 && t->udp == next->udp && t->port + 1 == next->port &&
		t->plan.action == next->plan.action && t->verdict.class == next->verdict.class &&
		!strcmp(t->holder, next->holder);
}

static void tell_ignored(const struct boarding *b, const struct trouble *t, const char *sentence)
{
	struct text *out = &b->claim->notices;
	const struct trouble *end = b->troubles.items + b->troubles.count;
	const struct trouble *last = t;
	if (!is_worth_a_word(t) || (t > b->troubles.items && goes_on(t - 1, t)))
		return;
	while (last + 1 < end && goes_on(last, last + 1))
		last++;
	if (last == t)
		text_addf(out, "%s; %s\n", sentence, t->plan.reason);
	else
		text_addf(out, "ports %u-%u are %s; no service uses them\n", t->port, last->port,
			t->holder);
}

/* Nobody is told to stop what must not be stopped. */
static bool may_be_stopped(const struct boarding *b)
{
	for (size_t i = 0; i < b->troubles.count; i++) {
		const struct conflict *c = &b->troubles.items[i].plan;
		if (c->row && c->action != RESOLVE_MOVE && c->untouchable)
			return false;
	}
	return true;
}

/* Nor is anybody told to move what never moves. */
static bool may_move(const struct boarding *b)
{
	for (size_t i = 0; i < b->troubles.count; i++)
		if (resolve_is_fatal(&b->troubles.items[i].plan) &&
			resolve_can_move(&b->troubles.items[i].plan))
			return true;
	return false;
}

/* The error's text has an end: whole sentences that fit, and how many more there are. */
static int fail_conflicts(const struct boarding *b, size_t count, struct error *e)
{
	const char *all = text_string(&b->claim->conflicts);
	size_t used = 0, told = 0;
	for (const char *line = all; *line; told++) {
		size_t length = strcspn(line, "\n") + 1;
		if (used + length > ERROR_TEXT_SIZE - 80)
			break;
		used += length;
		line += length;
	}
	if (told == count || !told)
		fail(e, EXIT_CONFLICT, "%.*s", (int)(used ? used - 1 : ERROR_TEXT_SIZE - 1), all);
	else
		fail(e, EXIT_CONFLICT, "%.*sand %zu more", (int)used, all, count - told);
	bool stop = may_be_stopped(b), moves = may_move(b);
	error_hint(e, "%s%s%schange the stack file; `stackup ports resolve` helps with it",
		stop ? "stop what has the port, " : "",
		moves ? "let the service move (a slot, or `range = LOW-HIGH` for a fixed port), " : "",
		stop || moves ? "or " : "");
	return -1;
}

/* Own leftovers are told one by one, each process with its line. */
static void tell_settled(const struct boarding *b)
{
	for (size_t i = 0; i < b->settled.count; i++) {
		const struct trouble *t = &b->settled.items[i];
		OWNED_TEXT sentence = {0};
		if (t->row < 0 || t->verdict.class == CLASS_OWN_STALE)
			continue;
		add_sentence(b, t, "was", &sentence);
		text_addf(&b->claim->notices, t->plan.waited ? "%s; waited for it: %s\n"
							     : "%s; stopped: %s\n",
			text_string(&sentence), t->plan.reason);
	}
}

static void tell_moved(const struct boarding *b, const struct trouble *t, const char *sentence)
{
	struct text *out = &b->claim->notices;
	text_add(out, sentence);
	if (t->plan.not_stopped)
		text_addf(out, "; not stopped: %s", t->plan.reason);
	if (t->plan.emergency)
		text_addf(out, "; nothing else is free for it: it gets the emergency port %u, until "
			"`stackup ports resolve` finds it a better one\n", t->plan.move_to);
	else
		text_addf(out, "; it gets port %u\n", t->plan.move_to);
}

static void add_question(const struct boarding *b, const struct trouble *t, const char *sentence)
{
	struct claim *claim = b->claim;
	struct claim_question *q =
		arena_append(claim->arena, claim->questions, claim->question_count);
	const struct owner *holder = t->verdict.holder;
	*q = (struct claim_question){.service = arena_string(claim->arena, t->plan.row->service),
		.name = arena_string(claim->arena, t->plan.row->name), .port = t->port,
		.line = t->plan.row->line,
		.text = arena_format(claim->arena, "%s; %s", sentence, t->plan.reason),
		.can_stop = resolve_can_stop(&t->plan), .can_move = resolve_can_move(&t->plan),
		.move_to = t->plan.move_to, .pid = holder ? holder->pid : 0,
		.start_ticks = holder ? holder->start_ticks : 0};
}

/* Its service tries again when it is started, and the others need not wait. */
static bool give_up(struct boarding *b, const struct trouble *t, const char *sentence)
{
	struct port *row = &b->ports[t->row];
	row->lost = row->optional;
	if (row->lost)
		text_addf(&b->claim->notices, "%s; %s; '%s' is optional: the others start without it\n",
			sentence, t->plan.reason, row->service);
	return row->lost;
}

/* Tells what became of it; true when the launch need not fail for it. */
static bool settle(struct boarding *b, struct trouble *t)
{
	OWNED_TEXT sentence = {0};
	add_sentence(b, t, "is", &sentence);
	const char *text = text_string(&sentence);
	switch (t->plan.action) {
	case RESOLVE_IGNORE:
		tell_ignored(b, t, text);
		return true;
	case RESOLVE_MOVE:
		move(b, t);
		tell_moved(b, t, text);
		return true;
	case RESOLVE_ASK:
		add_question(b, t, text);
		text_addf(&b->claim->conflicts, "%s\n", text);
		return false;
	case RESOLVE_STOP:
	case RESOLVE_WAIT:
		/* It is done when what is asked has its answer. */
		return true;
	case RESOLVE_FAIL:
		if (give_up(b, t, text))
			return true;
		text_addf(&b->claim->conflicts, "%s; %s\n", text, t->plan.reason);
		return false;
	}
	return false;
}

/* Moves what is to move; 0 when every row has a port. */
int boarding_resolve(struct boarding *b, struct error *e)
{
	struct resolve_rules rules = claim_rules(b->claim, b->options);
	size_t stuck = 0;
	text_clear(&b->claim->conflicts);
	b->claim->questions = NULL;
	b->claim->question_count = 0;
	tell_settled(b);
	for (size_t i = 0; i < b->troubles.count; i++) {
		struct trouble *t = &b->troubles.items[i];
		if (t->plan.action == RESOLVE_MOVE || t->plan.action == RESOLVE_ASK)
			resolve_place(&rules, &t->plan, take_place, b);
		stuck += !settle(b, t);
	}
	/* An answer is of no use while something else fails anyway. */
	if (stuck != b->claim->question_count)
		b->claim->question_count = 0;
	return stuck ? fail_conflicts(b, stuck, e) : 0;
}
