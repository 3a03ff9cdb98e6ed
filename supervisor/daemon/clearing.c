#include "daemon/clearing.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "claim/check.h"
#include "daemon/instance.h"
#include "ports/evict.h"
#include "registry/history.h"

/* One port, all in the arena. */
struct held_port {
	struct eviction order;
	const char *service;
	const char *class; /* word of PORT_CLASSES */
	const char *holder; /* "held by pid 4242 (node), ..." */
	const char *reason; /* why it is stopped */
	struct error trouble; /* after the thread: code 0, it is free */
};

struct clearing {
	struct instance *in; /* borrows; the loop's, but for its registry's place */
	struct arena *arena; /* owns */
	struct held_port *ports; /* in the arena */
	size_t count;
	pthread_t thread;
	bool has_thread;
	bool is_done;
	ev_async done;
};

/* ---- the plan ---- */

static const uint16_t *copy_protects(struct clearing *c)
{
	const struct claim *claim = &c->in->claim;
	size_t size = claim->protect_count * sizeof *claim->avoided;
	return size ? arena_copy(c->arena, claim->avoided, size) : NULL;
}

static void add(struct clearing *c, const struct port_conflict *taken)
{
	const struct instance *in = c->in;
	const struct conflict *plan = &taken->plan;
	struct held_port *port = arena_append(c->arena, c->ports, c->count);
	port->service = arena_string(c->arena, taken->service);
	port->class = port_class_word(plan->class);
	port->holder = arena_string(c->arena, taken->text);
	port->reason = plan->reason;
	port->order = (struct eviction){.state = in->paths.state,
		.project_id = in->claim.project_id,
		.instance = in->claim.instance,
		.port = plan->port,
		.udp = plan->udp,
		.protects = copy_protects(c),
		.protect_count = in->claim.protect_count,
		.why = arena_format(c->arena, "port %u of service '%s': %s", plan->port,
			port->service, plan->reason)};
}

/* Own leftovers are ended by the claim itself: they have had their time. */
static bool is_to_be_stopped(const struct conflict *plan)
{
	return plan->action == RESOLVE_STOP && plan->class != CLASS_OWN_STALE;
}

/* Then the claim is refused, and nobody need go for it. */
static bool fails_anyway(const struct port_check *check)
{
	for (size_t i = 0; i < check->count; i++)
		if (resolve_is_fatal(&check->items[i].plan))
			return true;
	return false;
}

static void plan(struct clearing *c, const struct port_check *check)
{
	if (setjmp(*arena_on_failure(c->arena))) {
		c->count = 0;
		return;
	}
	for (size_t i = 0; i < check->count; i++)
		if (is_to_be_stopped(&check->items[i].plan))
			add(c, &check->items[i]);
}

static void look(struct clearing *c, const struct port *rows, size_t count,
	const struct claim_options *options)
{
	struct port_check check = {0};
	struct claim claim = c->in->claim;
	/* What our own services listen on is then no conflict. */
	claim.outcome = CLAIM_RUNNING;
	if (!ports_check(c->in->paths.state, &claim, rows, count, options, &check, NULL)
		&& !fails_anyway(&check))
		plan(c, &check);
	port_check_release(&check);
}

static void on_done(struct ev_loop *loop, ev_async *w, int events)
{
	(void)loop;
	(void)events;
	struct clearing *c = w->data;
	c->is_done = true;
}

struct clearing *clearing_new(struct instance *in, const struct port *rows, size_t count,
	const struct claim_options *options)
{
	/* The look takes as long as a claim, and no other strategy stops a stranger. */
	if (options->strategy != STRATEGY_AGGRESSIVE)
		return NULL;
	struct clearing *c = calloc(1, sizeof *c);
	if (!c || !(c->arena = arena_new())) {
		free(c);
		return NULL;
	}
	c->in = in;
	ev_async_init(&c->done, on_done);
	c->done.data = c;
	look(c, rows, count, options);
	if (c->count)
		return c;
	clearing_free(c);
	return NULL;
}

/* ---- in the thread ---- */

static void record(const struct clearing *c)
{
	const struct eviction *first = &c->ports[0].order;
	struct registry *r = registry_open(first->state, REGISTRY_WRITE, REGISTRY_LOOP_MS, NULL, NULL);
	if (!r)
		return;
	int result = registry_begin(r, NULL);
	for (size_t i = 0; !result && i < c->count; i++) {
		const struct held_port *port = &c->ports[i];
		const struct conflict_note note = {.project_id = port->order.project_id,
			.instance = port->order.instance,
			.service = port->service,
			.port = port->order.port,
			.class = port->class,
			.holder = port->holder,
			.action = "stopped"};
		if (!port->trouble.code && history_conflict(r, &note, NULL))
			break;
	}
	if (!result)
		registry_commit(r, NULL);
	registry_close(r);
}

static void *clear_all(void *self)
{
	struct clearing *c = self;
	for (size_t i = 0; i < c->count; i++) {
		struct owner_list ended = {0};
		evict(&c->ports[i].order, &ended, &c->ports[i].trouble);
		owners_release(&ended);
	}
	record(c);
	ev_async_send(c->in->loop, &c->done);
	return NULL;
}

/* ---- on the loop ---- */

void clearing_begin(struct clearing *c)
{
	sigset_t all, before;
	ev_async_start(c->in->loop, &c->done);
	for (size_t i = 0; i < c->count; i++) {
		char text[REASON_SIZE];
		reason_format(text, "port %u of service '%s' is %s; stopping that", c->ports[i].order.port,
			c->ports[i].service, c->ports[i].holder);
		tell_event(c->in, -1, EVENT_PORT, text);
	}
	/* Signals are for the loop. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	c->has_thread = !pthread_create(&c->thread, NULL, clear_all, c);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	for (size_t i = 0; !c->has_thread && i < c->count; i++)
		fail(&c->ports[i].trouble, EXIT_FAILED, "port %u: there is no thread for that",
			c->ports[i].order.port);
	if (!c->has_thread)
		c->is_done = true;
}

bool clearing_is_done(const struct clearing *c)
{
	return c->is_done;
}

void clearing_tell(const struct clearing *c)
{
	for (size_t i = 0; i < c->count; i++) {
		const struct held_port *port = &c->ports[i];
		char text[REASON_SIZE];
		if (port->trouble.code)
			reason_format(text, "%s", port->trouble.text);
		else
			reason_format(text, "port %u of service '%s' was %s; stopped: %s",
				port->order.port, port->service, port->holder, port->reason);
		tell_event(c->in, -1, EVENT_PORT, text);
	}
}

void clearing_free(struct clearing *c)
{
	if (!c)
		return;
	if (c->has_thread)
		pthread_join(c->thread, NULL);
	ev_async_stop(c->in->loop, &c->done);
	arena_free(c->arena);
	free(c);
}
