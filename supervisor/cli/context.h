/*
 * context.h - what a command is about: the options everybody has, and which project and instance.
 *
 *	1. cli_main() fills a context from the command line.
 *	2. context_target() finds the instance that is meant, by reading only:
 *	   --project NAME: the registry's project, from any directory; otherwise the stack file of this
 *	   directory tells the project; without a stack file the worktree that the registry knows here.
 *	   --instance N, else $STACKUP_INSTANCE, else what this worktree has claimed, else 1 in a main
 *	   worktree.
 *	3. target_connect() speaks with its supervisor; target_release().
 *
 * context_source() reads the stack file and is for the verbs that need its content.
 */
#ifndef CLI_CONTEXT_H
#define CLI_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>

#include "base/arena.h"
#include "base/error.h"
#include "cli/command_line.h"
#include "cli/shared/successor.h"
#include "control/client.h"
#include "control/path.h"
#include "model/complaint.h"
#include "stackfile/document.h"
#include "registry/registry.h"
#include "stackfile/locate.h"

enum { ANSWER_MS = 10000 }; /* what a supervisor answers at once must come in this time */

/* What --instance or $STACKUP_INSTANCE says. */
enum instance_choice { CHOICE_NONE, CHOICE_NUMBER, CHOICE_AUTO, CHOICE_NEW };

struct context {
	struct command_line line; /* owns */
	struct paths paths; /* owns */
	enum instance_choice choice;
	int number; /* with CHOICE_NUMBER */
	bool json;
	bool quiet;
	bool verbose;
	bool yes;
	bool colour; /* on stdout */
	bool error_colour; /* on stderr */
	json_t *error_extra; /* owns; further members of the JSON error object, NULL */
};

/* Uses options of everybody: changes the directory, decides on colour, finds the paths. */
int context_init(struct context *context, struct error *e);
/* For reading; an absent registry is an empty one. */
struct registry *context_registry(const struct context *context, struct error *e);
void context_release(struct context *context);

/* ---- the instance ---- */

struct target {
	struct arena *arena; /* owns the strings */
	int64_t project_id;
	const char *project;
	const char *stack_name;
	const char *main_dir; /* of the project */
	int instance;
	bool known; /* the registry has a row of it */
	bool alive; /* its supervisor holds the lock byte */
	bool unclean; /* recorded as running, and its supervisor is dead */
	bool crashed; /* so its last run is recorded */
	const char *elsewhere; /* the other machine where it runs, or "" */
	const char *git_dir; /* of this directory's worktree when it is a linked one; NULL */
	const char *worktree; /* "" where not known, as the next ones */
	const char *branch;
	const char *purpose;
	const char *environment;
	const char *run_id;
	uint16_t base_port; /* 0 where not known */
	int spans;
	pid_t supervisor; /* as recorded; 0 where it means nothing here */
	uint64_t supervisor_start; /* its start time in ticks: tells it from a later process */
	pid_t guardian;
	const char *state; /* borrows from the context: of all projects */
	const char *state_dir;
	const char *log_dir;
	const char *events;
	const char *socket;
};

/*
 * EXIT_NOT_FOUND when there is no such project, or no such instance of it. A target that is known but
 * not alive is success.
 */
int context_target(struct context *context, struct target *target, struct error *e);
/* The same; fails with EXIT_NOT_FOUND when it does not run. */
int context_running(struct context *context, struct target *target, struct error *e);
void target_release(struct target *target);

enum target_set { SET_ONE, SET_PROJECT, SET_MACHINE };
/* Which instances the options --all and --machine mean. */
enum target_set context_set(const struct context *context);
/*
 * Every instance of the project, or of the machine: an array for the caller to release item by item
 * and free. Instances that were claimed once and do not run are among them.
 */
int context_targets(struct context *context, enum target_set set, struct target **targets,
	size_t *count, struct error *e);

/* As target->alive, at this moment. */
bool target_is_alive(const struct target *target);
/*
 * Connects to its supervisor, which may still be booting. EXIT_NOT_FOUND: nobody listens, or it was
 * just ending.
 */
int target_connect(const struct target *target, int64_t answer_ms, struct control_client *client,
	struct error *e);
/* Connects, asks one thing, closes. EXIT_TIMED_OUT where it does not answer in time. */
int target_ask_within(const struct target *target, json_t *request, int64_t answer_ms, json_t **reply,
	struct error *e);
int target_ask(
	const struct target *target, json_t *request, json_t **reply, struct error *e);
/* "shop instance 3" */
const char *target_name(const struct target *target);
/* What successor.h wants to know of it; borrows from it. */
struct run_place target_run(const struct target *target, bool quiet);

/* ---- the stack file ---- */

struct source {
	struct arena *arena; /* owns the strings */
	struct location location;
	struct git_facts git;
	const char *main_dir; /* of the git repository, else the file's directory */
	const char *worktree; /* the same for this worktree */
	const char *name; /* of the stack: --project, [stack] name, or the main worktree's directory */
	struct document *document; /* owns; NULL when it cannot be read */
	struct complaints complaints; /* owns */
};

/*
 * Finds and reads the stack file; with --project that of the project's own directory. -1 when there
 * is none; a file with mistakes is success, and the mistakes are in source->complaints.
 */
int context_source(struct context *context, struct source *source, struct error *e);
void source_release(struct source *source);
/*
 * Prints the complaints to stderr. With errors among them (or with warnings, when those count) it
 * fails with EXIT_BAD_FILE, and the error object of --json will have them.
 */
int context_judge(struct context *context, struct complaints *complaints, struct error *e);

#endif
