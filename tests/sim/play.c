/* A walk is gone, move by move. */
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>

#include "journey.h"
#include "pool.h"

static const struct script *choose(void *owner, int who, int nth)
{
	const struct journey *j = owner;
	int service = who < j->walk->services ? who : j->second_of;
	return &j->walk->service[service].scripts[nth % WALK_SCRIPTS];
}

/* ---- the moves ---- */

/*
 * A second run begins, takes over, or ends: what comes next. Whoever keeps it lets the two change
 * back the next time. It takes nobody's place who is not wanted.
 */
static void second_run(struct journey *j, int service, bool keep)
{
	int row = second_row(j);
	struct world *w = j->world;
	world_run_until(w, world_now(w));
	if (world_is_free(w, row)) {
		if (!service_running(keeper_run(world_keeper(w), service)))
			return;
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

static void go(struct journey *j, struct ending *ending)
{
	const struct walk *walk = j->walk;
	for (ending->move = 0; ending->move < walk->moves; ending->move++) {
		const struct walk_move *m = &walk->move[ending->move];
		if (m->wait_ms)
			world_run_until(j->world, world_now(j->world) + m->wait_ms);
		perform(j, m);
	}
	journey_heal(j);
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

/* Only where the pages come from the pool (CMakeLists.txt). */
static void look_for_pages(struct ending *ending)
{
#ifdef SIM_POOL
	static const char kept[] = "the keeper is gone, and some of its pages are not";
	if (pool_out && !ending->failed) {
		*ending = (struct ending){.failed = true, .rule = kept, .events = ending->events};
		snprintf(ending->complaint, sizeof ending->complaint, "%s", kept);
	}
	pool_out = 0;
#else
	(void)ending;
#endif
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
	look_for_pages(ending);
}
