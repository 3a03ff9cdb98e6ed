/*
 * ranges.h - who lives where: the pool, blocks, ranges by type, legacy and emergency ports.
 *
 * An inhabitant is a leased port or a TCP listener; a port that is both is one. Only looks.
 */
#ifndef SURVEY_RANGES_H
#define SURVEY_RANGES_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"
#include "model/ranges.h"

#define RANGE_KINDS(X)                                                                             \
	X(RANGE_POOL, "pool")                                                                      \
	X(RANGE_BLOCK, "block")                                                                    \
	X(RANGE_TYPE, "type")                                                                      \
	X(RANGE_LEGACY, "legacy")                                                                  \
	X(RANGE_EMERGENCY, "emergency")
#define X(name, word) name,
enum range_kind { RANGE_KINDS(X) };
#undef X
const char *range_kind_word(enum range_kind kind);

struct inhabitant {
	uint16_t port;
	bool listening;
	const char *project; /* of its lease; NULL where none */
	int instance;
	const char *service;
	const char *process; /* "node (pid 4242)"; NULL where nobody listens or cannot be seen */
};

struct inhabited_range {
	enum range_kind kind;
	struct named_range range; /* name of a block: its project */
	int block; /* -1 where it is none */
	bool own; /* [ports] says so */
	struct inhabitant *inhabitants; /* by port */
	size_t count;
};

struct range_list {
	struct inhabited_range *items;
	size_t count;
	uint16_t ports_base; /* where block 0 begins */
};

/* What [ports] says; range.low 0 of pool and emergency: the usual ones. */
struct range_wish {
	const struct named_range *ranges; /* range.NAME, what comes first counts */
	size_t range_count;
	struct named_range pool;
	struct named_range emergency;
};

/* Everything in the arena. */
int ranges_look(const char *state, const struct range_wish *wish, struct arena *arena,
	struct range_list *out, struct error *e);

#endif
