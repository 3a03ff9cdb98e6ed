/*
 * suggest.h - the best port for a service, and why. Pure; suggest_look.h gathers the facts.
 *
 * Every candidate starts at 0. A fact about a port adds the points of its kind; one of a kind that
 * rules out, excludes it. The highest score wins, the lowest port among equals. Points:
 *
 *	where policy, file and registry put it	far more than anything against it
 *	what happened there			a conflict costs 15, several at most 60
 *	where it lies				in the kernel's range for outgoing connections 20
 */
#ifndef SURVEY_SUGGEST_H
#define SURVEY_SUGGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

enum { SUGGEST_OUT = -1000 }; /* points of what rules out */

/* word, points */
#define SUGGEST_KINDS(X)                                                                           \
	X(SUGGEST_RESERVED_FOR_IT, "reserved_for_it", 400)                                         \
	X(SUGGEST_HOME, "home", 200) /* by policy or stack file */                                 \
	X(SUGGEST_HAS, "has", 100) /* it has the port now, or had it last */                       \
	X(SUGGEST_RANGE, "range", 50) /* in its range, or in that of its type */                   \
	X(SUGGEST_OUTSIDE, "outside_ephemeral", 5)                                                 \
	X(SUGGEST_ODD, "odd", 2) /* in the range of outgoing connections: they take even ones */   \
	X(SUGGEST_LEGACY, "legacy", -5)                                                            \
	X(SUGGEST_KEPT, "kept", -10) /* another service had it of the pool */                      \
	X(SUGGEST_LINGERS, "lingers", -10) /* TIME_WAIT */                                         \
	X(SUGGEST_CONFLICTS, "conflicts", -15) /* each */                                          \
	X(SUGGEST_EPHEMERAL, "ephemeral", -20)                                                     \
	X(SUGGEST_TAKEN, "taken", SUGGEST_OUT)                                                     \
	X(SUGGEST_WANTED, "wanted", SUGGEST_OUT) /* by another service of the stack */             \
	X(SUGGEST_RESERVED, "reserved", SUGGEST_OUT)                                               \
	X(SUGGEST_FOREIGN_BLOCK, "block", SUGGEST_OUT) /* of another project */                    \
	X(SUGGEST_BLOCKED, "browser_blocked", SUGGEST_OUT)                                         \
	X(SUGGEST_PRIVILEGED, "privileged", SUGGEST_OUT)

#define X(name, word, points) name,
enum suggest_kind { SUGGEST_KINDS(X) };
#undef X
const char *suggest_kind_word(enum suggest_kind kind);
enum { SUGGEST_CONFLICTS_MOST = 4 }; /* more of them cost no more */

/* Something known about a port. */
struct suggest_fact {
	uint16_t port;
	enum suggest_kind kind;
	int times; /* SUGGEST_CONFLICTS: how many; else 1 */
	const char *text; /* one short line, for people */
};

struct suggest_reason {
	enum suggest_kind kind;
	int points;
	const char *text; /* borrows from the fact */
};

struct suggestion {
	uint16_t port;
	int score; /* 0 where it is ruled out */
	bool out;
	struct suggest_reason *reasons; /* what speaks for it first */
	size_t reason_count;
};

/*
 * The candidates as suggestions, the best first, those that are ruled out last. Facts about other
 * ports are ignored. In the arena.
 */
struct suggestion *suggest_rank(struct arena *arena, const uint16_t *candidates, size_t count,
	const struct suggest_fact *facts, size_t fact_count);

#endif
