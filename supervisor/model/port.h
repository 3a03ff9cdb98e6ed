/*
 * port.h - what a service wants of ports, and what it got.
 *
 * A want comes from the stack file (`slot`, `port`, `port.NAME`, `range` ...). The claim turns it
 * into a number. Both live in the same struct because they are one row of one table: the stack's
 * ports, in file order.
 */
#ifndef MODEL_PORT_H
#define MODEL_PORT_H

#include <stdbool.h>
#include <stdint.h>

#define PORT_SOURCES(X)                                                                            \
	X(PORT_SLOT, "slot") /* an offset in the instance's range */                               \
	X(PORT_AUTO, "auto") /* the lowest free slot, kept in the registry */                      \
	X(PORT_FIXED, "fixed") /* a number in the stack file */                                    \
	X(PORT_POOL, "pool") /* one of its range or of the pool, kept in the registry */
#define PORT_CONFLICT_RULES(X)                                                                     \
	X(CONFLICT_AUTO, "auto") /* by strategy */                                                 \
	X(CONFLICT_MOVE, "move")                                                                   \
	X(CONFLICT_FAIL, "fail")                                                                   \
	X(CONFLICT_ASK, "ask") /* on a terminal; elsewhere by strategy */
/* What may be done about a port that somebody else has. */
#define PORT_STRATEGIES(X)                                                                         \
	X(STRATEGY_CONSERVATIVE, "conservative") /* own leftovers are stopped, else it moves */    \
	X(STRATEGY_INTELLIGENT, "intelligent") /* and short waits are waited for */                \
	X(STRATEGY_AGGRESSIVE, "aggressive") /* and foreign processes of the same user stopped */
#define HOLD_MODES(X)                                                                              \
	X(HOLD_AUTO, "auto") /* relaxed, then marker, then no: what worked is remembered */        \
	X(HOLD_RELAXED, "relaxed")                                                                 \
	X(HOLD_MARKER, "marker")                                                                   \
	X(HOLD_NO, "no")                                                                           \
	X(HOLD_LISTEN, "listen")
#define PROTOCOLS(X)                                                                               \
	X(PROTOCOL_HTTP, "http")                                                                   \
	X(PROTOCOL_TCP, "tcp")                                                                     \
	X(PROTOCOL_WS, "ws")                                                                       \
	X(PROTOCOL_UDP, "udp")

#define X(name, word) name,
enum port_source { PORT_SOURCES(X) };
enum port_conflict_rule { PORT_CONFLICT_RULES(X) };
enum port_strategy { PORT_STRATEGIES(X) };
enum hold_mode { HOLD_MODES(X) };
enum protocol { PROTOCOLS(X) };
#undef X

const char *port_source_word(enum port_source source);
const char *port_conflict_rule_word(enum port_conflict_rule rule);
const char *port_strategy_word(enum port_strategy strategy);
/* false: there is none of that name. */
bool port_strategy_parse(const char *word, enum port_strategy *out);
const char *hold_mode_word(enum hold_mode mode);
const char *protocol_word(enum protocol protocol);

struct port {
	const char *service; /* borrows from the stack; its service's name */
	const char *name; /* "main", or NAME of port.NAME */
	int service_index;
	enum port_source source;
	int slot; /* PORT_SLOT; for PORT_AUTO and after a move within the range: what it got */
	uint16_t fixed; /* PORT_FIXED: what the file says */
	/*
	 * Where a fixed port may go, and what a pool port is taken from; 0 where none. For a pool port
	 * the claim fills in the machine's pool.
	 */
	uint16_t range_low;
	uint16_t range_high;
	const char *range_name; /* as the file says it; NULL for numbers and where none */
	bool immutable;
	bool optional; /* its service is: without the port the others start */
	enum port_conflict_rule on_conflict;
	enum hold_mode hold;
	enum protocol protocol;
	const char *env_var; /* NULL, or the variable of the caller that overrides */
	bool overridden; /* the caller's env_var decided the number */
	int line; /* in the stack file, for complaints */

	uint16_t number; /* what it got; 0 before the claim */
	uint16_t moved_from; /* the number it would have had, 0 when it has that */
	bool lost; /* optional, and somebody else has the number */
};

/* Is its number base port + slot? */
static inline bool port_has_slot(const struct port *port)
{
	return port->source == PORT_SLOT || port->source == PORT_AUTO;
}

#endif
