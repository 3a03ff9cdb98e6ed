/*
 * strategy.h - what happens to a port that is taken, by what has it and how much may be done about
 * it: one table, class by strategy. Pure.
 *
 * The table says what is wanted. What a service allows (`immutable`, `on_conflict`, --strict-ports),
 * what a person chose and whether there is anywhere to go is weighed by resolve.h.
 *
 *	conservative	stops its own leftovers and nothing else
 *	intelligent	the default; likewise, and has the patience for TIME_WAIT
 *	aggressive	also stops a foreign process of the same user, when nothing protects it
 */
#ifndef PORTS_STRATEGY_H
#define PORTS_STRATEGY_H

#include "model/port.h"
#include "ports/classify.h"

#define PORT_ACTIONS(X)                                                                            \
	X(RESOLVE_IGNORE, "ignore") /* nothing of ours is in danger */                              \
	X(RESOLVE_STOP, "stop") /* who has the port is ended */                                     \
	X(RESOLVE_WAIT, "wait") /* it is over by itself soon */                                     \
	X(RESOLVE_MOVE, "move") /* the service gets another port */                                 \
	X(RESOLVE_FAIL, "fail") /* the launch fails and says why */                                 \
	X(RESOLVE_ASK, "ask") /* somebody at a terminal decides */
#define X(name, word) name,
enum port_action { PORT_ACTIONS(X) };
#undef X
const char *port_action_word(enum port_action action);

/* "it would be stopped: REASON" */
struct port_decision {
	enum port_action action; /* never RESOLVE_FAIL or RESOLVE_ASK */
	const char *reason; /* a clause about the holder or the strategy, for messages; static */
};
struct port_decision strategy_decide(enum port_class class, enum port_strategy strategy);

/*
 * How long TIME_WAIT is waited for. It lasts 60 s at most; a service that can have another port is
 * not worth that much of a person's time.
 */
int strategy_patience_ms(enum port_strategy strategy, bool can_move);

#endif
