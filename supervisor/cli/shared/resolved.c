#include "cli/shared/resolved.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/nearest.h"
#include "model/names.h"
#include "plan/judge.h"
#include "registry/leases.h"
#include "stackfile/user_file.h"

static int start_draft(struct context *context, struct resolved *r, struct error *e)
{
	const struct command_line *line = &context->line;
	struct stackfile_request request = {.document = r->source.document,
		.environment = option_value(line, OPTION_ENV),
		.caller_env = (const char *const *)environ,
		.default_name = r->source.name,
		.main_dir = r->source.main_dir};
	r->profiles = option_values(line, OPTION_PROFILE, &request.profile_count);
	r->env_files = option_values(line, OPTION_ENV_FILE, &request.env_file_count);
	if (!r->profiles || !r->env_files)
		return fail(e, EXIT_FAILED, "out of memory");
	request.profiles = r->profiles;
	request.env_files = r->env_files;
	request.instance = r->claim.instance;
	request.base_port = r->claim.base_port;
	request.ports_base = r->claim.ports_base;
	r->draft = draft_new(&request, &r->source.complaints);
	return r->draft ? 0 : fail(e, EXIT_FAILED, "out of memory");
}

static void want_instance(const struct context *context, struct claim_request *request)
{
	static const enum claim_want wants[] = {[CHOICE_NONE] = WANT_DEFAULT,
		[CHOICE_NUMBER] = WANT_NUMBER,
		[CHOICE_AUTO] = WANT_AUTO,
		[CHOICE_NEW] = WANT_NEW};
	request->want = wants[context->choice];
	request->number = context->number;
}

/* Needs of the file only what is literal: name and block. The spans come with the second look. */
struct claim_request resolved_request(const struct context *context, const struct resolved *r)
{
	const struct source *s = &r->source;
	const struct stack *head = r->draft ? draft_head(r->draft) : NULL;
	struct claim_request request = {.state = context->paths.state,
		.main_dir = s->main_dir,
		.stack_name = s->name,
		.owner = head && head->owner ? head->owner : "",
		.worktree = s->worktree,
		.git_dir = s->git.is_linked ? s->git.git_dir : NULL,
		.branch = s->git.present ? s->git.branch : "",
		.environment = option_value(&context->line, OPTION_ENV),
		.run_id = "",
		.block = document_block(s->document),
		.ports_base = user_file_ports_base((const char *const *)environ),
		.spans = head && head->spans > 0 ? head->spans : 1};
	want_instance(context, &request);
	return request;
}

static int find_claim(struct context *context, struct resolved *r, struct error *e)
{
	struct claim_request request = resolved_request(context, r);
	claim_release(&r->claim);
	claim_init(&r->claim);
	return claim_find(&request, &r->claim, e);
}

/* A running instance's numbers are those of its leases: a port may have been moved at its launch. */
static int take_leases(struct context *context, struct resolved *r, struct error *e)
{
	struct registry *registry = context_registry(context, e);
	struct lease *leases;
	size_t count = 0;
	int result = registry ? lease_list(registry, r->claim.project_id, r->claim.instance,
					r->arena, &leases, &count, e)
			      : -1;
	for (int p = 0; result == 0 && p < r->port_count; p++) {
		struct port *port = &r->ports[p];
		for (size_t i = 0; i < count; i++) {
			if (strcmp(leases[i].service, port->service) != 0 ||
				strcmp(leases[i].name, port->name) != 0 ||
				leases[i].port == port->number)
				continue;
			port->moved_from = port->number;
			port->number = leases[i].port;
		}
	}
	registry_close(registry);
	return result;
}

static int number_ports(struct context *context, struct resolved *r, struct error *e)
{
	const struct port *rows = draft_ports(r->draft, &r->port_count);
	r->ports = arena_copy(r->arena, rows, (size_t)r->port_count * sizeof *rows);
	r->claim.avoided = draft_avoided(
		r->draft, &r->claim.avoided_count, &r->claim.protect_count);
	draft_emergency(r->draft, &r->claim.emergency_low, &r->claim.emergency_high);
	struct error why = {0};
	/* Two rows for one port are a mistake in the file, and resolving finds the others as well. */
	if (claim_preview(&r->claim, r->ports, (size_t)r->port_count, &why) < 0 &&
		!draft_ports_clash(r->draft)) {
		complaint_error(&r->source.complaints, r->source.location.shown, 0, "", "%s", why.text);
		if (why.hint[0])
			complaint_hint(&r->source.complaints, "%s", why.hint);
	}
	return r->running ? take_leases(context, r, e) : 0;
}

static void make_stack(struct context *context, struct resolved *r)
{
	size_t count = (size_t)r->port_count;
	uint16_t *numbers = arena_take(r->arena, (count + 1) * sizeof *numbers);
	uint16_t *moved = arena_take(r->arena, (count + 1) * sizeof *moved);
	for (size_t i = 0; i < count; i++) {
		numbers[i] = r->ports[i].number;
		moved[i] = r->ports[i].moved_from;
	}
	char *logs = paths_logs(&context->paths, r->claim.project, r->claim.instance);
	r->log_dir = arena_string(r->arena, logs ? logs : "");
	free(logs);
	const char *branch = r->source.git.present ? r->source.git.branch : "";
	char *slug = arena_take(r->arena, 64);
	name_to_slug(arena_format(r->arena, "%s-%s", r->claim.project, branch), slug);
	struct stackfile_facts facts = {.instance = r->claim.instance,
		.base_port = r->claim.base_port,
		.numbers = numbers,
		.moved_from = moved,
		.project = r->claim.project,
		.state_dir = r->claim.state_dir,
		.log_dir = r->log_dir,
		.slug = slug,
		.branch = branch,
		.judge = plan_judge};
	r->stack = draft_resolve(r->draft, &facts, &r->source.complaints);
	if (r->stack)
		r->graph = graph_new(r->arena, r->stack);
}

int resolve(struct context *context, struct resolved *r, struct error *e)
{
	*r = (struct resolved){.arena = arena_new()};
	claim_init(&r->claim);
	if (!r->arena)
		return fail(e, EXIT_FAILED, "out of memory");
	if (context_source(context, &r->source, e) < 0)
		return -1;
	if (!r->source.document)
		return 0;
	if (find_claim(context, r, e) < 0 || start_draft(context, r, e) < 0)
		return -1;
	if (draft_head(r->draft)->spans > 1 &&
		find_claim(context, r, e) < 0)
		return -1;
	r->running = r->claim.outcome == CLAIM_RUNNING;
	if (number_ports(context, r, e) < 0)
		return -1;
	make_stack(context, r);
	return 0;
}

void resolved_release(struct resolved *r)
{
	stack_free(r->stack);
	draft_free(r->draft);
	claim_release(&r->claim);
	source_release(&r->source);
	arena_free(r->arena);
	free(r->profiles);
	free(r->env_files);
	*r = (struct resolved){0};
}

int resolve_checked(struct context *context, struct resolved *r, struct error *e)
{
	if (resolve(context, r, e) < 0 || context_judge(context, &r->source.complaints, e) < 0)
		return -1;
	return r->stack ? 0 : fail(e, EXIT_FAILED, "out of memory");
}

struct environments *resolved_environments(struct resolved *r)
{
	struct environment_facts facts = {.project = r->claim.project,
		.instance = r->claim.instance,
		.base_port = r->claim.base_port,
		.state_dir = r->claim.state_dir,
		.slug = r->stack->slug,
		.id = NULL};
	return environments_new(r->arena, r->stack, &facts, (const char *const *)environ);
}

int resolved_service(const struct resolved *r, const char *name, struct error *e)
{
	const struct service *service = stack_service(r->stack, name);
	if (service)
		return service->index;
	struct nearest near = {.wanted = name};
	for (int i = 0; i < r->stack->service_count; i++)
		nearest_offer(&near, r->stack->services[i].name);
	fail(e, EXIT_NOT_FOUND, "there is no service '%s' in %s", name, r->source.location.shown);
	nearest_hint(&near, e);
	return -1;
}
