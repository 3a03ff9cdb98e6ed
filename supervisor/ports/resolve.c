#include "ports/resolve.h"

#include <string.h>

/* How far from a fixed port without a range one is looked for. */
enum { NEIGHBOURS = 99 };

static struct port_decision say(enum port_action action, const char *reason)
{
	return (struct port_decision){action, reason};
}

const struct resolve_choice *resolve_choice_of(const struct resolve_rules *rules,
	const struct port *row)
{
	for (size_t i = 0; row && i < rules->choice_count; i++)
		if (!strcmp(rules->choices[i].service, row->service) &&
			!strcmp(rules->choices[i].name, row->name))
			return &rules->choices[i];
	return NULL;
}

bool resolve_can_stop(const struct conflict *c)
{
	bool may = c->class == CLASS_OWN_STALE || c->class == CLASS_FOREIGN ||
		c->class == CLASS_WRONG_FAMILY;
	return may && !c->untouchable;
}

bool resolve_can_move(const struct conflict *c)
{
	return c->row && !c->row->immutable;
}

/* What keeps it where it is when nobody has said otherwise; NULL: nothing. */
static const char *anchor_of(const struct resolve_rules *rules, const struct port *row)
{
	if (row->immutable)
		return "it is immutable";
	if (row->on_conflict == CONFLICT_FAIL)
		return "it has `on_conflict = fail`";
	if (rules->strict)
		return "--strict-ports lets nothing move";
	if (row->overridden && row->on_conflict != CONFLICT_MOVE)
		return "the caller's variable decides it";
	bool fixed = row->source == PORT_FIXED && !row->range_low;
	if (fixed && row->on_conflict != CONFLICT_MOVE)
		return "it is fixed and has no `range`";
	return NULL;
}

static bool is_asked(const struct resolve_rules *rules, const struct conflict *c)
{
	return rules->may_ask && (rules->wish == RESOLVE_ASK || c->row->on_conflict == CONFLICT_ASK);
}

/* What a person wants; RESOLVE_IGNORE: nobody said anything. */
static enum port_action wish_of(const struct resolve_rules *rules, const struct conflict *c)
{
	const struct resolve_choice *choice = resolve_choice_of(rules, c->row);
	if (choice)
		return choice->action;
	return rules->wish == RESOLVE_ASK ? RESOLVE_IGNORE : rules->wish;
}

/* By strategy and by what the service says of itself. */
static struct port_decision by_rule(const struct resolve_rules *rules, const struct conflict *c)
{
	struct port_decision d = strategy_decide(c->class, rules->strategy);
	const char *anchor = anchor_of(rules, c->row);
	int patience = rules->patience_ms ? rules->patience_ms
					  : strategy_patience_ms(rules->strategy, !anchor);
	if (d.action == RESOLVE_STOP && c->untouchable)
		d = say(RESOLVE_MOVE, c->untouchable);
	if (d.action == RESOLVE_STOP && c->row->on_conflict == CONFLICT_MOVE)
		d = say(RESOLVE_MOVE, "it has `on_conflict = move`");
	if (d.action == RESOLVE_STOP && c->row->on_conflict == CONFLICT_FAIL)
		d = say(RESOLVE_FAIL, anchor);
	if (d.action == RESOLVE_WAIT && (int64_t)c->wait_ms > patience)
		d = say(RESOLVE_MOVE, "TIME_WAIT lasts longer than it is worth");
	if ((c->stopped && d.action == RESOLVE_STOP) || (c->waited && d.action == RESOLVE_WAIT))
		d = say(RESOLVE_MOVE, "it could not be freed");
	if (d.action == RESOLVE_MOVE && anchor)
		d = say(RESOLVE_FAIL, anchor);
	return d;
}

/* What a person wanted stopped and what is not says why. */
static struct port_decision by_rule_instead(const struct resolve_rules *rules, struct conflict *c,
	enum port_action wish)
{
	struct port_decision d = by_rule(rules, c);
	c->not_stopped = wish == RESOLVE_STOP && d.action == RESOLVE_MOVE;
	if (c->not_stopped && c->untouchable)
		d.reason = c->untouchable;
	return d;
}

static struct port_decision by_wish(const struct resolve_rules *rules, struct conflict *c,
	enum port_action wish)
{
	if (wish == RESOLVE_FAIL)
		return say(RESOLVE_FAIL, "it was given up");
	if (wish == RESOLVE_STOP && c->stopped && resolve_can_stop(c))
		return say(RESOLVE_FAIL, "it could not be freed");
	if (wish == RESOLVE_STOP && resolve_can_stop(c))
		return say(RESOLVE_STOP, "as asked");
	if (wish == RESOLVE_MOVE && resolve_can_move(c))
		return say(RESOLVE_MOVE, "as asked");
	return by_rule_instead(rules, c, wish);
}

void resolve_decide(const struct resolve_rules *rules, struct conflict *c)
{
	struct port_decision d;
	bool stale = c->class == CLASS_OWN_STALE && !c->stopped && !c->untouchable;
	enum port_action wish = c->row ? wish_of(rules, c) : RESOLVE_IGNORE;
	c->not_stopped = false;
	if (stale || c->class == CLASS_FREE)
		d = strategy_decide(c->class, rules->strategy);
	else if (!c->row)
		d = say(RESOLVE_IGNORE, "no service uses it");
	else if (wish != RESOLVE_IGNORE)
		d = by_wish(rules, c, wish);
	else
		d = by_rule(rules, c);
	bool open = !stale && c->row && wish == RESOLVE_IGNORE && d.action != RESOLVE_IGNORE &&
		d.action != RESOLVE_WAIT;
	if (open && is_asked(rules, c))
		d = say(RESOLVE_ASK, c->row->on_conflict == CONFLICT_ASK ? "it has `on_conflict = ask`"
									: "somebody has to decide");
	c->action = d.action;
	c->reason = d.reason;
	c->is_left = false;
}

bool resolve_is_fatal(const struct conflict *c)
{
	return c->action == RESOLVE_FAIL && c->row && !c->row->optional;
}

bool resolve_is_costly(const struct conflict *c)
{
	return c->action == RESOLVE_WAIT ||
		(c->action == RESOLVE_STOP && c->class != CLASS_OWN_STALE);
}

void resolve_leave(struct conflict *c)
{
	if (!resolve_is_costly(c))
		return;
	c->reason = c->action == RESOLVE_WAIT
		? "it is not waited for, because another port fails anyway"
		: "nobody is stopped, because another port fails anyway";
	c->action = RESOLVE_FAIL;
	c->is_left = true;
}

/* ---- places ---- */

struct search {
	struct conflict *conflict;
	resolve_take *take;
	void *self;
};

static uint16_t first_of(const struct search *s, int low, int high)
{
	for (int port = low; port && port <= high && port <= UINT16_MAX; port++)
		if (port != s->conflict->port && s->take(s->self, s->conflict, (uint16_t)port))
			return (uint16_t)port;
	return 0;
}

/* Where the service belongs: its own range, the instance's, or the neighbourhood of its port. */
static uint16_t home_of(const struct resolve_rules *rules, const struct search *s)
{
	const struct port *row = s->conflict->row;
	if (row->range_low)
		return first_of(s, row->range_low, row->range_high);
	if (port_has_slot(row) && !row->overridden)
		return first_of(s, rules->base_port, rules->base_port + rules->slots - 1);
	return first_of(s, s->conflict->port + 1, s->conflict->port + NEIGHBOURS);
}

/* The port a person chose and no other; true when that settles it. */
static bool place_chosen(const struct resolve_rules *rules, const struct search *s, uint16_t chosen)
{
	struct conflict *c = s->conflict;
	c->move_to = first_of(s, chosen, chosen);
	if (c->move_to)
		return true;
	c->action = is_asked(rules, c) ? RESOLVE_ASK : RESOLVE_FAIL;
	c->reason = "the port that was chosen cannot be had, either";
	return c->action == RESOLVE_FAIL;
}

void resolve_place(const struct resolve_rules *rules, struct conflict *c, resolve_take *take,
	void *self)
{
	const struct resolve_choice *choice = resolve_choice_of(rules, c->row);
	struct search search = {c, take, self};
	c->move_to = 0;
	c->emergency = false;
	bool stale = c->class == CLASS_OWN_STALE && c->action == RESOLVE_STOP;
	if (!resolve_can_move(c) || stale || c->action == RESOLVE_IGNORE)
		return;
	if (c->action == RESOLVE_MOVE && choice && choice->move_to &&
		place_chosen(rules, &search, choice->move_to))
		return;
	c->move_to = home_of(rules, &search);
	if (c->move_to || c->action != RESOLVE_MOVE)
		return;
	c->move_to = first_of(&search, rules->emergency_low, rules->emergency_high);
	c->emergency = c->move_to != 0;
	if (c->move_to)
		return;
	c->action = RESOLVE_FAIL;
	c->reason = "no port is left that it could move to";
}
