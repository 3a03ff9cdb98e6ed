/*
 * recipe.h (spawn) - makes a struct recipe complete before the fork.
 *
 * What needs memory is done here, in the parent: where the program may be by the PATH of the
 * *service's* environment (not ours), the user and its groups, the places of the LISTEN_*
 * variables. No file is looked at: it may be on a file system that hangs, and then only the child
 * is to hang with it.
 *
 *	struct recipe_request request = {.label = "api", .command = &service->command, ...};
 *	struct recipe_made made;
 *	if (recipe_build(&made, &request, e)) return -1;
 *	made.recipe.stdout_fd = made.recipe.stderr_fd = pipe;
 *	spawner_start(&spawner, &made.recipe, &child, e);
 *	recipe_release(&made);
 *
 * A program without a slash is searched as execvp(3) does; an empty component of PATH and a program
 * with a slash are relative to the service's directory, since that is where it will run. Without a
 * PATH in the environment RECIPE_DEFAULT_PATH is searched. recipe_find_program() does the same for
 * sentences: before a launch, and after a start that has failed.
 */
#ifndef SPAWN_RECIPE_H
#define SPAWN_RECIPE_H

#include "base/error.h"
#include "base/text.h"
#include "model/recipe.h"
#include "model/stack.h"

#define RECIPE_DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"

/* All borrowed; must outlive the recipe. */
struct recipe_request {
	const char *label; /* service name */
	const struct command *command;
	char *const *env;      /* the complete environment, "K=V", NULL-terminated */
	const char *dir;       /* absolute working directory */
	const char *user;      /* NULL: as we are */
	int64_t files_max;     /* RLIMIT_NOFILE, 0: as inherited */
	const int *listen_fds; /* hold = listen: become 3, 4, ... */
	size_t listen_count;
	const char *listen_names; /* LISTEN_FDNAMES, "main:admin"; NULL without */
};

struct recipe_made {
	struct recipe recipe;  /* descriptors are -1: the caller sets those it has */
	char **paths;          /* owns, like the strings in it */
	char **env;            /* owns the array when there are listen descriptors, else NULL */
	char *listen_texts[3]; /* owns */
	gid_t *groups;         /* owns */
};

/*
 * Fails with EXIT_NO_COMMAND for an empty command, EXIT_FAILED for an unknown user or no memory. On
 * failure there is nothing to release.
 */
int recipe_build(struct recipe_made *made, const struct recipe_request *request, struct error *e);
void recipe_release(struct recipe_made *made);

/* Value of NAME in an environment array, NULL where it is not set. */
const char *recipe_variable(char *const *env, const char *name);

/*
 * Finds the program: appends its absolute path to *found. `path` is the list to search (NULL:
 * RECIPE_DEFAULT_PATH), `dir` the absolute directory that relative names start from. Fails with the
 * sentence of explain.h.
 */
int recipe_find_program(const char *program, const char *path, const char *dir, struct text *found,
	struct error *e);

/* 0 when we may run something as this user (NULL: as we are); else the sentence. */
int recipe_check_user(const char *user, struct error *e);

#endif
