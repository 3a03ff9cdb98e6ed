#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/clearing.h"
#include "daemon/instance.h"
#include "daemon/origin.h"
#include "model/names.h"
#include "plan/judge.h"
#include "plan/order.h"
#include "spawn/validate.h"
#include "stackfile/describe.h"
#include "stackfile/draft.h"

/* The rows of the ports while their numbers are being found. */
struct numbers {
	struct port *rows; /* owns */
	uint16_t *now; /* owns */
	uint16_t *before; /* owns */
	int count;
};

static void numbers_release(struct numbers *n)
{
	free(n->rows);
	free(n->now);
	free(n->before);
}

static int numbers_begin(struct numbers *n, const struct draft *draft, struct error *e)
{
	const struct port *wants = draft_ports(draft, &n->count);
	size_t room = (size_t)n->count + 1;
	n->rows = calloc(room, sizeof *n->rows);
	n->now = calloc(room, sizeof *n->now);
	n->before = calloc(room, sizeof *n->before);
	if (!n->rows || !n->now || !n->before)
		return fail(e, EXIT_FAILED, "out of memory");
	if (n->count)
		memcpy(n->rows, wants, (size_t)n->count * sizeof *wants);
	return 0;
}

static void numbers_take(struct numbers *n)
{
	for (int i = 0; i < n->count; i++) {
		n->now[i] = n->rows[i].number;
		n->before[i] = n->rows[i].moved_from;
	}
}

static struct stack *resolve(struct instance *in, const struct load_request *request,
	const struct draft *draft, const struct numbers *n, struct complaints *c)
{
	char slug[64];
	OWNED_TEXT text = {0};
	text_addf(&text, "%s-%s", in->claim.project, request->branch ? request->branch : "");
	name_to_slug(text_string(&text), slug);
	const struct stackfile_facts facts = {.instance = in->claim.instance,
		.base_port = in->claim.base_port,
		.numbers = n->now,
		.moved_from = n->before,
		.project = in->claim.project,
		.state_dir = in->claim.state_dir,
		.log_dir = in->log_dir,
		.slug = slug,
		.branch = request->branch ? request->branch : "",
		.judge = plan_judge};
	return draft_resolve(draft, &facts, c);
}

static char **copy_environment(struct arena *arena, char *const *from)
{
	size_t count = 0;
	while (from[count])
		count++;
	char **copy = arena_take(arena, (count + 1) * sizeof *copy);
	for (size_t i = 0; i < count; i++)
		copy[i] = arena_string(arena, from[i]);
	return copy;
}

/* The services with a place for a second run behind them. */
static void make_rows(struct loaded *l)
{
	struct stack *stack = l->stack;
	size_t count = (size_t)stack->service_count;
	struct service *services = arena_take(l->arena, (count + 1) * sizeof *services);
	if (count)
		memcpy(services, stack->services, count * sizeof *services);
	services[count] = (struct service){.name = "", .index = stack->service_count};
	stack->services = services;
	l->rows = arena_new_object(l->arena, struct stack);
	*l->rows = *stack;
	l->rows->service_count++;
}

/* Graph, environments and what is wanted, for a stack that is resolved. */
static int derive(struct instance *in, const struct load_request *request, struct loaded *l,
	bool **wanted, struct error *e)
{
	static uint64_t loads;
	l->number = ++loads;
	l->arena = arena_new();
	if (!l->arena || setjmp(*arena_on_failure(l->arena)))
		return fail(e, EXIT_FAILED, "out of memory");
	make_rows(l);
	l->graph = graph_new(l->arena, l->stack);
	if (order_wanted(l->arena, l->stack, l->graph, request->services, request->service_count,
		    !request->no_deps, wanted, e))
		return -1;
	l->caller = copy_environment(l->arena, request->caller_env);
	const struct environment_facts facts = {.project = in->claim.project,
		.instance = in->claim.instance,
		.base_port = in->claim.base_port,
		.state_dir = in->claim.state_dir,
		.slug = l->stack->slug,
		.id = in->run_id};
	l->environments = environments_new(
		l->arena, l->stack, &facts, (const char *const *)(void *)l->caller);
	return 0;
}

struct validating {
	const struct loaded *loaded;
	struct arena *scratch;
};

static char *const *environment_for(void *self, int service)
{
	struct validating *v = self;
	return environment_of(v->loaded->environments, v->scratch, service, NULL).envp;
}

static int validate(const struct load_request *request, const struct loaded *l, const bool *wanted,
	struct complaints *c, struct error *e)
{
	struct arena *scratch = arena_new();
	if (!scratch || setjmp(*arena_on_failure(scratch))) {
		arena_free(scratch);
		return fail(e, EXIT_FAILED, "out of memory");
	}
	struct validating self = {l, scratch};
	const struct validate v = {.stack = l->stack,
		.file = request->document->label,
		.wanted = wanted,
		.run_project_programs = request->check_programs,
		.self = &self,
		.environment = environment_for,
		.complaints = c};
	size_t before = c->list.count;
	size_t errors = validate_stack(&v);
	secret_hide_in(c, before, l->stack);
	arena_free(scratch);
	if (errors)
		return fail(e, EXIT_FAILED, "%s cannot be started as it is", request->document->label);
	return 0;
}

void loaded_release(struct loaded *l)
{
	stack_free(l->stack);
	arena_free(l->arena);
	draft_free(l->draft);
	document_free(l->own_document);
	json_decref(l->origin);
	*l = (struct loaded){0};
}

/* The stack as it would be when no port is in the way: all that is wrong with the file itself. */
static int make_preview(struct instance *in, const struct load_request *request,
	const struct draft *draft, struct numbers *n, struct loaded *preview, bool **wanted,
	struct complaints *c, struct error *e)
{
	int rc = claim_preview(&in->claim, n->rows, (size_t)n->count, e);
	if (!rc) {
		numbers_take(n);
	} else if (!draft_ports_clash(draft)) {
		complaint_error(c, request->document->label, 0, NULL, "%s", e->text);
		if (e->hint[0])
			complaint_hint(c, "%s", e->hint);
	}
	preview->stack = resolve(in, request, draft, n, c);
	if (!preview->stack)
		rc = fail(e, EXIT_BAD_FILE, "%s has mistakes", request->document->label);
	return rc ? rc : derive(in, request, preview, wanted, e);
}

static struct claim_options options_of(const struct instance *in, const struct load_request *request,
	const struct draft *draft)
{
	const struct stack *head = draft_head(draft);
	const char *of_file = head->purpose && head->purpose[0] ? head->purpose : NULL;
	return (struct claim_options){
		.strategy = request->strategy ? *request->strategy : head->strategy,
		.strict = request->strict_ports,
		.may_ask = request->may_ask,
		.choices = request->choices,
		.choice_count = request->choice_count,
		.wait_ms = request->wait_ms,
		.on_progress = request->on_progress,
		.is_given_up = request->is_given_up,
		.self = request->self,
		.environment = head->environment,
		.purpose = request->purpose ? request->purpose : of_file,
		.config_file = request->document->file,
		.guardian_pid = in->guardian.pid,
		.is_launch = true};
}

/* Everything that can be seen to be wrong without touching a port. */
static int look_first(struct instance *in, const struct load_request *request,
	const struct draft *draft, struct numbers *n, struct complaints *c, struct error *e)
{
	struct loaded preview = {0};
	bool *wanted = NULL;
	int rc = make_preview(in, request, draft, n, &preview, &wanted, c, e);
	if (!rc && validate(request, &preview, wanted, c, e)) {
		const struct claim_options options = options_of(in, request, draft);
		taken_complain(in, request->document->label, n->rows, (size_t)n->count, &options, c);
		rc = -1;
	}
	loaded_release(&preview);
	return rc;
}

static int claim_and_resolve(struct instance *in, const struct load_request *request,
	const struct draft *draft, struct numbers *n, struct loaded *loaded, bool **wanted,
	struct complaints *c, struct error *e)
{
	const struct claim_options options = options_of(in, request, draft);
	if (claim_ports(in->paths.state, &in->claim, n->rows, (size_t)n->count, &options, e))
		return -1;
	numbers_take(n);
	loaded->stack = resolve(in, request, draft, n, c);
	if (!loaded->stack)
		return fail(e, EXIT_BAD_FILE, "%s has mistakes", request->document->label);
	return derive(in, request, loaded, wanted, e);
}

/* What the stack file says of ports that are nobody's service: the claim borrows it. */
static void lend_rules(struct instance *in, const struct draft *draft)
{
	struct claim *claim = &in->claim;
	claim->avoided = draft_avoided(draft, &claim->avoided_count, &claim->protect_count);
	draft_emergency(draft, &claim->emergency_low, &claim->emergency_high);
}

static void take_rules_back(struct instance *in)
{
	in->claim.avoided = NULL;
	in->claim.avoided_count = in->claim.protect_count = 0;
}

static struct draft *begin_draft(struct instance *in, const struct load_request *request,
	const struct draft_past *past, struct numbers *n, struct complaints *c, struct error *e)
{
	const struct stackfile_request asked = {.document = request->document,
		.environment = request->environment,
		.instance = in->claim.instance,
		.base_port = in->claim.base_port,
		.ports_base = in->claim.ports_base,
		.profiles = request->profiles,
		.profile_count = request->profile_count,
		.env_files = request->env_files,
		.env_file_count = request->env_file_count,
		.caller_env = (const char *const *)(const void *)request->caller_env,
		.default_name = request->stack_name,
		.main_dir = request->main_dir,
		.past = past};
	struct draft *draft = draft_new(&asked, c);
	if (!draft || numbers_begin(n, draft, e)) {
		draft_free(draft);
		fail(e, EXIT_FAILED, "out of memory");
		return NULL;
	}
	lend_rules(in, draft);
	return draft;
}

int load_judge(struct instance *in, const struct load_request *request, struct clearing **clearing,
	struct complaints *c, struct error *e)
{
	struct numbers n = {0};
	struct draft *draft = begin_draft(in, request, NULL, &n, c, e);
	int rc = draft ? look_first(in, request, draft, &n, c, e) : -1;
	if (!rc && clearing) {
		const struct claim_options options = options_of(in, request, draft);
		*clearing = clearing_new(in, n.rows, (size_t)n.count, &options);
	}
	numbers_release(&n);
	take_rules_back(in);
	draft_free(draft);
	return rc;
}

static void keep_draft(struct loaded *loaded, const struct load_request *request, struct draft *draft)
{
	loaded->draft = draft;
	loaded->origin = origin_of(request, draft);
}

int load_stack(struct instance *in, const struct load_request *request, struct loaded *loaded,
	bool **wanted, struct complaints *c, struct error *e)
{
	struct numbers n = {0};
	*loaded = (struct loaded){0};
	struct draft *draft = begin_draft(in, request, NULL, &n, c, e);
	int rc = draft ? 0 : -1;
	if (!rc && !request->is_judged)
		rc = look_first(in, request, draft, &n, c, e);
	if (!rc) {
		/* Warnings were said by the first look; the second one sees the same file. */
		struct complaints again = {0};
		rc = claim_and_resolve(in, request, draft, &n, loaded, wanted, &again, e);
		if (again.errors)
			complaints_move(c, &again);
		complaints_release(&again);
	}
	if (rc)
		loaded_release(loaded);
	numbers_release(&n);
	take_rules_back(in);
	if (rc)
		draft_free(draft);
	else
		keep_draft(loaded, request, draft);
	loaded->document = request->document;
	return rc;
}

static int take_numbers(struct numbers *n, const uint16_t *numbers, const uint16_t *moved_from,
	size_t count, struct error *e)
{
	if (count != (size_t)n->count)
		return fail(e, EXIT_FAILED, "it has other ports than it had");
	for (size_t i = 0; i < count; i++) {
		n->now[i] = numbers[i];
		n->before[i] = moved_from[i];
	}
	return 0;
}

int load_past(struct instance *in, const struct load_request *request, const struct draft_past *past,
	const uint16_t *numbers, const uint16_t *moved_from, size_t count, struct loaded *loaded,
	struct error *e)
{
	struct numbers n = {0};
	struct complaints c = {0};
	bool *wanted = NULL;
	*loaded = (struct loaded){.document = request->document};
	struct draft *draft = begin_draft(in, request, past, &n, &c, e);
	int rc = draft ? take_numbers(&n, numbers, moved_from, count, e) : -1;
	if (!rc) {
		loaded->stack = resolve(in, request, draft, &n, &c);
		rc = loaded->stack ? derive(in, request, loaded, &wanted, e)
				   : fail(e, EXIT_BAD_FILE, "%s has mistakes: %s", request->document->label,
					     c.list.count ? c.list.items[0].text : "?");
	}
	if (rc) {
		loaded_release(loaded);
		draft_free(draft);
	} else {
		keep_draft(loaded, request, draft);
	}
	numbers_release(&n);
	complaints_release(&c);
	take_rules_back(in);
	return rc;
}

/* The draft with other numbers. Who was told to stop sooner or later than the file says keeps that. */
static int resolve_again(struct instance *in, const struct numbers *n, struct loaded *next,
	struct error *e)
{
	const struct loaded *now = &in->loaded;
	const struct load_request request = {.document = now->document,
		.branch = in->branch,
		.no_deps = true,
		.caller_env = now->caller};
	struct complaints c = {0};
	bool *wanted = NULL;
	*next = (struct loaded){.document = now->document, .origin = json_incref(now->origin)};
	next->stack = resolve(in, &request, now->draft, n, &c);
	int rc = next->stack ? derive(in, &request, next, &wanted, e)
			     : fail(e, EXIT_BAD_FILE, "%s has mistakes with these ports",
				       now->document->label);
	complaints_release(&c);
	for (int i = 0; !rc && i < next->stack->service_count; i++)
		next->stack->services[i].policy.stop = now->stack->services[i].policy.stop;
	if (rc)
		loaded_release(next);
	return rc;
}

int load_with_port(struct instance *in, size_t row, uint16_t number, struct loaded *next,
	struct error *e)
{
	struct numbers n = {0};
	uint16_t home = in->claim.places[row].wanted;
	int rc = numbers_begin(&n, in->loaded.draft, e);
	for (int i = 0; !rc && i < n.count; i++) {
		n.now[i] = in->loaded.stack->ports[i].number;
		n.before[i] = in->loaded.stack->ports[i].moved_from;
	}
	if (!rc) {
		n.now[row] = number;
		n.before[row] = number == home ? 0 : home;
		rc = resolve_again(in, &n, next, e);
	}
	numbers_release(&n);
	return rc;
}

int load_claimed_again(struct instance *in, struct loaded *next, struct error *e)
{
	/* Nobody is stopped from the loop: there is no time for that between TERM and KILL. */
	const enum port_strategy strategy = in->loaded.stack->strategy;
	const struct claim_options options = {
		.strategy = strategy == STRATEGY_AGGRESSIVE ? STRATEGY_INTELLIGENT : strategy,
		.strict = in->strict_ports,
		.wait_ms = 1,
		.config_file = in->loaded.stack->file,
		.guardian_pid = in->guardian.pid};
	struct numbers n = {0};
	int rc = numbers_begin(&n, in->loaded.draft, e);
	lend_rules(in, in->loaded.draft);
	if (!rc)
		rc = claim_ports(in->paths.state, &in->claim, n.rows, (size_t)n.count, &options, e);
	take_rules_back(in);
	if (!rc) {
		numbers_take(&n);
		rc = resolve_again(in, &n, next, e);
	}
	numbers_release(&n);
	return rc;
}
