#include "daemon/pending.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/number.h"
#include "control/wire.h"
#include "daemon/requests.h"
#include "daemon/second.h"

struct pending *pending_new(struct instance *in, struct control_ticket ticket,
	enum pending_kind kind, int64_t timeout_ms)
{
	struct pending *p = calloc(1, sizeof *p);
	if (!p || !list_push(&in->pendings, p)) {
		free(p);
		struct error e;
		fail(&e, EXIT_FAILED, "the supervisor is out of memory");
		control_refuse(in->server, ticket, &e);
		return NULL;
	}
	p->ticket = ticket;
	p->kind = kind;
	p->timeout_ms = timeout_ms;
	p->deadline_ms = timeout_ms >= 0 ? in->now_ms + timeout_ms : NO_DEADLINE;
	return p;
}

void pending_goal(struct pending *p, int service, enum goal_kind kind, enum condition condition,
	uint64_t generation)
{
	struct goal goal = {service, kind, condition, generation};
	if (!list_push(&p->goals, goal))
		p->deadline_ms = 0; /* what cannot be waited for is over at once */
}

static void free_one(struct pending *p)
{
	list_release(&p->goals);
	json_decref(p->reply);
	free(p);
}

static void remove_at(struct instance *in, size_t i)
{
	free_one(in->pendings.items[i]);
	list_remove(&in->pendings, i);
}

void pending_free_all(struct instance *in)
{
	while (in->pendings.count)
		remove_at(in, in->pendings.count - 1);
	list_release(&in->pendings);
}

enum { STEADY_MS = 100 };
enum outcome { OPEN, MET, HOPELESS };

static bool needs(const struct service *s, int other)
{
	for (size_t i = 0; i < s->dependency_count; i++)
		if (s->dependencies[i].service == other && !s->dependencies[i].optional)
			return true;
	return false;
}

/* By somebody else who is to be up. */
static bool is_depended_on(const struct instance *in, const struct pending *p, int service)
{
	for (size_t i = 0; i < p->goals.count; i++)
		if (p->goals.items[i].kind != GOAL_DOWN
			&& needs(service_at(in, p->goals.items[i].service), service))
			return true;
	return false;
}

static enum outcome hopeless(const struct instance *in, const struct pending *p,
	const struct goal *goal, struct error *e)
{
	const struct service_run *run = keeper_run(in->keeper, goal->service);
	bool own_fault = (run->cause == CAUSE_CRASH || run->cause == CAUSE_NONE)
		&& !is_depended_on(in, p, goal->service);
	int code = own_fault && run->state != STATE_BLOCKED ? EXIT_FAILED : EXIT_NOT_READY;
	char reason[REASON_SIZE];
	show_reason(in, goal->service, reason, sizeof reason);
	fail(e, code, "service '%s' %s%s: %s", service_at(in, goal->service)->name,
		run->state == STATE_FAILED ? "has " : "is ",
		run->unkillable ? "still there" : service_state_word(run->state), reason);
	error_hint(e, "see `stackup why %s` and `stackup logs %s`",
		service_at(in, goal->service)->name, service_at(in, goal->service)->name);
	return HOPELESS;
}

static bool condition_holds(const struct service_run *run, enum condition condition)
{
	switch (condition) {
	case CONDITION_STARTED:
		return service_running(run) || run->state == STATE_DONE;
	case CONDITION_READY:
		return run->state == STATE_READY || run->state == STATE_DONE;
	case CONDITION_HEALTHY:
		return run->state == STATE_READY && run->verdict.health == HEALTH_HEALTHY;
	case CONDITION_COMPLETED:
		return run->state == STATE_DONE;
	}
	return false;
}

/*
 * A service whose readiness is only that it was started may be a crash that has not happened yet. Whoever
 * waits for it is told after a moment in which it did not end.
 */
static int64_t steady_at(const struct instance *in, const struct goal *goal)
{
	const struct service_run *run = keeper_run(in->keeper, goal->service);
	bool only_started = service_at(in, goal->service)->policy.readiness == READY_STARTED;
	return run->ready_ms + (only_started ? STEADY_MS : 0);
}

/* When an open goal may be met by the clock alone. */
static int64_t next_look(const struct instance *in, const struct pending *p)
{
	int64_t next = p->deadline_ms;
	for (size_t i = 0; p->kind == PENDING_GOALS && i < p->goals.count; i++) {
		const struct goal *goal = &p->goals.items[i];
		bool ready = keeper_run(in->keeper, goal->service)->state == STATE_READY;
		int64_t at = steady_at(in, goal);
		if (goal->kind == GOAL_UP && ready && at > in->now_ms && at < next)
			next = at;
	}
	return next;
}

static bool is_over(const struct service_run *run)
{
	return run->unkillable || run->state == STATE_FAILED
		|| (run->state == STATE_DOWN && run->want == WANT_DOWN);
}

static enum outcome look_at(const struct instance *in, const struct pending *p,
	const struct goal *goal, struct error *e)
{
	const struct service_run *run = keeper_run(in->keeper, goal->service);
	switch (goal->kind) {
	case GOAL_DOWN:
		if (!service_occupied(run) && !second_is_of(in, goal->service))
			return MET;
		if (run->unkillable)
			return hopeless(in, p, goal, e);
		if (run->want == WANT_DOWN)
			return OPEN;
		fail(e, EXIT_FAILED, "somebody asked for '%s' to start again meanwhile",
			service_at(in, goal->service)->name);
		return HOPELESS;
	case GOAL_UP:
		if (run->generation < goal->generation)
			break;
		/* The process whose place was taken goes first. */
		if (goal->generation && second_is_of(in, goal->service))
			return OPEN;
		if (run->state == STATE_DONE || (run->state == STATE_READY && steady_at(in, goal) <= in->now_ms))
			return MET;
		break;
	case GOAL_CONDITION:
		if (condition_holds(run, goal->condition))
			return MET;
		if (goal->condition == CONDITION_HEALTHY && run->state == STATE_DONE)
			return hopeless(in, p, goal, e);
		break;
	}
	if (!is_over(run) && !instance_is_stuck(in, goal->service))
		return OPEN;
	return hopeless(in, p, goal, e);
}

static enum outcome look_at_all(const struct instance *in, const struct pending *p, struct error *e)
{
	enum outcome all = MET;
	for (size_t i = 0; i < p->goals.count; i++) {
		enum outcome one = look_at(in, p, &p->goals.items[i], e);
		if (one == HOPELESS)
			return HOPELESS;
		if (one == OPEN)
			all = OPEN;
	}
	return all;
}

/* What was not started for another one's sake has no last lines, and its reason is that one's. */
static bool has_failed_itself(const struct service_run *run)
{
	return run->state == STATE_FAILED && run->cause != CAUSE_DEPENDENCY;
}

/* Of what the request is about and what that needs. NULL: out of memory. */
static json_t *failed_names(const struct instance *in, const struct pending *p)
{
	size_t count = (size_t)in->loaded.stack->service_count;
	json_t *names = json_array();
	struct arena *scratch = arena_new();
	if (!scratch || setjmp(*arena_on_failure(scratch)))
		goto out;
	bool *marks = arena_take(scratch, count + 1);
	for (size_t i = 0; i < p->goals.count; i++)
		marks[p->goals.items[i].service] = true;
	graph_mark_needs(in->loaded.graph, scratch, marks);
	for (size_t i = 0; i < count; i++)
		if (marks[i] && has_failed_itself(keeper_run(in->keeper, (int)i)))
			json_array_append_new(names, json_string(service_at(in, (int)i)->name));
out:
	arena_free(scratch);
	return names;
}

static void refuse(struct instance *in, const struct pending *p, const struct error *why)
{
	control_refuse_with(
		in->server, p->ticket, why, json_pack("{s:o}", "failed", failed_names(in, p)));
}

static void refuse_late(struct instance *in, const struct pending *p)
{
	char shown[NUMBER_DURATION_SIZE];
	struct error e = {0};
	struct error unused;
	OWNED_TEXT open = {0};
	for (size_t i = 0; i < p->goals.count; i++) {
		const struct goal *goal = &p->goals.items[i];
		const struct service_run *run = keeper_run(in->keeper, goal->service);
		if (look_at(in, p, goal, &unused) == OPEN)
			text_addf(&open, "%s'%s' (%s%s%s)", open.length ? ", " : "",
				service_at(in, goal->service)->name, service_state_word(run->state),
				run->reason[0] ? ": " : "", run->reason);
	}
	fail(&e, EXIT_TIMED_OUT, "not there after %s: %.800s",
		number_show_duration(p->timeout_ms, shown), text_string(&open));
	refuse(in, p, &e);
}

/* True when it was answered. */
static bool check_one(struct instance *in, struct pending *p)
{
	struct error e = {0};
	if (p->kind == PENDING_GOALS) {
		switch (look_at_all(in, p, &e)) {
		case MET:
			control_reply(in->server, p->ticket, p->reply);
			p->reply = NULL;
			return true;
		case HOPELESS:
			refuse(in, p, &e);
			return true;
		case OPEN:
			break;
		}
	}
	if (in->now_ms < p->deadline_ms)
		return false;
	refuse_late(in, p);
	return true;
}

int64_t pending_check(struct instance *in)
{
	int64_t next = NO_DEADLINE;
	for (size_t i = 0; i < in->pendings.count;) {
		struct pending *p = in->pendings.items[i];
		if (check_one(in, p)) {
			remove_at(in, i);
			continue;
		}
		int64_t look = next_look(in, p);
		if (look < next)
			next = look;
		i++;
	}
	return next;
}

static bool concerns(const struct pending *p, int service)
{
	if (p->kind != PENDING_GOALS || service < 0)
		return true;
	for (size_t i = 0; i < p->goals.count; i++)
		if (p->goals.items[i].service == service)
			return true;
	return false;
}

void pending_progress(struct instance *in, int service, enum event_kind kind, const char *text)
{
	for (size_t i = 0; i < in->pendings.count; i++) {
		struct pending *p = in->pendings.items[i];
		bool shown = p->progress && (p->steps || event_kind_weight(kind) > WEIGHT_STEP);
		if (!shown || !concerns(p, service))
			continue;
		const char *name = service >= 0 ? service_at(in, service)->name : "";
		const char *state = service >= 0
			? service_state_word(keeper_run(in->keeper, service)->state)
			: instance_state_word((enum instance_state)in->state);
		control_more(in->server, p->ticket,
			json_pack("{s:s, s:s, s:s, s:o}", "service", name, "state", state, "kind",
				event_kind_word(kind), "text", wire_string(text)));
	}
}

/* What could not be killed: of a service, or of none. */
static bool something_is_left(struct instance *in, struct error *e)
{
	for (int i = 0; i < in->loaded.stack->service_count; i++) {
		const struct service_run *run = keeper_run(in->keeper, i);
		if (!run->unkillable)
			continue;
		fail(e, EXIT_FAILED, "service '%s' is still there: %s", service_at(in, i)->name, run->reason);
		return true;
	}
	char why[REASON_SIZE];
	if (!tree_withstands(&in->tree, TREE_EVERYTHING, why, sizeof why))
		return false;
	fail(e, EXIT_FAILED, "something of no service is still there: %s", why);
	return true;
}

static void answer_down(struct instance *in, struct pending *p)
{
	struct error e = {0};
	if (something_is_left(in, &e)) {
		refuse(in, p, &e);
		return;
	}
	control_reply(in->server, p->ticket, p->reply);
	p->reply = NULL;
}

void pending_end(struct instance *in)
{
	for (size_t i = 0; i < in->pendings.count; i++) {
		struct pending *p = in->pendings.items[i];
		struct error e;
		fail(&e, EXIT_FAILED, "the instance was stopped");
		error_hint(&e, "`stackup events` shows why");
		switch (p->kind) {
		case PENDING_DOWN:
			answer_down(in, p);
			break;
		case PENDING_FOLLOW:
			control_reply(in->server, p->ticket,
				json_pack("{s:i, s:s}", "exit", in->exit_code, "text", in->exit_text));
			break;
		case PENDING_GOALS:
			if (look_at_all(in, p, &e) == MET)
				control_reply(in->server, p->ticket, NULL);
			else
				refuse(in, p, &e);
			break;
		}
	}
}

static bool waits_for_restart(const struct instance *in, const struct pending *p, int service)
{
	for (size_t i = 0; p->kind == PENDING_GOALS && i < p->goals.count; i++) {
		const struct goal *goal = &p->goals.items[i];
		if (goal->kind == GOAL_UP && goal->service == service
			&& goal->generation > keeper_run(in->keeper, service)->generation)
			return true;
	}
	return false;
}

void pending_give_up(struct instance *in, int service, const struct error *why)
{
	for (size_t i = 0; i < in->pendings.count;) {
		struct pending *p = in->pendings.items[i];
		if (!waits_for_restart(in, p, service)) {
			i++;
			continue;
		}
		refuse(in, p, why);
		remove_at(in, i);
	}
}

void pending_drop(struct instance *in, struct pending *p)
{
	for (size_t i = 0; i < in->pendings.count; i++) {
		if (in->pendings.items[i] == p) {
			remove_at(in, i);
			return;
		}
	}
}

void pending_drop_client(struct instance *in, uint64_t client)
{
	for (size_t i = 0; i < in->pendings.count;)
		if (in->pendings.items[i]->ticket.client == client)
			remove_at(in, i);
		else
			i++;
}

void pending_renumber(struct instance *in, const int *new_index)
{
	for (size_t i = 0; i < in->pendings.count; i++) {
		struct pending *p = in->pendings.items[i];
		for (size_t g = 0; g < p->goals.count;) {
			int now = new_index[p->goals.items[g].service];
			if (now < 0) {
				list_remove(&p->goals, g);
				continue;
			}
			p->goals.items[g++].service = now;
		}
	}
}
