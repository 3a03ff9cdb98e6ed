/*
 * rules.h - what must hold, looked at around every single event that the keeper handles, at every
 * call of struct sys, and after every turn. Private to the world.
 *
 * The rules keep a book of their own (struct past) about each row, written from the contract: how
 * often it failed in a row, what its probes said, which step of a stop is due when. What the core
 * holds is compared with the book. Numbers are those of the invariants of simulation:
 *
 *	1  a process of a service only in a state that has one	rules_world.c
 *	2  one process tree a service, one start a generation	rules_world.c
 *	3  nothing is ready whose leader is dead			rules_turn.c
 *	4  a start only when what it needs is there, a stop only
 *	   when nobody needs it; and then at once			rules_turn.c
 *	5  no signal to a pid that was reaped			rules_world.c
 *	6  every exit is consumed exactly once			rules_world.c
 *	7  what people ask is done, the last one wins			rules.c, clients.c
 *	8  restarts keep to their budget, waits to the back-off	rules_outcome.c
 *	9  timers: those that the state has, none of a dead start	rules.c, rules_probe.c
 *	13 every pidfd is closed, once				rules_world.c
 *	14 every turn leaves nothing overdue; at last all heals	rules_turn.c, healing.c
 *
 * and besides: every move is in the table (moves.h), people are told of it, ready needs an answer
 * that said so, health follows the answers, a stop takes its steps in order and in time.
 */
#ifndef SIM_RULES_H
#define SIM_RULES_H

#include "heal/budget.h"
#include "model/sys.h"
#include "watch/keeper.h"
#include "watch/lifecycle.h"

struct world;

/* The steps of a stop, in the book. */
enum force_step { STEP_NONE, STEP_COMMAND, STEP_SIGNAL, STEP_KILL };

enum asked_for { ASKED_UP, ASKED_DOWN, ASKED_RESTART, ASKED_KILL, ASKS };

struct past {
	/* since the last turn */
	bool touched;
	int64_t next_ms; /* what the run wanted at its end */
	int64_t probe_until_ms;
	/* commands on their way, and restarts that others owe it */
	int asked[ASKS];
	int owed_restarts;
	/* processes */
	uint64_t generation;
	bool tree_open; /* a start was tried, its tree has not been called gone */
	size_t left; /* of its tree, when its leader was reaped */
	int exits_due; /* reported, not consumed */
	int hook_exits_due;
	bool forgets_leader; /* was reaped: its pidfd is to be closed */
	bool forgets_hook;
	/* failures */
	int in_a_row;
	int64_t failures[BUDGET_MOST];
	int failure_count;
	int restarts;
	bool was_ready;
	int64_t ready_ms;
	enum fail_cause cause; /* of the last failure since somebody asked for it */
	enum after outcome; /* of the stop or the exit */
	bool waited_its_turn; /* spread */
	/* probes */
	bool may_be_ready; /* an answer of this start says so, and is on its way */
	enum health health;
	int bad; /* in a row */
	int good;
	bool been_good;
	int dear; /* real attempts before the first success */
	/* time */
	int64_t moved_ms; /* when it moved last */
	int64_t due_ms; /* deadline of the state */
	enum force_step force;
	int64_t force_due_ms;
	bool remnants_told;
	bool group_asked; /* with the signal */
	int kills; /* in this stop */
};

/* What matters of a run, as it was before the step. */
struct before {
	enum service_state state;
	enum want want;
	uint64_t generation;
	uint64_t transitions;
	pid_t leader;
	pid_t hook;
	enum health health;
	int64_t deadline_ms;
	int64_t probe_at_ms;
	int64_t probe_until_ms;
	bool spread;
};

struct judge {
	bool stray; /* the event on its way must change nothing */
	int service; /* whose step it is */
	struct before before;
	bool ended; /* a process, in this turn: trees may be looked at */
	int starts; /* in this turn */
	int second; /* the row with which one changed places; -1 */
	bool moved; /* a state or a wish changed: others may have to do something now */
	int64_t expected_ms; /* the latest time for the next turn before it counts as a gap */
	uint64_t events;
};

void rules_init(struct world *w);
void rules_end(void);
void rules_row_init(struct past *past, const struct service_policy *policy);

/* Calls of struct sys. */
void rules_may_spawn(struct world *w, int service, uint64_t generation);
void rules_may_run_hook(struct world *w, int service);
void rules_may_signal(struct world *w, int service, const struct child *child,
	enum signal_scope scope, int signal);
void rules_forgets(struct world *w, int service, const struct child *child);
void rules_tree_is_gone(struct world *w, int service);
void rules_may_probe(struct world *w, int service, uint64_t generation, enum probe_purpose purpose,
	int64_t timeout_ms);

/* What the world tells the keeper. */
void rules_answered(struct world *w, int service, const struct service_event *event);
void rules_reaped(struct world *w, const struct keeper_exit *exit);
/* An adopted process was reaped, a tree may be empty. */
void rules_something_ended(struct world *w);
void rules_may_look(struct world *w, size_t count);
void rules_reported(struct world *w, int service);
/* Rows have changed places. */
void rules_new_places(struct world *w);
void rules_asked(struct world *w, int service, enum asked_for what);

/* Around a turn; next_ms is when the keeper wants the next. */
void rules_before_turn(struct world *w);
void rules_after_turn(struct world *w, int64_t next_ms);

/* Parts of a step, for rules.c. */
void rules_outcome(struct world *w, const struct step *s, const struct service_event *event);
void rules_stop(struct world *w, const struct step *s, const struct service_event *event);
void rules_probing(struct world *w, const struct step *s, const struct service_event *event);
/* An exit has reached the machine. */
void rules_consumed(struct world *w, int service, const struct service_event *event);
/* It begins to stop as nobody needs it any more. */
void rules_may_stop(struct world *w, int service);
void rules_may_start(struct world *w, int service, bool spread);
/* It ran and does not any more: who wants to be restarted with it. */
void rules_owe_restarts(struct world *w, int service);
/* What is there of it fits the state; exact: nothing is on its way. */
void rules_fit(struct world *w, int service, bool exact);
/* Whether all that it needs is there, or waived; *hopeless: never will be. */
bool rules_needs_met(const struct world *w, int service, bool *hopeless);

#endif
