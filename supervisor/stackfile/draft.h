/*
 * draft.h - from the document to the checked stack, in two steps, because port numbers are known
 * only in the middle.
 *
 *	1. struct draft *draft = draft_new(&request, &complaints);
 *	   Overlays are merged, every key is checked, env files are read, ports are known as wants.
 *	2. draft_ports(draft, &count) goes to the claim (claim/), which gives every row a number.
 *	   draft_head(draft) has what the registry needs: name, block, spans, environment, purpose.
 *	3. struct stack *stack = draft_resolve(draft, &facts, &complaints);
 *	   Everything is interpolated and parsed; the stack owns its memory and outlives the draft.
 *
 * All mistakes are said at once: each step goes on after complaints, and only draft_resolve
 * decides. To find them before any port is claimed, resolve once with preview numbers into the same
 * list of complaints, free that stack, claim, and resolve again with the real numbers and a fresh
 * list (nothing can fail then that did not before).
 *
 * [ports] is also read from the user's own file, $XDG_CONFIG_HOME/stackup/config.ini of the
 * caller's environment (default ~/.config), after that of the stack file.
 *
 * Layers of a service's keys, highest first: [instance N] (env only), [service X @ENV], [service
 * X], its template, [environment ENV] (env, env_file), [defaults]. Env files, highest first: the service's
 * env_file, [environment] env_file, [stack] env_file, .env (or what --env-file names instead);
 * within a list the later one wins. Interpolation sees the caller's environment above the env
 * files; in Procfile mode the files are above the caller.
 */
#ifndef STACKFILE_DRAFT_H
#define STACKFILE_DRAFT_H

#include <stdint.h>

#include "model/complaint.h"
#include "model/ranges.h"
#include "model/stack.h"
#include "stackfile/document.h"

struct stackfile_request {
	const struct document *document;
	const char *environment; /* --env; NULL: the file decides */
	int instance; /* whose [instance N] counts; 0 while unknown */
	uint16_t base_port; /* its first port; 0 while unknown */
	uint16_t ports_base; /* where block 0 begins; 0: PORTS_BASE */
	const char *const *profiles; /* asked for with --profile */
	size_t profile_count;
	const char *const *env_files; /* --env-file, instead of .env; from the current directory */
	size_t env_file_count;
	const char *const *caller_env; /* NAME=VALUE, NULL-terminated, as environ */
	const char *default_name; /* the stack's name where the file has none */
	const char *main_dir; /* of the main worktree; NULL: the file's directory */
	const struct draft_past *past; /* NULL: other files are read */
};

/* An env file as it was read. */
struct draft_text {
	const char *path;
	const char *text;
	size_t length;
};

/* What an earlier draft has read besides its document. By it the same draft is made again, without a look. */
struct draft_past {
	const struct draft_text *texts;
	size_t text_count;
	const struct document *user; /* the user's own config.ini; NULL: none */
};

struct draft;

/*
 * Returns a draft also when there are complaints, so that draft_resolve finds what else is wrong;
 * NULL only when memory is out (then there is a complaint, too). Borrows from the document.
 */
struct draft *draft_new(const struct stackfile_request *request, struct complaints *complaints);
void draft_free(struct draft *draft);

/*
 * Filled: file dir main_dir name description owner block spans strategy environment purpose
 * is_procfile.
 */
const struct stack *draft_head(const struct draft *draft);
/* In file order, number 0 unless the caller's env_var decided. Names borrow from the draft. */
const struct port *draft_ports(const struct draft *draft, int *count);
/*
 * Whether two of them want the same port, or too many want a slot: the complaints say so with line and
 * fix, and what claim_preview() has to say of it is not needed.
 */
bool draft_ports_clash(const struct draft *draft);
/*
 * Ports that only a service that names the number may have: [ports] protect (the first protects of
 * them), then reserve. Borrows from the draft.
 */
const uint16_t *draft_avoided(const struct draft *draft, size_t *count, size_t *protects);
/* range.NAME of [ports], else a type range by its name or an alias; NULL. */
const struct named_range *draft_range(const struct draft *draft, const char *name);
/* All range.NAME, the stack file's before the user's. */
const struct named_range *draft_ranges(const struct draft *draft, size_t *count);
/* [ports] pool; low 0: not said. */
struct named_range draft_pool(const struct draft *draft);
/* Ports for services that find no other: [ports] emergency. */
void draft_emergency(const struct draft *draft, uint16_t *low, uint16_t *high);
/* Names of services in file order; what to complete and to check SERVICE arguments against. */
const char *const *draft_services(const struct draft *draft, int *count);

/* Borrows from the draft. */
struct draft_past draft_past(const struct draft *draft);

struct stackfile_facts {
	int instance;
	uint16_t base_port;
	const uint16_t *numbers; /* parallel to draft_ports */
	const uint16_t *moved_from; /* parallel to draft_ports, 0: not moved; NULL: none is */
	const char *project; /* as the registry names it */
	const char *state_dir; /* of the instance, absolute */
	const char *log_dir;
	const char *slug;
	const char *branch;
	/*
	 * Complains about the stack as a whole, also when there are complaints already: what was refused
	 * of it is left out then. NULL: nobody does.
	 */
	void (*judge)(const struct stack *stack, const char *label, struct complaints *complaints);
};

/* A stack only when the list has no error, those of earlier steps included; else NULL. */
struct stack *draft_resolve(const struct draft *draft, const struct stackfile_facts *facts,
	struct complaints *complaints);

#endif
