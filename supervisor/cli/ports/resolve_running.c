#include "cli/ports/resolving.h"

#include <stdio.h>
#include <string.h>

#include "cli/out.h"
#include "ports/evict.h"
#include "ports/policy.h"

struct running {
	struct resolving *v; /* borrows */
	struct target target; /* owns */
	struct control_client client; /* owns */
	size_t left; /* what could not be put right */
};

/* What went wrong with one port is no reason to leave the others. */
static void tell_left(struct running *run, const struct error *why)
{
	say("%s", why->text);
	run->left++;
}

/* ---- at the supervisor's hands ---- */

static int call(struct running *run, json_t *request, json_t **reply, struct error *e)
{
	const struct run_place place = target_run(&run->target, true);
	return successor_call_once(&run->client, &place, request, NULL, NULL, reply, e);
}

static int move_to(struct running *run, const char *service, uint16_t port, struct error *e)
{
	json_t *reply = NULL;
	int result = call(run, json_pack("{s:s, s:s, s:i}", "verb", "move", "service", service, "port",
		(int)port), &reply, e);
	json_decref(reply);
	if (!result && !run->v->context->quiet)
		say("service '%s' moved to port %u", service, port);
	return result;
}

static int start(struct running *run, const char *service, struct error *e)
{
	return call(run, json_pack("{s:s, s:[s]}", "verb", "start", "services", service), NULL, e);
}

/* ---- conflicts ---- */

static int end_holder(struct running *run, const struct port_conflict *c, struct error *e)
{
	const struct resolving *v = run->v;
	const struct claim *claim = &v->r.claim;
	struct owner_list ended = {0};
	OWNED_TEXT why = {0};
	text_addf(&why, "port %u of service '%s': %s", c->plan.port, c->service, c->plan.reason);
	const struct eviction order = {.state = v->context->paths.state,
		.project_id = claim->project_id, .instance = claim->instance, .port = c->plan.port,
		.udp = c->plan.udp, .protects = claim->avoided,
		.protect_count = claim->protect_count, .why = text_string(&why),
		.pid = c->holder ? c->holder->pid : 0,
		.start_ticks = c->holder ? c->holder->start_ticks : 0};
	int result = evict(&order, &ended, e);
	if (!result && !v->context->quiet)
		say("port %u of service '%s' was %s; stopped: %s", c->plan.port, c->service, c->text,
			c->plan.reason);
	owners_release(&ended);
	return result;
}

static int settle(struct running *run, const struct port_conflict *c, struct error *e)
{
	switch (c->plan.action) {
	case RESOLVE_IGNORE:
		return 0;
	case RESOLVE_STOP:
		return end_holder(run, c, e) || start(run, c->service, e) ? -1 : 0;
	case RESOLVE_MOVE:
		return move_to(run, c->service, c->plan.move_to, e);
	case RESOLVE_WAIT:
	case RESOLVE_FAIL:
	case RESOLVE_ASK:
		return fail(e, EXIT_CONFLICT, "port %u of service '%s' is %s; %s", c->plan.port,
			c->service, c->text, c->plan.reason);
	}
	return 0;
}

/* ---- emergency ports ---- */

static const struct port *row_of(const struct resolving *v, const struct reassignment *plan)
{
	for (int i = 0; i < v->r.port_count; i++)
		if (!strcmp(v->r.ports[i].service, plan->service) &&
			!strcmp(v->r.ports[i].name, plan->name))
			return &v->r.ports[i];
	return NULL;
}

static bool is_further(const struct reassignment *plan)
{
	return strcmp(plan->name, "main") != 0;
}

/* Where it may go after the port it is meant to have: its range, or that of the instance. */
static void places_of(const struct resolving *v, const struct port *row, int *low, int *high)
{
	*low = row->range_low;
	*high = row->range_low ? row->range_high : -1;
	if (row->range_low || !port_has_slot(row))
		return;
	*low = v->r.claim.base_port;
	*high = *low + instance_slots(v->r.claim.spans) - 1;
}

/* The supervisor knows what it can have: it is asked for one after the other. */
static int bring_home(struct running *run, const struct reassignment *plan, struct error *e)
{
	const struct port *row = row_of(run->v, plan);
	struct error why = {0};
	int low, high;
	if (!row || is_further(plan))
		return fail(e, EXIT_CONFLICT, "port.%s of service '%s' leaves its emergency port %u at "
			"the next start: only main ports move while the service runs", plan->name,
			plan->service, plan->port);
	if (!move_to(run, plan->service, plan->planned_port, e))
		return 0;
	places_of(run->v, row, &low, &high);
	for (int port = low; e->code == EXIT_CONFLICT && port <= high; port++) {
		if (port == plan->planned_port)
			continue;
		if (!move_to(run, plan->service, (uint16_t)port, &why)) {
			*e = (struct error){0};
			return 0;
		}
		if (why.code != EXIT_CONFLICT) {
			*e = why;
			return -1;
		}
	}
	return -1;
}

void resolve_running_plan(struct resolving *v, struct text *out)
{
	for (size_t i = 0; i < v->reassignment_count; i++) {
		const struct reassignment *plan = &v->reassignments[i];
		text_addf(out, "port %u of service '%s' is an emergency port\n", plan->port,
			plan->service);
		if (is_further(plan))
			text_addf(out, "  port.%s moves to %u at the next start\n", plan->name,
				plan->planned_port);
		else
			text_addf(out, "  it moves to %u, or near it, when that is free\n",
				plan->planned_port);
	}
}

static int connect(struct running *run, struct error *e)
{
	if (context_running(run->v->context, &run->target, e))
		return -1;
	return target_connect(&run->target, ANSWER_MS, &run->client, e);
}

int resolve_running(struct resolving *v, struct error *e)
{
	struct running run = {.v = v, .client = {.fd = -1}};
	int result = connect(&run, e);
	for (size_t i = 0; !result && i < v->check.count; i++) {
		struct error why = {0};
		if (settle(&run, &v->check.items[i], &why))
			tell_left(&run, &why);
	}
	for (size_t i = 0; !result && i < v->reassignment_count; i++) {
		struct error why = {0};
		if (bring_home(&run, &v->reassignments[i], &why))
			tell_left(&run, &why);
	}
	client_close(&run.client);
	target_release(&run.target);
	if (!result && run.left)
		return fail(e, EXIT_CONFLICT, "%zu of the ports of %s instance %d could not be put right",
			run.left, v->r.claim.project, v->r.claim.instance);
	return result;
}
