/*
 * actions.c - what people ask of services: start, stop, restart, kill.
 */
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "daemon/pending.h"
#include "daemon/requests.h"
#include "daemon/takeover.h"

enum action { ACTION_START, ACTION_STOP, ACTION_RESTART, ACTION_KILL };

/* Marks what the patterns name, everything enabled without patterns. */
static int mark_named(struct instance *in, const json_t *patterns, bool *marks, struct error *e)
{
	const json_t *item;
	size_t i;
	int count = in->loaded.stack->service_count;
	if (!json_array_size(patterns)) {
		for (int s = 0; s < count; s++)
			marks[s] = service_at(in, s)->enabled
				|| keeper_run(in->keeper, s)->want == WANT_UP;
		return 0;
	}
	json_array_foreach(patterns, i, item)
	{
		const char *pattern = json_string_value(item);
		bool found = false;
		for (int s = 0; pattern && s < count; s++) {
			bool hit = !fnmatch(pattern, service_at(in, s)->name, 0);
			marks[s] |= hit;
			found |= hit;
		}
		if (!found)
			return no_such_service(in, pattern ? pattern : "", e);
	}
	return 0;
}
static void note(json_t *notes, const char *name, const char *what)
{
	char text[128];
	snprintf(text, sizeof text, "'%s' %s", name, what);
	json_array_append_new(notes, json_string(text));
}

static bool is_up_already(const struct service_run *run)
{
	return run->want == WANT_UP && run->state != STATE_FAILED;
}

static bool is_down_already(const struct service_run *run)
{
	return run->want == WANT_DOWN && !service_occupied(run);
}

/* One direction in which an action goes beyond what was named, and whom it passes over there. */
struct reach {
	void (*mark)(const struct graph *graph, struct arena *scratch, bool *marks);
	bool (*is_done)(const struct service_run *run);
	const char *note;
};
static const struct reach needs = {
	graph_mark_needs, is_up_already, "is started first: it is needed"};
static const struct reach stopped = {
	graph_mark_dependents, is_down_already, "is stopped first: it depends on that"};
static const struct reach restarted = {
	graph_mark_dependents, is_down_already, "is restarted, too: it depends on that"};

static void extend(struct instance *in, const struct reach *reach, struct arena *scratch,
	bool *marks, json_t *notes)
{
	size_t count = (size_t)in->loaded.stack->service_count;
	bool *reached = arena_take(scratch, count + 1);
	memcpy(reached, marks, count * sizeof *reached);
	reach->mark(in->loaded.graph, scratch, reached);
	for (size_t i = 0; i < count; i++) {
		if (marks[i] || !reached[i] || reach->is_done(keeper_run(in->keeper, (int)i)))
			continue;
		marks[i] = true;
		note(notes, service_at(in, (int)i)->name, reach->note);
	}
}

/* What the action reaches beyond what was named. */
static void widen(struct instance *in, enum action action, const json_t *body, bool *marks,
	json_t *notes)
{
	struct arena *scratch = arena_new();
	if (!scratch || setjmp(*arena_on_failure(scratch))) {
		arena_free(scratch);
		return;
	}
	bool alone = request_has(body, "no_deps");
	if (action == ACTION_STOP && !alone)
		extend(in, &stopped, scratch, marks, notes);
	if (action == ACTION_RESTART && request_has(body, "with_dependents"))
		extend(in, &restarted, scratch, marks, notes);
	if ((action == ACTION_START || action == ACTION_RESTART) && !alone)
		extend(in, &needs, scratch, marks, notes);
	arena_free(scratch);
}

static void act_on(struct instance *in, enum action action, int service, bool no_deps)
{
	switch (action) {
	case ACTION_START:
		keeper_start(in->keeper, service, no_deps, "asked to start");
		break;
	case ACTION_STOP:
		keeper_stop(in->keeper, service, no_deps, "asked to stop");
		break;
	case ACTION_RESTART:
		keeper_set_no_deps(in->keeper, service, no_deps);
		if (takeover_fits(in, service))
			takeover_restart(in, service);
		else
			keeper_restart(in->keeper, service, "asked to restart");
		break;
	case ACTION_KILL:
		keeper_kill(in->keeper, service, "asked to be killed");
		break;
	}
}

/* The supervisor before had been asked for that restart and has seen to it. */
static bool is_restarted(const struct instance *in, int service, const json_t *body)
{
	const json_t *asked = json_object_get(body, "first_asked_ms");
	return asked && service_running(keeper_run(in->keeper, service)) &&
		in->io[service]->run.started_wall_ms > json_integer_value(asked);
}

/* Of those marked, NULL: of all, the stop that begins now or is under way, not the one after that. */
static void bound_stops(struct instance *in, const bool *marks, const json_t *body)
{
	int64_t timeout_ms = request_timeout_ms(body);
	for (int i = 0; timeout_ms >= 0 && i < in->loaded.stack->service_count; i++) {
		struct stop_policy *stop = &in->loaded.stack->services[i].policy.stop;
		if ((marks && !marks[i]) || !service_occupied(keeper_run(in->keeper, i)) ||
			is_restarted(in, i, body))
			continue;
		stop->has_bound = true;
		stop->bound_ms = timeout_ms;
		keeper_hurry(in->keeper, i);
	}
}

static void act_on_one(struct instance *in, enum action action, int service, const json_t *body,
	struct pending *waits)
{
	const struct service_run *run = keeper_run(in->keeper, service);
	bool up = action == ACTION_START || action == ACTION_RESTART;
	bool is_done = is_restarted(in, service, body);
	bool again = action == ACTION_RESTART && !is_done && service_occupied(run);
	if (!is_done)
		act_on(in, action, service, request_has(body, "no_deps"));
	if (waits)
		pending_goal(waits, service, up ? GOAL_UP : GOAL_DOWN, CONDITION_READY,
			run->generation + (again ? 1 : 0));
}

/* Who waits is answered when all have settled, the others at once. */
static void act_on_all(struct instance *in, struct control_ticket ticket, const json_t *body,
	enum action action, bool *marks)
{
	json_t *names = json_array();
	json_t *notes = json_array();
	json_t *reply = json_pack("{s:o, s:o}", "services", names, "notes", notes);
	bool waits = request_has(body, "wait");
	widen(in, action, body, marks, notes);
	if (action != ACTION_START)
		bound_stops(in, marks, body);
	int64_t wait_ms = action == ACTION_START ? request_timeout_ms(body) : -1;
	struct pending *p = waits ? pending_new(in, ticket, PENDING_GOALS, wait_ms) : NULL;
	for (int i = 0; i < in->loaded.stack->service_count; i++) {
		if (!marks[i])
			continue;
		json_array_append_new(names, json_string(service_at(in, i)->name));
		act_on_one(in, action, i, body, p);
	}
	if (p) {
		request_progress(p, body);
		p->reply = reply;
	} else if (!waits) {
		control_reply(in->server, ticket, reply);
	} else {
		json_decref(reply);
	}
}

static int refuse_while_stopping(struct error *e)
{
	fail(e, EXIT_FAILED, "the instance is being stopped");
	error_hint(e, "`stackup down --timeout 0` kills what is left of it");
	return -1;
}

static void act(struct instance *in, struct control_ticket ticket, const json_t *body,
	enum action action)
{
	struct error e = {0};
	bool *marks = calloc((size_t)in->loaded.stack->service_count + 1, sizeof *marks);
	int rc = !marks ? fail(&e, EXIT_FAILED, "out of memory")
		: in->stopping ? refuse_while_stopping(&e)
			       : mark_named(in, json_object_get(body, "services"), marks, &e);
	if (rc)
		control_refuse(in->server, ticket, &e);
	else
		act_on_all(in, ticket, body, action, marks);
	free(marks);
}
void action_start(struct instance *in, struct control_ticket ticket, const json_t *body)
{
	act(in, ticket, body, ACTION_START);
}

void action_stop(struct instance *in, struct control_ticket ticket, const json_t *body)
{
	act(in, ticket, body, ACTION_STOP);
}

void action_restart(struct instance *in, struct control_ticket ticket, const json_t *body)
{
	act(in, ticket, body, ACTION_RESTART);
}

void action_kill(struct instance *in, struct control_ticket ticket, const json_t *body)
{
	act(in, ticket, body, ACTION_KILL);
}

void action_down(struct instance *in, struct control_ticket ticket, const json_t *body)
{
	struct pending *p = pending_new(in, ticket, PENDING_DOWN, -1);
	if (!p)
		return;
	int left = 0;
	for (int i = 0; i < in->loaded.stack->service_count; i++)
		left += service_occupied(keeper_run(in->keeper, i));
	request_progress(p, body);
	p->reply = json_pack("{s:i, s:i}", "left", 0, "stopped", left);
	bound_stops(in, NULL, body);
	instance_stop(in, request_has(body, "kill"), "asked to stop");
}
