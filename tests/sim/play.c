/*
 * A walk is gone: its moves, then the end of all faults, after which everything must heal, be
 * restarted, and go down without leaving anything.
 */
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>

#include "base/arena.h"
#include "clients.h"
#include "mover.h"
#include "stacks.h"
#include "walk.h"
#include "world.h"

struct journey {
	const struct walk *walk;
	struct world *world;
	int second_of; /* whose second run the last row is for */
	struct mover mover;
	struct clients clients;
};

static void fill_policy(const struct walk_policy *from, struct service_policy *p)
{
	p->type = from->task ? TYPE_TASK : TYPE_SERVICE;
	p->readiness = (enum readiness)from->readiness;
	p->ready_timeout_ms = from->ready_timeout_ms;
	p->task_timeout_ms = from->task_timeout_ms;
	p->on_dependency = (enum dependency_rule)from->on_dependency;
	p->restart = (struct restart_policy){.rule = (enum restart_rule)from->restart,
		.delay_ms = from->delay_ms,
		.max_delay_ms = from->max_delay_ms,
		.reset_ms = from->reset_ms,
		.limit = (int)from->limit,
		.limit_window_ms = from->window_ms};
	p->health = (struct health_policy){.present = from->health,
		.interval_ms = from->interval_ms,
		.timeout_ms = from->timeout_ms,
		.retries = (int)from->retries,
		.successes = (int)from->successes,
		.start_period_ms = from->start_period_ms,
		.action = (enum health_action)from->action};
	p->readiness_is_health = p->readiness == READY_PROBE && p->health.present;
	p->stop = (struct stop_policy){.signal = (int)from->stop_signal,
		.timeout_ms = from->stop_timeout_ms,
		.scope = from->stop_leader ? STOP_LEADER : STOP_GROUP,
		.has_command = from->stop_command};
}

/* Stack files that ask for more than there can be are refused. */
static enum condition possible(const struct walk *walk, const struct walk_need *need)
{
	const struct walk_policy *on = &walk->service[need->on].policy;
	if (need->condition == CONDITION_HEALTHY && (!on->health || on->task))
		return CONDITION_READY;
	if (need->condition == CONDITION_COMPLETED && !on->task)
		return CONDITION_READY;
	return (enum condition)need->condition;
}

struct stack *walk_stack(const struct walk *walk)
{
	struct stack *stack = world_stack((int)walk->services + 1);
	for (int i = 0; i < walk->services; i++) {
		const struct walk_service *s = &walk->service[i];
		fill_policy(&s->policy, &stack->services[i].policy);
		for (int n = 0; n < WALK_NEEDS; n++)
			if (s->needs[n].on != NEVER)
				world_needs(stack, i, &(struct dependency){.service = (int)s->needs[n].on,
					.condition = possible(walk, &s->needs[n]),
					.optional = s->needs[n].optional});
	}
	return stack;
}

static const struct script *choose(void *owner, int who, int nth)
{
	const struct journey *j = owner;
	int service = who < j->walk->services ? who : j->second_of;
	return &j->walk->service[service].scripts[nth % WALK_SCRIPTS];
}

/* ---- the moves ---- */

static int second_row(const struct journey *j)
{
	return (int)j->walk->services;
}

/*
 * A second run begins, takes over, or ends: what comes next. Whoever keeps it lets the two change back
 * the next time. It takes nobody's place who is not wanted.
 */
static void second_run(struct journey *j, int service, bool keep)
{
	int row = second_row(j);
	struct world *w = j->world;
	world_run_until(w, world_now(w));
	if (world_is_free(w, row)) {
		j->second_of = world_who(w, service);
		world_double(w, service, row);
		return;
	}
	int first = world_row_of(w, j->second_of);
	bool wanted = keeper_run(world_keeper(w), first)->want == WANT_UP;
	bool swaps = wanted && world_state(w, row) == STATE_READY;
	if (swaps)
		world_swap(w, first, row);
	if (!swaps || !keep)
		world_stop(w, row, true);
}

static void move(struct journey *j, int service, int64_t arg)
{
	world_run_until(j->world, world_now(j->world));
	if (mover_begin(&j->mover, j->world, service, (enum handover_kind)(arg & 3), arg >> 2)) {
		j->second_of = world_who(j->world, service);
		mover_continue(&j->mover, j->world);
	}
}

static void after_turn(void *owner)
{
	struct journey *j = owner;
	mover_continue(&j->mover, j->world);
	clients_look(&j->clients, j->world);
}

/* In the same turn in which somebody asks for something. */
static void reload(struct journey *j, int service, bool new)
{
	struct world *w = j->world;
	world_run_until(w, world_now(w));
	if (!new)
		world_restart(w, service);
	world_reload(w, new ? service : -1);
}

static void start_all(struct journey *j)
{
	for (int i = 0; i < second_row(j); i++)
		world_start(j->world, i, false);
}

static void perform(struct journey *j, const struct walk_move *m)
{
	struct world *w = j->world;
	int service = (int)m->service;
	switch ((enum deed)m->deed) {
	case DEED_NONE:
		break;
	case DEED_UP:
		start_all(j);
		break;
	case DEED_DOWN:
		world_down(w);
		break;
	case DEED_START:
	case DEED_START_ALONE:
		clients_ask(&j->clients, w, service, WISH_UP, false);
		world_start(w, service, m->deed == DEED_START_ALONE);
		break;
	case DEED_STOP:
	case DEED_STOP_ALONE:
		clients_ask(&j->clients, w, service, WISH_DOWN, false);
		world_stop(w, service, m->deed == DEED_STOP_ALONE);
		break;
	case DEED_RESTART:
		clients_ask(&j->clients, w, service, WISH_UP, true);
		world_restart(w, service);
		break;
	case DEED_KILL:
		clients_ask(&j->clients, w, service, WISH_DOWN, false);
		world_kill(w, service);
		break;
	case DEED_SIGNAL:
		world_kill_from_outside(w, service, (int)m->arg);
		break;
	case DEED_FREEZE:
		world_freeze(w, m->arg);
		break;
	case DEED_DOUBLE:
		if (!j->mover.active)
			second_run(j, service, m->arg);
		break;
	case DEED_MOVE:
		move(j, service, m->arg);
		break;
	case DEED_RELOAD:
		if (!j->mover.active)
			reload(j, service, m->arg);
		break;
	case DEED_STRAY:
		world_stray(w, service, (int)m->arg);
		break;
	}
}

/* ---- liveness ---- */

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
 * How long one service may need to come to rest: to be stopped by all steps, to wait out the longest
 * back-off, to time out once more, and to be found healthy.
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

static void go(struct journey *j, struct ending *ending)
{
	const struct walk *walk = j->walk;
	for (ending->move = 0; ending->move < walk->moves; ending->move++) {
		const struct walk_move *m = &walk->move[ending->move];
		if (m->wait_ms)
			world_run_until(j->world, world_now(j->world) + m->wait_ms);
		perform(j, m);
	}
	world_heal(j->world);
	must_become(j, all_settled, "does not come to rest after the faults have stopped");
	all_must_be_answered(j);
	world_stop(j->world, second_row(j), true);
	for (int i = 0; i < walk->services; i++)
		world_restart(j->world, i);
	must_become(j, all_there, "does not come up when nothing goes wrong");
	world_down(j->world);
	must_become(j, all_gone, "does not go down");
	if (world_descriptors(j->world))
		world_complain(j->world, -1, "is down, and pidfds are open");
}

/* ---- what the core does of its own accord: aborts, and circles without an end ---- */

static sigjmp_buf escape;
static volatile sig_atomic_t playing;
static volatile sig_atomic_t ticks;
static const char aborted[] = "the core aborted";
static const char circles[] = "the core does not come back";

static void on_signal(int signal)
{
	if (!playing)
		return;
	if (signal == SIGALRM && ++ticks < 10)
		return;
	siglongjmp(escape, signal == SIGALRM ? 3 : 2);
}

static void watch_over(void)
{
	static bool watched;
	if (watched)
		return;
	watched = true;
	struct sigaction act = {.sa_handler = on_signal, .sa_flags = SA_NODEFER};
	sigaction(SIGABRT, &act, NULL);
	sigaction(SIGALRM, &act, NULL);
	struct itimerval every = {{1, 0}, {1, 0}};
	setitimer(ITIMER_REAL, &every, NULL);
}

void walk_play(const struct walk *walk, FILE *story, struct ending *ending)
{
	struct stack *stack = walk_stack(walk);
	struct journey j = {.walk = walk, .world = world_new((uint64_t)walk->luck, stack)};
	*ending = (struct ending){0};
	watch_over();
	world_choose(j.world, choose, &j);
	world_each_turn(j.world, after_turn, &j);
	world_narrate(j.world, story);
	world_catch(j.world, &escape);
	ticks = 0;
	playing = 1;
	int how = sigsetjmp(escape, 0);
	if (!how) {
		go(&j, ending);
	} else {
		ending->failed = true;
		ending->rule = how == 3 ? circles : how == 2 ? aborted : world_rule(j.world);
		snprintf(ending->complaint, sizeof ending->complaint, "%s",
			how == 1 ? world_complaint(j.world) : ending->rule);
	}
	playing = 0;
	ending->events = world_events(j.world);
	world_free(j.world);
	stack_free(stack);
}
