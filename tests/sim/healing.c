/*
 * Liveness: the faults stop, and within a time that follows from the policies everything comes to
 * rest, comes up when it is asked to, and goes down without leaving anything.
 */
#include "journey.h"

/* It waits for something that nobody wants: people have to say more. */
static bool waits_for_people(const struct journey *j, int row)
{
	const struct stack *stack = world_now_stack(j->world);
	const struct service_run *runs = keeper_runs(world_keeper(j->world));
	const struct service *s = &stack->services[row];
	for (size_t d = 0; d < s->dependency_count; d++) {
		int on = s->dependencies[d].service;
		bool blocked = runs[on].state == STATE_BLOCKED;
		if (runs[on].want == WANT_DOWN || (blocked && waits_for_people(j, on)))
			return true;
	}
	return false;
}

static bool has_settled(const struct journey *j, int row)
{
	const struct service_run *run = keeper_run(world_keeper(j->world), row);
	switch (run->state) {
	case STATE_DOWN:
	case STATE_DONE:
	case STATE_FAILED:
	case STATE_READY:
		return true;
	case STATE_BLOCKED:
		return waits_for_people(j, row);
	case STATE_UNHEALTHY:
	case STATE_STARTING:
	case STATE_COOLING:
	case STATE_STOPPING:
	case STATE_KILLING:
		return false;
	}
	return false;
}

static bool all_settled(void *owner)
{
	const struct journey *j = owner;
	for (int i = 0; i <= second_row(j); i++)
		if (!has_settled(j, i))
			return false;
	return !j->mover.active;
}

/* But for those who wait for what waits for people. */
static void all_must_be_answered(const struct journey *j)
{
	for (int i = 0; i < j->clients.count; i++) {
		int row = world_row_of(j->world, j->clients.waiting[i].who);
		const struct service_run *run = keeper_run(world_keeper(j->world), row);
		bool waits_to_stop = service_running(run) && run->want == WANT_DOWN;
		if (run->state != STATE_BLOCKED && !waits_to_stop)
			world_complain(j->world, row, "was asked for something, and nobody hears what came of it");
	}
}

static bool all_there(void *owner)
{
	const struct journey *j = owner;
	for (int i = 0; i < second_row(j); i++)
		if (world_state(j->world, i) != STATE_READY && world_state(j->world, i) != STATE_DONE)
			return false;
	return true;
}

static bool all_gone(void *owner)
{
	const struct journey *j = owner;
	for (int i = 0; i <= second_row(j); i++)
		if (service_occupied(keeper_run(world_keeper(j->world), i)))
			return false;
	return world_processes(j->world) == 0;
}

/*
 * How long one service may need to come to rest: to be stopped by all steps, to wait out the
 * longest back-off, to time out once more, and to be found healthy.
 */
static int64_t longest(const struct walk_policy *p)
{
	int64_t starts = p->task ? p->task_timeout_ms + 100 : p->ready_timeout_ms + 1000;
	int64_t stops = 2 * p->stop_timeout_ms + 2200;
	int64_t healthy = p->health ? (p->successes + 1) * (2 * p->interval_ms + p->timeout_ms) : 0;
	return starts + stops + p->max_delay_ms + healthy + 300;
}

/* Services that need each other do so one after the other, twice where one brings others along. */
static int64_t bound(const struct walk *walk)
{
	int64_t sum = 1000;
	for (int i = 0; i < walk->services; i++)
		sum += 2 * longest(&walk->service[i].policy);
	return sum;
}

static void must_become(struct journey *j, bool (*true_at_last)(void *owner), const char *what)
{
	int64_t until = world_now(j->world) + bound(j->walk);
	if (!world_run_until_done(j->world, until, true_at_last, j))
		world_complain(j->world, -1, what);
}

void journey_heal(struct journey *j)
{
	world_heal(j->world);
	must_become(j, all_settled, "does not come to rest after the faults have stopped");
	all_must_be_answered(j);
	world_stop(j->world, second_row(j), true);
	for (int i = 0; i < second_row(j); i++)
		world_restart(j->world, i);
	must_become(j, all_there, "does not come up when nothing goes wrong");
	world_down(j->world);
	must_become(j, all_gone, "does not go down");
	if (world_descriptors(j->world))
		world_complain(j->world, -1, "is down, and pidfds are open");
}
