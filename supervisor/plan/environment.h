/*
 * environment.h - the complete environment of one service, and where each variable comes from.
 *
 * Layers, highest first:
 *
 *	marker		STACKUP STACKUP_ID STACKUP_PROJECT STACKUP_INSTANCE STACKUP_SERVICE: by
 *			these leftovers are found, so nothing overrides them
 *	env		env.NAME of the stack file
 *	export		export.NAME of what it depends on directly; the later dependency wins
 *	injected	PORT <SERVICE>_PORT <SERVICE>_HOST <SERVICE>_URL <SERVICE>_<NAME>_PORT, the
 *			variable that env_var names, STACKUP_..., and PS in Procfile mode
 *	caller		what stackup itself was started with
 *	env files	the service's, then the stack's
 *
 * In Procfile mode env files come before the caller, as Procfile runners have it.
 *
 * A PORT of the caller or of an env file never reaches a service: its own port decides, and without
 * one it has no PORT. Of the caller these are dropped: HOST (servers would bind to it) and what
 * speaks about a process of its own: LISTEN_PID LISTEN_FDS LISTEN_FDNAMES NOTIFY_SOCKET
 * WATCHDOG_PID WATCHDOG_USEC _, where it is: PWD OLDPWD, and STACKUP_ID STACKUP_SERVICE STACKUP_RUN of
 * a stack that stackup itself was started in. Added at each start: STACKUP_RUN, the start's number, and
 * PWD, the service's directory.
 *
 * How to use it:
 *	1. struct environments *all = environments_new(arena, stack, &facts, environ);  // once
 *	2. struct environment env = environment_of(all, scratch, service_index, NULL);
 *	   -1 as index: of no service, for `run` and `env` without a name (no PORT in it; of
 *	   env.NAME those of [environment] and [instance])
 *	3. env.envp goes to the recipe; env.vars to formats.h. Both live in scratch and borrow
 *	   from all.
 *
 * The part that all services share is made once, so that step 2 is little more than a copy.
 */
#ifndef PLAN_ENVIRONMENT_H
#define PLAN_ENVIRONMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/lookup.h"
#include "model/stack.h"

#define LAYERS(X)                                                                                  \
	X(LAYER_MARKER, "marker")                                                                  \
	X(LAYER_ENV, "stack file")                                                                 \
	X(LAYER_EXPORT, "export")                                                                  \
	X(LAYER_INJECTED, "injected")                                                              \
	X(LAYER_CALLER, "caller")                                                                  \
	X(LAYER_SERVICE_FILE, "env file of the service")                                           \
	X(LAYER_STACK_FILE, "env file")

#define X(name, word) name,
enum layer { LAYERS(X) };
#undef X
const char *layer_word(enum layer layer);

/* One definition of a variable, and the ones that it covers. */
struct definition {
	const char *value;
	const char *origin; /* "stack.ini:12", "export of db, stack.ini:7", "caller", ... */
	enum layer layer;
	const char *entry; /* "NAME=value" */
	const struct definition *covers; /* next lower one; NULL */
};

struct variable {
	const char *name;
	const struct definition *top; /* the one that counts; NULL: the variable is kept out */
	const char *note; /* why lower definitions are left out; NULL */
	bool secret; /* named by some service's `secret`, or made of what is (secrets.h) */
};

struct environment {
	struct variable *vars; /* sorted by name */
	size_t count;
	char **envp; /* NULL-terminated; only variables with a top */
	size_t envp_count;
};

struct environment_facts {
	const char *project;
	int instance;
	uint16_t base_port;
	const char *state_dir;
	const char *slug;
	const char *id; /* UUID of this run; NULL where nothing runs: STACKUP_ID is left out */
};

/* Further variables of one service that are injected (NOTIFY_SOCKET, LISTEN_FDS, ...). */
struct environment_extra {
	const struct pair *pairs;
	size_t count;
};

struct environments;

/* Borrows stack and caller, which must outlive it. caller is NAME=VALUE, NULL-terminated. */
struct environments *environments_new(struct arena *arena, const struct stack *stack,
	const struct environment_facts *facts, const char *const *caller);

/* `extra` may be NULL. */
struct environment environment_of(const struct environments *all, struct arena *arena, int service,
	const struct environment_extra *extra);

/* NULL where there is no such variable. */
const struct variable *environment_find(const struct environment *env, const char *name);

#endif
