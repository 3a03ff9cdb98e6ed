#include "watch/keeper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/pages.h"
#include "watch/lifecycle.h"
#include "watch/perform.h"
#include "watch/settle.h"

/*
 * A turn starts so many services at most: others want to be heard in between. No turn takes as long
 * as a gap (promise P6), so one that is later than that was kept from coming.
 */
enum { GAP_MS = 250, STARTS_A_TURN = 32 };

struct queued {
	int service;
	struct service_event event;
	char reason[REASON_SIZE]; /* copy: the feeder's string need not live on */
};

struct keeper {
	const struct sys *sys; /* borrows */
	const struct stack *stack; /* borrows */
	size_t room; /* services that the arrays below have room for */
	struct service_run *runs; /* owns (pages), as the next four; one per service */
	struct queued *queue; /* a ring */
	size_t queue_size;
	size_t first;
	size_t waiting;
	struct settled *settled; /* scratch */
	bool *scratch;
	struct tree_mark *marks; /* scratch */
	int starts_left; /* in this turn */
	bool trees_changed;
	bool after_gap;
	int64_t now_ms;
	int64_t expected_ms; /* the next turn should not come later than that */
};

static size_t queue_room(size_t services)
{
	return 4 * services + 64;
}

static void release(struct keeper *k)
{
	size_t n = k->room;
	pages_free(k->runs, n * sizeof *k->runs);
	pages_free(k->queue, queue_room(n) * sizeof *k->queue);
	pages_free(k->settled, n * sizeof *k->settled);
	pages_free(k->scratch, 2 * n * sizeof *k->scratch);
	pages_free(k->marks, n * sizeof *k->marks);
}

/* All memory the keeper will ever need for this stack. Services never see it: it is not forked. */
static int allocate(struct keeper *k, const struct stack *stack)
{
	size_t n = (size_t)stack->service_count + 1;
	k->stack = stack;
	k->room = n;
	k->queue_size = queue_room(n);
	k->runs = pages_new(n * sizeof *k->runs);
	k->queue = pages_new(k->queue_size * sizeof *k->queue);
	k->settled = pages_new(n * sizeof *k->settled);
	k->scratch = pages_new(2 * n * sizeof *k->scratch);
	k->marks = pages_new(n * sizeof *k->marks);
	if (!k->runs || !k->queue || !k->settled || !k->scratch || !k->marks) {
		release(k);
		return -1;
	}
	for (size_t i = 0; i + 1 < n; i++)
		service_run_init(&k->runs[i], &stack->services[i].policy);
	return 0;
}

struct keeper *keeper_new(const struct sys *sys, const struct stack *stack)
{
	struct keeper *k = calloc(1, sizeof *k);
	if (!k)
		return NULL;
	k->sys = sys;
	k->expected_ms = NO_DEADLINE;
	if (allocate(k, stack)) {
		free(k);
		return NULL;
	}
	return k;
}

void keeper_free(struct keeper *k)
{
	if (!k)
		return;
	release(k);
	free(k);
}

/* Answers would come for what the service was before. */
static void probe_anew(struct service_run *run, int64_t now_ms)
{
	if (run->probe_until_ms != NO_DEADLINE)
		run->probe_at_ms = now_ms;
	run->probe_until_ms = NO_DEADLINE;
}

static void handle(struct keeper *k, int service, const struct service_event *event);

static void drain(struct keeper *k)
{
	while (k->waiting) {
		/* A copy: while it is handled its place may be given to another. */
		const struct queued *q = &k->queue[k->first];
		struct service_event event = q->event;
		char reason[REASON_SIZE];
		if (event.reason)
			event.reason = memcpy(reason, q->reason, sizeof reason);
		k->first = (k->first + 1) % k->queue_size;
		k->waiting--;
		handle(k, q->service, &event);
	}
}

/* Between two turns: it is later than the last one was. */
static void drain_now(struct keeper *k)
{
	k->now_ms = k->sys->now_ms(k->sys->self);
	drain(k);
}

int keeper_adopt(struct keeper *k, const struct stack *stack, const int *old_index)
{
	/* What was fed so far is about the services of the old one. */
	drain_now(k);
	struct keeper next = *k;
	if (allocate(&next, stack))
		return -1;
	next.first = 0;
	for (int i = 0; i < stack->service_count; i++) {
		if (old_index[i] < 0)
			continue;
		next.runs[i] = k->runs[old_index[i]];
		probe_anew(&next.runs[i], k->now_ms);
	}
	release(k);
	*k = next;
	return 0;
}

const struct service_run *keeper_run(const struct keeper *k, int service)
{
	return &k->runs[service];
}

const struct service_run *keeper_runs(const struct keeper *k)
{
	return k->runs;
}

void keeper_double(struct keeper *k, int service, int row)
{
	const struct service_run *from = &k->runs[service];
	struct service_run *run = &k->runs[row];
	service_run_init(run, &k->stack->services[row].policy);
	run->generation = from->generation;
	run->transition_count = from->transition_count;
	memcpy(run->transitions, from->transitions, sizeof run->transitions);
}

static struct child *child_of(struct keeper *k, int service, bool is_hook)
{
	return is_hook ? &k->runs[service].hook : &k->runs[service].leader;
}

/* The service itself has something to do when it is due. */
static void expect_turn_of(struct keeper *k, const struct service_run *run, int64_t due)
{
	if (run->probe_until_ms < due)
		due = run->probe_until_ms;
	if (due < k->expected_ms)
		k->expected_ms = due;
}

void keeper_restore(struct keeper *k, int service, const struct service_run *run)
{
	expect_turn_of(k, run, service_next_time(run));
	k->runs[service] = *run;
	probe_anew(&k->runs[service], k->sys->now_ms(k->sys->self));
	k->trees_changed = true;
}

void keeper_reach(struct keeper *k, int service, bool is_hook, int pidfd)
{
	child_of(k, service, is_hook)->pidfd = pidfd;
}

void keeper_feed(struct keeper *k, int service, const struct service_event *event)
{
	if (k->waiting == k->queue_size)
		drain_now(k);
	struct queued *q = &k->queue[(k->first + k->waiting++) % k->queue_size];
	q->service = service;
	q->event = *event;
	if (event->reason)
		reason_copy(q->reason, event->reason);
}

void keeper_swap(struct keeper *k, const struct stack *stack, int a, int b)
{
	drain_now(k);
	k->stack = stack;
	struct service_run *one = &k->runs[a];
	struct service_run *other = &k->runs[b];
	const struct service_run before = *one;
	*one = *other;
	*other = before;
	other->want = one->want;
	other->start_free = one->start_free;
	other->stop_free = one->stop_free;
	one->want = before.want;
	one->start_free = before.start_free;
	one->stop_free = before.stop_free;
	for (int i = 0; i < stack->service_count; i++)
		probe_anew(&k->runs[i], k->now_ms);
	/* Where it was nobody kept it up. */
	if (a != b && one->want == WANT_UP && (one->state == STATE_DOWN || one->state == STATE_FAILED))
		keeper_feed(k, a, &(struct service_event){
			.kind = ON_RESTART, .reason = "the process that is to have its place has ended"});
}

/* Those that asked to be restarted with what they depend on. */
static void restart_dependents(struct keeper *k, int service)
{
	for (int i = 0; i < k->stack->service_count; i++) {
		const struct service *s = &k->stack->services[i];
		if (s->policy.on_dependency != DEPENDENCY_RESTART || !service_running(&k->runs[i]))
			continue;
		for (size_t d = 0; d < s->dependency_count; d++) {
			if (s->dependencies[d].service != service)
				continue;
			char reason[REASON_SIZE];
			reason_format(reason, "'%s', which it depends on, restarts",
				k->stack->services[service].name);
			keeper_feed(k, i,
				&(struct service_event){.kind = ON_RESTART, .follows = true, .reason = reason});
		}
	}
}

static void handle(struct keeper *k, int service, const struct service_event *event)
{
	struct service_run *run = &k->runs[service];
	bool ran = run->state == STATE_READY || run->state == STATE_UNHEALTHY;
	struct effects effects; /* 6 KiB of texts, each written before it is read */
	effects.count = 0;
	struct service_event given = *event;
	if (k->after_gap && given.kind == ON_PROBE && given.result == PROBE_FAILED)
		given.result = PROBE_UNKNOWN;
	const struct step step = {.name = k->stack->services[service].name,
		.policy = &k->stack->services[service].policy,
		.run = run,
		.now_ms = k->now_ms,
		.random = k->sys->random(k->sys->self),
		.effects = &effects};
	service_step(&step, &given);
	struct service_event answer;
	char reason[REASON_SIZE];
	if (perform(k->sys, service, run, &effects, &answer, reason))
		handle(k, service, &answer);
	if (ran && !service_running(run) && run->want == WANT_UP && run->state != STATE_DONE)
		restart_dependents(k, service);
}

/* One look at the trees of all services that wait for theirs to become empty. */
static void look_at_trees(struct keeper *k)
{
	k->trees_changed = false;
	size_t count = 0;
	for (int i = 0; i < k->stack->service_count; i++)
		if (k->runs[i].waits_for_tree && !k->runs[i].leader.pid)
			k->marks[count++] = (struct tree_mark){.service = i, .session = k->runs[i].session};
	if (!count)
		return;
	k->sys->census(k->sys->self, k->marks, count);
	for (size_t i = 0; i < count; i++)
		keeper_feed(k, k->marks[i].service,
			&(struct service_event){.kind = ON_TREE, .left = k->marks[i].left});
	drain(k);
}

void keeper_trees_changed(struct keeper *k)
{
	k->trees_changed = true;
}

/* Of an earlier start, told late: whoever has its place now lives. */
static bool is_stale_exit(struct keeper *k, const struct keeper_exit *e)
{
	return child_of(k, e->service, e->is_hook)->pid != e->status.pid;
}

void keeper_exits(struct keeper *k, const struct keeper_exit *exits, size_t count)
{
	k->trees_changed = true;
	size_t marks = 0;
	for (size_t i = 0; i < count; i++)
		if (!exits[i].is_hook)
			k->marks[marks++] = (struct tree_mark){.service = exits[i].service,
				.session = k->runs[exits[i].service].session};
	if (marks)
		k->sys->census(k->sys->self, k->marks, marks);
	size_t mark = 0;
	for (size_t i = 0; i < count; i++) {
		const struct keeper_exit *e = &exits[i];
		struct service_event event = {.kind = e->is_hook ? ON_HOOK_EXITED : ON_EXITED,
			.exit = e->status, .reason = e->reason, .again = e->again};
		if (!e->is_hook)
			event.left = k->marks[mark++].left;
		if (is_stale_exit(k, e))
			continue;
		k->sys->forget(k->sys->self, e->service, child_of(k, e->service, e->is_hook));
		keeper_feed(k, e->service, &event);
	}
}

/* False: it has to wait for the next turn. */
static bool settle_one(struct keeper *k, struct settled *s)
{
	if (s->event.kind == ON_MAY_START && k->starts_left-- <= 0)
		return false;
	if (s->reason[0])
		s->event.reason = s->reason;
	handle(k, s->service, &s->event);
	return true;
}

static void settle_all(struct keeper *k)
{
	for (bool moved = true; moved;) {
		size_t count = settle(k->stack, k->runs, k->settled, k->scratch);
		moved = false;
		for (size_t i = 0; i < count; i++)
			moved |= settle_one(k, &k->settled[i]);
		drain(k);
	}
}

static void forgive_gap(struct keeper *k)
{
	k->after_gap = k->expected_ms != NO_DEADLINE && k->now_ms - k->expected_ms > GAP_MS;
	if (!k->after_gap)
		return;
	for (int i = 0; i < k->stack->service_count; i++)
		service_forgive(&k->runs[i], k->now_ms - k->expected_ms);
}

static void let_time_pass(struct keeper *k)
{
	for (int i = 0; i < k->stack->service_count; i++)
		if (service_next_time(&k->runs[i]) <= k->now_ms)
			handle(k, i, &(struct service_event){.kind = ON_TIME});
}

static int64_t next_turn(struct keeper *k)
{
	int64_t next = k->starts_left < 0 ? k->now_ms : NO_DEADLINE;
	k->expected_ms = NO_DEADLINE;
	for (int i = 0; i < k->stack->service_count; i++) {
		int64_t due = service_next_time(&k->runs[i]);
		if (due < next)
			next = due;
		expect_turn_of(k, &k->runs[i], due);
	}
	if (next < k->expected_ms)
		k->expected_ms = next;
	return next;
}

int64_t keeper_turn(struct keeper *k)
{
	k->now_ms = k->sys->now_ms(k->sys->self);
	k->starts_left = STARTS_A_TURN;
	forgive_gap(k);
	drain(k);
	let_time_pass(k);
	drain(k);
	if (k->trees_changed)
		look_at_trees(k);
	settle_all(k);
	k->after_gap = false;
	return next_turn(k);
}

void keeper_set_no_deps(struct keeper *k, int service, bool no_deps)
{
	k->runs[service].start_free = no_deps;
}

void keeper_start(struct keeper *k, int service, bool no_deps, const char *reason)
{
	keeper_set_no_deps(k, service, no_deps);
	keeper_feed(k, service, &(struct service_event){.kind = ON_WANT_UP, .reason = reason});
}

void keeper_stop(struct keeper *k, int service, bool no_deps, const char *reason)
{
	k->runs[service].stop_free = no_deps;
	keeper_feed(k, service, &(struct service_event){.kind = ON_WANT_DOWN, .reason = reason});
}

void keeper_restart(struct keeper *k, int service, const char *reason)
{
	keeper_feed(k, service, &(struct service_event){.kind = ON_RESTART, .reason = reason});
}

void keeper_kill(struct keeper *k, int service, const char *reason)
{
	keeper_feed(k, service, &(struct service_event){.kind = ON_KILL, .reason = reason});
}

void keeper_hurry(struct keeper *k, int service)
{
	/* The last turn may have been long ago: a stop that waits makes none. */
	escalation_hurry(&k->runs[service].escalation, &k->stack->services[service].policy.stop,
		k->sys->now_ms(k->sys->self));
}
