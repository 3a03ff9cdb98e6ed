/*
 * resolve_inside.h - what the files share that make a stack of a draft.
 *
 *	resolve.c		the stack itself, ports, checks across services
 *	resolve_service.c	one service
 *	resolve_probe.c		its `ready` and `health`
 *	resolve_value.c		one value: found, interpolated, parsed
 */
#ifndef STACKFILE_RESOLVE_INSIDE_H
#define STACKFILE_RESOLVE_INSIDE_H

#include "stackfile/draft_inside.h"
#include "stackfile/scope.h"

struct resolving {
	struct arena *arena; /* the stack's */
	const struct draft *draft;
	const struct stackfile_facts *facts;
	struct complaints *complaints;
	struct scope_shared shared;
	struct stack *stack;
	const char *shell;
};

/* ---- resolve_value.c: service -1 is [stack] ---- */

/* The entry that counts for a key, or NULL. */
const struct entry *entry_of(const struct resolving *r, int service, enum key_id id);
/* The same, but not what stands in [defaults]. */
const struct entry *own_entry(const struct resolving *r, int service, enum key_id id);
struct site site_of(const struct resolving *r, int service, enum key_id id);
/* The interpolated value, else the default; NULL where there is neither or it was refused. */
const char *text_of(struct resolving *r, int service, enum key_id id);
bool boolean_of(struct resolving *r, int service, enum key_id id);
int64_t number_of(struct resolving *r, int service, enum key_id id);
int64_t duration_of(struct resolving *r, int service, enum key_id id);
int64_t size_of(struct resolving *r, int service, enum key_id id);
int choice_of(struct resolving *r, int service, enum key_id id, int fallback);
/* NULL where there is no value. */
const char *path_of(struct resolving *r, int service, enum key_id id);
/* A command at a site; out->text stays NULL when it was refused. */
void command_at(struct resolving *r, int service, const struct site *site, const char *text,
	struct command *out);
/* The members of a family as pairs, interpolated. */
const struct pair *pairs_of(struct resolving *r, int service, const struct members *members,
	size_t *count);

/* "'KEY' is for ..., NAME is ...": complains when the service itself has the key. */
void refuse_key(
	struct resolving *r, int service, enum key_id id, const char *why, const char *hint);

/* ---- resolve_probe.c ---- */

void resolve_probes(struct resolving *r, struct service *service);

/* ---- resolve.c ---- */

/* Where the variables of env files are from. */
const char *const *paths_of(struct resolving *r, const struct dotenv *files, size_t *count);

/* ---- resolve_service.c ---- */

void resolve_service(struct resolving *r, struct service *service);
void resolve_dependencies(struct resolving *r, struct service *service);

#endif
