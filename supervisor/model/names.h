/*
 * names.h - the words and limits of the stack file: slots, blocks, instances, names.
 *
 * Block b is ports base + 100*b .. +99; instance n (1..10) owns the ten ports at + 10*(n-1); a slot is
 * an offset 0..9 in the instance's range. All arithmetic of this lives in ports/policy.
 */
#ifndef MODEL_NAMES_H
#define MODEL_NAMES_H

#include <stdbool.h>
#include <stddef.h>

enum {
	NAME_MOST = 32, /* services, environments, port names, ranges */
	KEY_MOST = 128,
	LINE_MOST = 64 * 1024,
	SLOTS = 10,
	INSTANCES = 10, /* in a block */
	INSTANCE_MOST = 10 * INSTANCES, /* of a project, in ten blocks */
	SERVICES_MOST = 2000,
	NO_SLOT = -1,
	PORTS_BASE = 30000, /* first port of block 0, unless the user's configuration says another */
	PORTS_BASE_LEAST = 1024, /* and what it may say: ports for everybody, room for 100 blocks */
	PORTS_BASE_MOST = 55500,
	BLOCK_PORTS = 100,
	EMERGENCY_LOW = 40000,
	EMERGENCY_HIGH = 40999,
};

/* slot, its name, its default purpose as an instance number + 1, aliases (space separated) */
#define SLOT_TABLE(X)                                                                              \
	X(0, "frontend", "web ui client app")                                                      \
	X(1, "api", "backend server")                                                              \
	X(2, "db", "database postgres mysql mongo")                                                \
	X(3, "supabase-api", "rest gateway")                                                       \
	X(4, "studio", "supabase-studio admin")                                                    \
	X(5, "mail", "inbucket smtp mailpit")                                                      \
	X(6, "metrics", "analytics monitoring")                                                    \
	X(7, "search", "vector redis cache")                                                       \
	X(8, "pooler", "pgbouncer connection-pooler")                                              \
	X(9, "aux", "auxiliary reserved")

#define PURPOSE_TABLE(X)                                                                           \
	X(1, "development")                                                                        \
	X(2, "test")                                                                               \
	X(3, "feature-1")                                                                          \
	X(4, "feature-2")                                                                          \
	X(5, "staging")                                                                            \
	X(6, "performance")                                                                        \
	X(7, "integration")                                                                        \
	X(8, "preview")                                                                            \
	X(9, "backup")                                                                             \
	X(10, "experimental")

/* Slot number for an exact slot name, then for an alias; NO_SLOT for anything else. */
int slot_by_name(const char *name);
/* Calls nothing but compares: exact slot names only. */
int slot_by_exact_name(const char *name);
/* "frontend" for 0 .. "aux" for 9. */
const char *slot_name(int slot);
/* Space-separated aliases of a slot. */
const char *slot_aliases(int slot);
/* Is the word one of these, which have a blank between them? */
bool name_is_among(const char *words, const char *word);
/* "development" for instance 1; "" outside 1..10. */
const char *instance_default_purpose(int instance);

/* [a-z][a-z0-9_-]*, at most NAME_MOST. */
bool name_is_service(const char *name);
/* [A-Za-z0-9_-]+, at most NAME_MOST: a Procfile's. */
bool name_is_procfile_entry(const char *name);
/* [A-Za-z_][A-Za-z0-9_]*: a variable a shell can name. */
bool name_is_variable(const char *name);

/* "my-api" to "MY_API" into a buffer of at least strlen + 1 bytes. */
void name_to_variable(const char *name, char *out);

/*
 * Lower-case DNS label of at most 63 characters from any text: letters and digits stay, runs of
 * anything else become one '-'. Never empty ("x").
 */
void name_to_slug(const char *text, char out[64]);

#endif
