#include "cli/ask.h"
#include "cli/out.h"
#include "cli/ports/conflict_report.h"
#include "cli/ports/resolving.h"
#include "cli/ports/verbs.h"
#include "survey/report.h"

/* ---- what is wanted ---- */

static int take_options(struct resolving *v, struct error *e)
{
	const struct command_line *line = &v->context->line;
	bool stop = option_given(line, OPTION_STOP), move = option_given(line, OPTION_MOVE);
	enum port_strategy strategy = v->r.stack->strategy;
	int given = conflict_strategy(v->context, &strategy, e);
	if (given < 0)
		return -1;
	if (stop && move)
		return fail(e, EXIT_USAGE, "--stop and --move are two answers to one question");
	bool asks = !stop && !move && !given && !option_given(line, OPTION_DRY_RUN) &&
		conflict_can_ask(v->context);
	v->options.strategy = strategy;
	v->options.may_ask = asks;
	v->options.wish = stop ? RESOLVE_STOP : move ? RESOLVE_MOVE : asks ? RESOLVE_ASK
									    : RESOLVE_IGNORE;
	return 0;
}

static int read_reassignments(struct resolving *v, struct error *e)
{
	struct registry *registry = context_registry(v->context, e);
	if (!registry)
		return -1;
	int result = v->r.claim.project_id
		? reassignment_list(registry, v->r.claim.project_id, v->r.claim.instance,
			  v->r.arena, &v->reassignments, &v->reassignment_count, e)
		: 0;
	registry_close(registry);
	return result;
}

/* ---- the plan ---- */

static int look(struct resolving *v, struct error *e)
{
	v->options.choices = v->answers.choices;
	v->options.choice_count = v->answers.count;
	port_check_release(&v->check);
	return ports_check(v->context->paths.state, &v->r.claim, v->r.ports,
		(size_t)v->r.port_count, &v->options, &v->check, e);
}

static size_t count_of(const struct resolving *v, enum port_action action)
{
	size_t count = 0;
	for (size_t i = 0; i < v->check.count; i++)
		count += v->check.items[i].plan.action == action;
	return count;
}

static struct claim_question question_of(struct resolving *v, const struct port_conflict *c)
{
	struct arena *arena = v->answers.arena;
	return (struct claim_question){.service = arena_string(arena, c->service),
		.name = arena_string(arena, c->name), .port = c->plan.port, .line = c->line,
		.text = arena_format(arena, "port %u of service '%s': %s; %s", c->plan.port, c->service,
			c->text, c->plan.reason),
		.can_stop = resolve_can_stop(&c->plan), .can_move = resolve_can_move(&c->plan),
		.move_to = c->plan.move_to, .pid = c->holder ? c->holder->pid : 0,
		.start_ticks = c->holder ? c->holder->start_ticks : 0};
}

/* Until everything has an answer. 0, or -1 when it was given up. */
static int ask_all(struct resolving *v, struct error *e)
{
	while (count_of(v, RESOLVE_ASK)) {
		struct claim_question *all = NULL;
		size_t count = 0;
		for (size_t i = 0; i < v->check.count; i++)
			if (v->check.items[i].plan.action == RESOLVE_ASK)
				*arena_append(v->answers.arena, all, count) =
					question_of(v, &v->check.items[i]);
		if (conflict_ask(&v->answers, all, count, v->r.source.location.file, e))
			return -1;
		if (v->answers.edited) {
			say("%s has changed; `stackup ports check` says what is left",
				v->r.source.location.shown);
			return fail(e, EXIT_CONFLICT, "nothing else was done");
		}
		if (look(v, e))
			return -1;
	}
	return 0;
}

/* Who does not only want to see it is told what has been done. */
static void show_plan(struct resolving *v)
{
	OWNED_TEXT out = {0};
	if (v->context->json)
		out_json(report_conflicts(&v->check));
	else if (option_given(&v->context->line, OPTION_DRY_RUN))
		conflict_plan_add(&out, &v->check);
	if (v->r.running && !v->context->json && option_given(&v->context->line, OPTION_DRY_RUN))
		resolve_running_plan(v, &out);
	out_text(&out);
}

/* ---- what cannot be undone is agreed to ---- */

static bool ends_stranger(const struct port_conflict *c)
{
	return c->plan.action == RESOLVE_STOP && c->plan.class != CLASS_OWN_STALE;
}

static bool is_chosen(const struct resolving *v, const struct port_conflict *c)
{
	return resolve_choice_of(&(struct resolve_rules){.choices = v->answers.choices,
		.choice_count = v->answers.count}, c->plan.row) != NULL;
}

static const struct port_conflict *not_stopped(const struct resolving *v)
{
	for (size_t i = 0; i < v->check.count; i++)
		if (v->check.items[i].plan.not_stopped)
			return &v->check.items[i];
	return NULL;
}

/* Who was shown is who will be ended, and nobody who comes after. */
static int agree(struct resolving *v, struct error *e)
{
	for (size_t i = 0; i < v->check.count; i++) {
		const struct port_conflict *c = &v->check.items[i];
		if (!ends_stranger(c) || is_chosen(v, c))
			continue;
		OWNED_TEXT question = {0};
		text_addf(&question, "end who has port %u of service '%s', %s", c->plan.port,
			c->service, c->text);
		int answer = ask(v->context, text_string(&question), e);
		if (answer < 0)
			return -1;
		if (!answer)
			return fail(e, EXIT_CONFLICT, "port %u was left as it is", c->plan.port);
		struct claim_question q = question_of(v, c);
		conflict_choose(&v->answers, &q, RESOLVE_STOP, 0);
	}
	v->options.choices = v->answers.choices;
	v->options.choice_count = v->answers.count;
	return 0;
}

/* ---- carrying it out ---- */

static void on_progress(void *self, const char *line)
{
	const struct resolving *v = self;
	if (!v->context->quiet)
		say("%s", line);
}

static int put_in_order(struct resolving *v, struct claim *claim, struct error *e)
{
	const char *state = v->context->paths.state;
	const struct claim *seen = &v->r.claim;
	if (claim->outcome == CLAIM_RUNNING)
		return fail(e, EXIT_CONFLICT, "%s instance %d was started meanwhile", claim->project,
			claim->instance);
	claim->avoided = seen->avoided;
	claim->avoided_count = seen->avoided_count;
	claim->protect_count = seen->protect_count;
	claim->emergency_low = seen->emergency_low;
	claim->emergency_high = seen->emergency_high;
	v->options.on_progress = on_progress;
	v->options.self = v;
	struct port *rows = arena_copy(
		v->r.arena, v->r.ports, (size_t)v->r.port_count * sizeof *rows);
	int result = claim_ports(state, claim, rows, (size_t)v->r.port_count, &v->options, e);
	if (!v->context->quiet)
		say_lines(text_string(&claim->notices));
	return result ? -1 : claim_leave(state, claim, e);
}

/* A launch that ends before anything is started: the next one finds its ports as they are now. */
static int carry_out(struct resolving *v, struct error *e)
{
	struct claim claim;
	struct claim_request request = resolved_request(v->context, &v->r);
	claim_init(&claim);
	int result = claim_instance(&request, &claim, e);
	if (!result)
		result = put_in_order(v, &claim, e);
	claim_release(&claim);
	if (!result && !v->context->quiet)
		say("the next start of %s instance %d has its ports", v->r.claim.project,
			v->r.claim.instance);
	return result;
}

/* For a running instance a port that is lost is no success, whoever does without it. */
static int foresee(const struct resolving *v)
{
	bool fails = not_stopped(v) != NULL;
	for (size_t i = 0; i < v->check.count; i++) {
		const struct conflict *plan = &v->check.items[i].plan;
		fails = fails || resolve_is_fatal(plan) ||
			(v->r.running && plan->action == RESOLVE_FAIL);
	}
	return fails ? EXIT_CONFLICT : EXIT_DONE;
}

/* The services have ports, and yet it is not what was wanted. */
static int tell_not_stopped(const struct resolving *v, struct error *e)
{
	const struct port_conflict *c = not_stopped(v);
	return c ? fail(e, EXIT_CONFLICT, "port %u of service '%s' was not freed: %s", c->plan.port,
		c->service, c->plan.reason) : EXIT_DONE;
}

static int resolve_all(struct resolving *v, struct error *e)
{
	if (take_options(v, e) || read_reassignments(v, e) || look(v, e))
		return -1;
	if (ask_all(v, e))
		return -1;
	show_plan(v);
	if (count_of(v, RESOLVE_IGNORE) == v->check.count && !v->reassignment_count) {
		if (!v->context->json && !v->context->quiet)
			say("nothing is in the way of %s instance %d", v->r.claim.project,
				v->r.claim.instance);
		return EXIT_DONE;
	}
	if (option_given(&v->context->line, OPTION_DRY_RUN))
		return foresee(v);
	if (agree(v, e))
		return -1;
	int result = v->r.running ? resolve_running(v, e) : carry_out(v, e);
	return result ? result : tell_not_stopped(v, e);
}

int verb_ports_resolve(struct context *context, struct error *e)
{
	struct resolving v = {.context = context};
	conflict_answers_init(&v.answers);
	int code = v.answers.arena ? resolve_checked(context, &v.r, e)
				   : fail(e, EXIT_FAILED, "out of memory");
	if (code == 0)
		code = resolve_all(&v, e);
	port_check_release(&v.check);
	conflict_answers_release(&v.answers);
	if (v.r.arena)
		resolved_release(&v.r);
	return code;
}
