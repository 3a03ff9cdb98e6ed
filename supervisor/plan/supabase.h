/*
 * supabase.h - the ports of a stack in supabase's config.toml, which the supabase CLI reads and
 * nothing else can tell it. Pure.
 *
 * Only the digits of a port are replaced; comments, blanks and order stay. Which port of the stack
 * a key means is told by SUPABASE_KEYS: a port that is called so (`port.smtp`, or a service
 * `smtp`), of a service with supabase in its name first, else the one that the stack file puts into
 * the key's slot.
 */
#ifndef PLAN_SUPABASE_H
#define PLAN_SUPABASE_H

#include <stddef.h>

#include "base/arena.h"
#include "base/text.h"
#include "model/port.h"

/* Section, key, slot (-1: none), what a port of the stack may be called. */
#define SUPABASE_KEYS(X)                                                                           \
	X("api", "port", 3, "supabase-api rest gateway kong")                                      \
	X("db", "port", 2, "db database postgres")                                                 \
	X("db", "shadow_port", -1, "shadow shadow-db db-shadow")                                   \
	X("db.pooler", "port", 8, "pooler pgbouncer connection-pooler")                            \
	X("studio", "port", 4, "studio supabase-studio")                                           \
	X("inbucket", "port", 5, "mail inbucket mailpit")                                          \
	X("inbucket", "smtp_port", -1, "smtp mail-smtp inbucket-smtp")                             \
	X("inbucket", "pop3_port", -1, "pop3 mail-pop3 inbucket-pop3")                             \
	X("analytics", "port", 6, "analytics logflare")                                            \
	X("analytics", "vector_port", -1, "vector")                                                \
	X("edge_runtime", "inspector_port", -1, "inspector edge-inspector")

#define SUPABASE_OUTCOMES(X)                                                                       \
	X(SUPABASE_CHANGED, "changed")                                                             \
	X(SUPABASE_SAME, "same")           /* it was right */                                      \
	X(SUPABASE_NO_PORT, "no_port")     /* the stack has none for it */                         \
	X(SUPABASE_COMMENTED, "commented") /* the stack has one, and the key is commented out */   \
	X(SUPABASE_ABSENT, "absent") /* the stack has one, and the file does not have the key */   \
	X(SUPABASE_NO_NUMBER, "no_number") /* env(NAME), for example */
#define X(name, word) name,
enum supabase_outcome { SUPABASE_OUTCOMES(X) };
#undef X
const char *supabase_outcome_word(enum supabase_outcome outcome);

struct supabase_key {
	const char *section;
	const char *key;
	const char *service; /* whose port it is; NULL where the stack has none */
	const char *port_name;
	uint16_t port; /* of the stack; 0 where none */
	int line; /* in the file; 0: not there */
	const char *before; /* its value in the file; NULL: not there */
	enum supabase_outcome outcome;
};

/*
 * Appends the file. *keys are those that the file or the stack knows, in the order of the table, in
 * the arena. Returns how many; 0: this is no config.toml of supabase.
 */
size_t supabase_write(struct arena *arena, const char *content, size_t length,
	const struct port *ports, int port_count, struct supabase_key **keys, struct text *out);

#endif
