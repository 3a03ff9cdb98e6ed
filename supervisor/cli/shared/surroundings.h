/*
 * surroundings.h - in which environment, directory and as whom a service (or the stack) works.
 *
 * Of a running instance its supervisor tells what it really is; otherwise it is computed from the
 * stack file and our own environment.
 */
#ifndef CLI_SHARED_SURROUNDINGS_H
#define CLI_SHARED_SURROUNDINGS_H

#include "base/arena.h"
#include "base/error.h"
#include "plan/environment.h"
#include "plan/formats.h"

struct context;

struct surroundings {
	struct arena *arena; /* owns everything below */
	struct environment env;
	const char *dir; /* absolute */
	const char *user; /* NULL: as we are */
	bool running; /* told by the supervisor */
};

enum surroundings_from { FROM_ANYWHERE, FROM_FILE };

/*
 * service NULL: of the stack. FROM_FILE computes them in any case: only then what covers what is
 * known. EXIT_NOT_FOUND with the nearest name for an unknown service.
 */
int surroundings_find(struct context *context, const char *service, enum surroundings_from from,
	struct surroundings *out, struct error *e);
void surroundings_release(struct surroundings *surroundings);

/* Shows values as they may be shown: secrets as "***". self is the surroundings. */
struct env_mask surroundings_mask(struct surroundings *surroundings);

/* Becomes the command: environment, directory where change_dir, user. Returns only on failure. */
int surroundings_exec(const struct surroundings *surroundings, const char *const *words,
	bool change_dir, struct error *e);

#endif
