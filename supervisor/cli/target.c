#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/nearest.h"
#include "base/own.h"
#include "claim/worktree.h"
#include "cli/context.h"
#include "cli/shared/others.h"
#include "daemon/daemon.h"
#include "ports/policy.h"
#include "registry/bytelock.h"
#include "registry/instances.h"
#include "registry/lock.h"
#include "registry/projects.h"

/* Most boots are shorter, and a socket that was removed is back at once. */
enum { SOCKET_MS = 2000 };

const char *target_name(const struct target *target)
{
	return arena_format(target->arena, "%s instance %d", target->project, target->instance);
}

struct run_place target_run(const struct target *t, bool quiet)
{
	return (struct run_place){.name = target_name(t), .socket = t->socket, .run_id = t->run_id,
		.quiet = quiet};
}

void target_release(struct target *target)
{
	arena_free(target->arena);
	*target = (struct target){0};
}

/* ---- rows of the registry to a target ---- */

static void take_project(struct target *t, const struct project *row)
{
	t->project_id = row->id;
	t->project = arena_string(t->arena, row->name);
	t->stack_name = arena_string(t->arena, row->stack_name);
	t->main_dir = arena_string(t->arena, row->path);
}

/* The path functions give heap strings; ours live in the arena. */
static const char *keep(struct target *t, char *path)
{
	const char *kept = arena_string(t->arena, path ? path : "");
	free(path);
	return kept;
}

static void take_paths(const struct context *context, struct target *t)
{
	const struct paths *paths = &context->paths;
	t->state = paths->state;
	t->state_dir = keep(t, paths_instance(paths, t->project, t->instance));
	t->log_dir = keep(t, paths_logs(paths, t->project, t->instance));
	t->events = keep(t, paths_events(paths, t->project, t->instance));
	t->socket = keep(t, paths_socket(paths, t->project, t->instance));
}

/* lock: of its project, from instance_lock_look(). */
static void take_instance(const struct context *context, struct target *t, uint16_t ports_base,
	const struct instance *row, int lock)
{
	t->instance = row->number;
	t->known = true;
	t->worktree = arena_string(t->arena, worktree_path(row, t->arena));
	t->branch = arena_string(t->arena, row->branch);
	t->purpose = arena_string(t->arena, row->purpose);
	t->environment = arena_string(t->arena, row->environment);
	t->run_id = arena_string(t->arena, row->run_id);
	t->spans = row->spans;
	t->base_port = instance_port(ports_base, row->block, row->number);
	bool here = owner_mark_is_here(&row->owner);
	t->supervisor = here ? row->owner.pid : 0;
	t->supervisor_start = row->owner.start_ticks;
	t->guardian = here ? row->owner.guardian_pid : 0;
	t->alive = lock >= 0 && bytelock_is_held(lock, row->number, 1);
	t->elsewhere = instance_is_elsewhere(row) ? row->elsewhere : "";
	t->unclean = !t->alive && row->status == INSTANCE_RUNNING && !*t->elsewhere;
	t->crashed = !t->alive && row->status == INSTANCE_CRASHED;
	take_paths(context, t);
}

static void start_target(struct target *t)
{
	*t = (struct target){.arena = arena_new(), .worktree = "", .branch = "", .purpose = "",
		.environment = "", .main_dir = "", .elsewhere = ""};
}

/* ---- which project ---- */

static int unknown_project(
	struct registry *r, struct target *t, const char *name, struct error *e)
{
	struct project *rows;
	size_t count;
	if (project_list(r, t->arena, &rows, &count, e) < 0)
		return -1;
	struct nearest near = {.wanted = name};
	for (size_t i = 0; i < count; i++)
		nearest_offer(&near, rows[i].name);
	fail(e, EXIT_NOT_FOUND, "there is no project '%s'", name);
	if (near.best)
		error_hint(e, "did you mean '%s'?", near.best);
	else
		error_hint(e, "`stackup registry list` shows them");
	return -1;
}

static int project_by_name(
	struct registry *r, struct target *t, const char *name, struct error *e)
{
	struct project row;
	int found = project_find_by_name(r, name, t->arena, &row, e);
	if (found == 0)
		return unknown_project(r, t, name, e);
	if (found > 0)
		take_project(t, &row);
	return found > 0 ? 0 : -1;
}

/*
 * The stack file is gone or not here: whose worktree is this directory? The deepest one counts. A file that
 * was named is meant, and no other.
 */
static bool project_by_place(const struct context *context, struct registry *r, struct target *t)
{
	if (option_given(&context->line, OPTION_FILE))
		return false;
	OWNED(char) here = getcwd(NULL, 0);
	struct instance *rows;
	size_t count;
	struct error ignored;
	if (!here || instance_list(r, 0, t->arena, &rows, &count, &ignored) < 0)
		return false;
	size_t deepest = 0;
	struct project row;
	for (size_t i = 0; i < count; i++) {
		size_t length = strlen(rows[i].worktree);
		if (length <= deepest || strncmp(here, rows[i].worktree, length) != 0 ||
			(here[length] && here[length] != '/'))
			continue;
		if (project_find_by_id(r, rows[i].project_id, t->arena, &row, &ignored) != 1)
			continue;
		deepest = length;
		take_project(t, &row);
		t->worktree = rows[i].worktree;
	}
	return deepest > 0;
}

static int project_by_source(
	struct context *context, struct registry *r, struct target *t, struct error *e)
{
	struct source source;
	if (context_source(context, &source, e) < 0) {
		source_release(&source);
		return project_by_place(context, r, t) ? 0 : -1;
	}
	struct project row;
	int found = project_find(r, source.main_dir, source.name, t->arena, &row, e);
	if (found > 0)
		take_project(t, &row);
	t->worktree = arena_string(t->arena, source.worktree);
	if (source.git.is_linked)
		t->git_dir = arena_string(t->arena, source.git.git_dir);
	if (found == 0) {
		fail(e, EXIT_NOT_FOUND, "no instance of '%s' has been started yet", source.name);
		error_hint(e, "`stackup up` starts one");
	}
	source_release(&source);
	return found > 0 ? 0 : -1;
}

static int find_project(
	struct context *context, struct registry *r, struct target *t, struct error *e)
{
	const char *name = option_value(&context->line, OPTION_PROJECT);
	return name ? project_by_name(r, t, name, e) : project_by_source(context, r, t, e);
}

/* ---- which instance ---- */

/* 0: nothing was said. `auto` and `new` speak of an instance that is to be made. */
static int instance_asked_for(const struct context *context, int *number, struct error *e)
{
	*number = context->number;
	if (context->choice != CHOICE_AUTO && context->choice != CHOICE_NEW)
		return 0;
	fail(e, EXIT_USAGE, "`%s` wants to know which instance", context->line.command->name);
	error_hint(e, "say its number; auto and new are for `up`");
	return -1;
}

static int instance_missing(
	struct registry *r, const struct target *t, int number, struct error *e)
{
	struct instance *rows;
	size_t count;
	if (instance_list(r, t->project_id, t->arena, &rows, &count, e) < 0)
		return -1;
	OWNED_TEXT list = {0};
	for (size_t i = 0; i < count; i++)
		text_addf(&list, "%s%d", i ? ", " : "", rows[i].number);
	if (number)
		fail(e, EXIT_NOT_FOUND, "there is no instance %d of '%s'", number, t->project);
	else
		fail(e, EXIT_NOT_FOUND, "this worktree has no instance of '%s'", t->project);
	if (count)
		error_hint(e, "it has %s; --instance chooses one", text_string(&list));
	else
		error_hint(e, "`stackup up` starts one");
	return -1;
}

/*
 * What this worktree has claimed. With --project from somewhere else: the main worktree's, else the
 * only one there is.
 */
static int default_instance(
	struct registry *r, const struct target *t, struct instance *row, struct error *e)
{
	struct worktree worktree;
	struct instance *rows;
	size_t count;
	worktree_init(&worktree, t->worktree[0] ? t->worktree : t->main_dir, t->git_dir);
	if (instance_list(r, t->project_id, t->arena, &rows, &count, e) < 0)
		return -1;
	const struct instance *own = worktree_own(&worktree, rows, count);
	if (own) {
		*row = *own;
		return 1;
	}
	if (strcmp(worktree.path, t->main_dir) != 0)
		return 0;
	int found = instance_find(r, t->project_id, 1, t->arena, row, e);
	if (found != 0 || t->worktree[0])
		return found;
	if (count == 1)
		*row = rows[0];
	return count == 1;
}

static int find_instance(
	const struct context *context, struct registry *r, struct target *t, struct error *e)
{
	int number;
	uint16_t ports_base;
	struct instance row = {0};
	if (instance_asked_for(context, &number, e) < 0 || ports_base_get(r, &ports_base, e) < 0)
		return -1;
	int found = number ? instance_find(r, t->project_id, number, t->arena, &row, e)
			   : default_instance(r, t, &row, e);
	if (found == 0)
		return instance_missing(r, t, number, e);
	if (found < 0)
		return -1;
	OWNED_FD lock = instance_lock_look(context->paths.state, t->project_id);
	take_instance(context, t, ports_base, &row, lock);
	return 0;
}

int context_target(struct context *context, struct target *t, struct error *e)
{
	start_target(t);
	if (!t->arena)
		return fail(e, EXIT_FAILED, "out of memory");
	struct registry *r = context_registry(context, e);
	if (!r)
		return -1;
	int result = find_project(context, r, t, e);
	if (result == 0)
		result = find_instance(context, r, t, e);
	registry_close(r);
	return result;
}

int context_running(struct context *context, struct target *t, struct error *e)
{
	if (context_target(context, t, e) < 0)
		return -1;
	if (t->alive)
		return 0;
	if (*t->elsewhere)
		return fail(e, EXIT_NOT_FOUND, "%s runs on %s, not here", target_name(t), t->elsewhere);
	bool died = t->unclean || t->crashed;
	fail(e, EXIT_NOT_FOUND, "%s does not run%s", target_name(t), died ? ": its supervisor died" : "");
	OWNED_TEXT others = {0};
	bool some = others_run(context, t->instance, &others);
	error_hint(e, "%s%s%s", died ? "`stackup status` says why, `stackup up` starts it again"
			   : "`stackup up` starts it", some ? "; " : "", text_string(&others));
	return -1;
}

/* ---- many ---- */

/* Those of one project; *rows goes on to the next one's. */
static int collect_of(struct context *context, const struct project *project, uint16_t ports_base,
	const struct instance **rows, const struct instance *end, struct target *targets, size_t *count,
	struct error *e)
{
	bool has_some = *rows < end && (*rows)->project_id == project->id;
	OWNED_FD lock = has_some ? instance_lock_look(context->paths.state, project->id) : -1;
	for (; *rows < end && (*rows)->project_id == project->id; ++*rows) {
		struct target *t = &targets[(*count)++];
		start_target(t);
		if (!t->arena)
			return fail(e, EXIT_FAILED, "out of memory");
		take_project(t, project);
		take_instance(context, t, ports_base, *rows, lock);
	}
	return 0;
}

/* Two queries for all of them; both lists are by the projects' names. */
static int collect(struct context *context, struct registry *r, int64_t project_id,
	struct arena *arena, struct target **targets, size_t *count, struct error *e)
{
	struct instance *rows;
	struct project *projects;
	size_t found, project_count;
	uint16_t ports_base;
	if (instance_list(r, project_id, arena, &rows, &found, e) < 0 ||
		project_list(r, arena, &projects, &project_count, e) < 0 ||
		ports_base_get(r, &ports_base, e) < 0)
		return -1;
	*targets = calloc(found + 1, sizeof **targets);
	if (!*targets)
		return fail(e, EXIT_FAILED, "out of memory");
	const struct instance *next = rows, *end = rows + found;
	for (size_t i = 0; i < project_count; i++) {
		while (next < end && strcmp(next->project, projects[i].name) < 0)
			next++; /* of a project that was forgotten in between */
		if (collect_of(context, &projects[i], ports_base, &next, end, *targets, count, e))
			return -1;
	}
	return 0;
}

int context_targets(struct context *context, enum target_set set, struct target **targets,
	size_t *count, struct error *e)
{
	struct target project;
	start_target(&project);
	*targets = NULL;
	*count = 0;
	struct registry *r = project.arena ? context_registry(context, e) : NULL;
	int result = r ? 0 : -1;
	if (r && set == SET_PROJECT)
		result = find_project(context, r, &project, e);
	if (result == 0)
		result = collect(context, r, set == SET_PROJECT ? project.project_id : 0,
			project.arena, targets, count, e);
	registry_close(r);
	target_release(&project);
	return result;
}

/* ---- its supervisor ---- */

/* Who closes a connection without an answer is at its end, and keeps the lock byte for a moment more. */
static int has_ended(const struct target *t, struct error *e)
{
	if (e->number != EPIPE)
		return -1;
	daemon_await_socket(t->state, t->project_id, t->instance, t->socket, SOCKET_MS);
	fail(e, EXIT_NOT_FOUND, "%s has just ended", target_name(t));
	error_hint(e, "`stackup status` says how, `stackup up` starts it again");
	return -1;
}

bool target_is_alive(const struct target *t)
{
	return instance_is_alive(t->state, t->project_id, t->instance);
}

/* One that is booting holds its lock byte already, and has its socket soon. */
static int connect_or_await(const struct target *t, int64_t answer_ms, struct control_client *client,
	struct error *e)
{
	struct error absent = {0};
	if (client_connect(client, t->socket, answer_ms, &absent) == 0)
		return 0;
	if (absent.code != EXIT_NOT_FOUND) {
		*e = absent;
		return -1;
	}
	daemon_await_socket(t->state, t->project_id, t->instance, t->socket, SOCKET_MS);
	return client_connect(client, t->socket, answer_ms, e);
}

int target_connect(const struct target *t, int64_t answer_ms, struct control_client *client,
	struct error *e)
{
	const struct run_place run = target_run(t, true);
	if (connect_or_await(t, answer_ms, client, e) == 0)
		return 0;
	if (e->number == EPIPE) {
		int next = successor_connect(client, &run, NULL, e);
		return next > 0 ? 0 : next < 0 ? -1 : has_ended(t, e);
	}
	if (e->code == EXIT_TIMED_OUT)
		error_hint(e, "it may be stopped, or stuck; `stackup down` ends the instance");
	return fail_while(e, "%s", target_name(t));
}

int target_ask_within(const struct target *t, json_t *request, int64_t answer_ms, json_t **reply,
	struct error *e)
{
	struct control_client client;
	if (target_connect(t, answer_ms, &client, e) < 0) {
		json_decref(request);
		return -1;
	}
	const struct run_place run = target_run(t, true);
	int result = successor_call(&client, &run, request, answer_ms, NULL, NULL, reply, e);
	client_close(&client);
	return result < 0 ? has_ended(t, e) : 0;
}

int target_ask(const struct target *t, json_t *request, json_t **reply, struct error *e)
{
	return target_ask_within(t, request, ANSWER_MS, reply, e);
}
