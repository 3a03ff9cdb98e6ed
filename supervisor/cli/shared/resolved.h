/*
 * resolved.h - the stack as it would be started here, without starting it.
 *
 * For `check`, `config`, `graph`, `env`, `run`, `up --dry-run`: the instance is found by looking, ports
 * are those it has (while it runs) or would get when nothing is in the way.
 *
 *	struct resolved resolved;
 *	if (resolve(context, &resolved, &e) < 0) ...		// no file, no memory, registry
 *	if (context_judge(context, &resolved.source.complaints, &e) < 0) ...	// mistakes
 *	use(resolved.stack);					// not NULL now
 *	resolved_release(&resolved);				// in any case
 */
#ifndef CLI_SHARED_RESOLVED_H
#define CLI_SHARED_RESOLVED_H

#include "claim/claim.h"
#include "cli/context.h"
#include "model/stack.h"
#include "plan/environment.h"
#include "plan/graph.h"
#include "stackfile/draft.h"

struct resolved {
	struct source source; /* owns */
	struct arena *arena; /* owns: graph, environments and whatever a verb wants */
	const char **profiles; /* owns */
	const char **env_files; /* owns */
	struct draft *draft; /* owns */
	struct claim claim; /* owns; from claim_find() */
	struct port *ports; /* in the arena; as draft_ports(), with numbers */
	int port_count;
	struct stack *stack; /* owns; NULL when there are errors among the complaints */
	struct graph *graph; /* in the arena; NULL as the stack */
	const char *log_dir; /* in the arena */
	bool running;
};

int resolve(struct context *context, struct resolved *resolved, struct error *e);
/* What its claim came from; borrows. Needs a document. */
struct claim_request resolved_request(
	const struct context *context, const struct resolved *resolved);
void resolved_release(struct resolved *resolved);

/* In the arena. id is the run's, NULL where nothing runs. Needs a stack. */
struct environments *resolved_environments(struct resolved *resolved);
/* Its index; -1 with the nearest name (EXIT_NOT_FOUND). */
int resolved_service(const struct resolved *resolved, const char *name, struct error *e);
/* resolve() and context_judge() in one: success means that there is a stack. */
int resolve_checked(struct context *context, struct resolved *resolved, struct error *e);

#endif
