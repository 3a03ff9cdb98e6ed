/*
 * A seed becomes a walk. Every walk draws first what can go wrong in it at all (see A. Groce et
 * al., "Swarm Testing"): a fault that is in half of the walks, and then often, meets more of the
 * others than one that is everywhere, and seldom.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "plan/handover.h"
#include "walk.h"
#include "watch/service.h"

#define FAULTS(X)                                                                                  \
	X(FAULT_FORK) X(FAULT_EXEC) X(FAULT_NEVER_READY) X(FAULT_SLOW) X(FAULT_EXIT)               \
	X(FAULT_EXIT_EARLY) X(FAULT_SIGNAL) X(FAULT_AGAIN) X(FAULT_IGNORE) X(FAULT_KERNEL)         \
	X(FAULT_ZOMBIE) X(FAULT_ORPHANS) X(FAULT_SICK) X(FAULT_ODD) X(FAULT_LATE)                  \
	X(FAULT_UNASKED) X(FAULT_HOOK) X(FAULT_USER) X(FAULT_CALM)
#define X(name) name,
enum fault { FAULTS(X) FAULT_END };
#undef X

enum { FEW = 8 }; /* services */

struct dice {
	uint64_t state;
	uint32_t faults; /* bits of enum fault */
	uint32_t deeds; /* bits of enum deed */
};

static uint32_t roll(struct dice *dice)
{
	dice->state ^= dice->state >> 12;
	dice->state ^= dice->state << 25;
	dice->state ^= dice->state >> 27;
	return (uint32_t)((dice->state * 0x2545f4914f6cdd1dULL) >> 32);
}

/* In [0, n). */
static int64_t upto(struct dice *dice, int64_t n)
{
	return (int64_t)(((uint64_t)roll(dice) * (uint64_t)n) >> 32);
}

static bool one_in(struct dice *dice, int64_t n)
{
	return upto(dice, n) == 0;
}

/* Short ones as often as long ones, up to about most. */
static int64_t some_ms(struct dice *dice, int64_t most)
{
	int64_t limit = most;
	while (limit > 4 && one_in(dice, 2))
		limit /= 4;
	return upto(dice, limit + 1);
}

static bool strikes(struct dice *dice, enum fault fault)
{
	return (dice->faults & (1u << fault)) && one_in(dice, 3);
}

static void draw_policy(struct dice *dice, struct walk_policy *p)
{
	static const int64_t signals[] = {SIGTERM, SIGTERM, SIGINT, SIGQUIT, SIGHUP};
	p->task = one_in(dice, 5);
	p->restart = p->task ? RESTART_NO : upto(dice, 3);
	if (p->task && one_in(dice, 4))
		p->restart = RESTART_ON_FAILURE;
	p->readiness = upto(dice, READY_NOTIFY + 1);
	p->ready_timeout_ms = 200 + some_ms(dice, 3000);
	p->task_timeout_ms = one_in(dice, 2) ? 0 : 50 + some_ms(dice, 3000);
	p->on_dependency = one_in(dice, 3) ? DEPENDENCY_RESTART : DEPENDENCY_KEEP;
	p->delay_ms = 10 + some_ms(dice, 500);
	p->max_delay_ms = p->delay_ms + some_ms(dice, 5000);
	p->reset_ms = some_ms(dice, 60000);
	p->limit = one_in(dice, 8) ? 64 : 1 + upto(dice, 10);
	p->window_ms = 500 + some_ms(dice, 300000);
	p->health = !p->task && !one_in(dice, 3);
	p->interval_ms = 20 + some_ms(dice, 500);
	p->timeout_ms = 10 + some_ms(dice, 500);
	p->retries = 1 + upto(dice, 3);
	p->successes = 1 + upto(dice, 3);
	p->start_period_ms = one_in(dice, 3) ? some_ms(dice, 2000) : 0;
	p->action = upto(dice, 3);
	p->stop_signal = signals[upto(dice, 5)];
	p->stop_timeout_ms = one_in(dice, 5) ? 0 : some_ms(dice, 2000);
	p->stop_leader = one_in(dice, 4);
	p->stop_command = one_in(dice, 4);
}

static int64_t some_signal(struct dice *dice)
{
	static const int64_t signals[] = {SIGTERM, SIGINT, SIGKILL, SIGSEGV, SIGABRT, SIGHUP, SIGPIPE};
	return signals[upto(dice, 7)];
}

static void draw_start(struct dice *dice, struct script *s)
{
	static const int64_t errors[] = {
		EAGAIN, ENOMEM, EMFILE, ENFILE, EACCES, EADDRINUSE, E2BIG, ENOENT, -1};
	static const int64_t exec_errors[] = {ENOENT, EACCES, ENOEXEC, ETXTBSY, E2BIG, ELOOP, ENOMEM,
		EAGAIN, -1};
	if (strikes(dice, FAULT_FORK))
		s->fork_error = errors[upto(dice, 9)];
	if (strikes(dice, FAULT_EXEC)) {
		s->exec_error = exec_errors[upto(dice, 9)];
		s->exec_after_ms = some_ms(dice, 300);
	}
	s->ready_after_ms = some_ms(dice, 300);
	if (strikes(dice, FAULT_SLOW))
		s->ready_after_ms = some_ms(dice, 4000);
	if (strikes(dice, FAULT_NEVER_READY))
		s->ready_after_ms = NEVER;
	s->signs = one_in(dice, 3) ? 1 + upto(dice, 4) : 1;
	s->unasked = strikes(dice, FAULT_UNASKED);
}

static void draw_end(struct dice *dice, struct script *s, bool task)
{
	if (task || strikes(dice, FAULT_EXIT))
		s->exit_after_ms = some_ms(dice, 5000);
	if (strikes(dice, FAULT_EXIT_EARLY))
		s->exit_after_ms = some_ms(dice, 20);
	s->exit_code = one_in(dice, 2) ? 0 : upto(dice, 256);
	s->exit_signal = strikes(dice, FAULT_SIGNAL) ? some_signal(dice) : 0;
	s->again = strikes(dice, FAULT_AGAIN);
	s->term_delay_ms = strikes(dice, FAULT_IGNORE) ? NEVER : some_ms(dice, 200);
	s->term_code = one_in(dice, 2) ? -1 : upto(dice, 3);
	s->kill_delay_ms = strikes(dice, FAULT_KERNEL) ? some_ms(dice, 2000) : 1;
	s->withstands = strikes(dice, FAULT_KERNEL) && one_in(dice, 4);
	s->reap_delay_ms = strikes(dice, FAULT_ZOMBIE) ? some_ms(dice, 100) : 0;
	if (strikes(dice, FAULT_ORPHANS)) {
		s->orphans = upto(dice, 3);
		s->polite_orphans = upto(dice, 3);
		s->orphans_last_ms = one_in(dice, 2) ? some_ms(dice, 3000) : NEVER;
	}
	if (strikes(dice, FAULT_HOOK)) {
		s->hook_error = one_in(dice, 3) ? EAGAIN : 0;
		s->hook_delay_ms = one_in(dice, 3) ? NEVER : some_ms(dice, 3000);
		s->hook_works = one_in(dice, 2);
	}
	s->other_user = strikes(dice, FAULT_USER);
}

static void draw_answers(struct dice *dice, struct script *s)
{
	if (strikes(dice, FAULT_SICK)) {
		s->sick_from_ms = some_ms(dice, 3000);
		s->sick_for_ms = one_in(dice, 2) ? 60000 : some_ms(dice, 3000);
	}
	if (strikes(dice, FAULT_ODD)) {
		s->probe = upto(dice, ANSWERS_END);
		s->odd_asks = one_in(dice, 2) ? NEVER : upto(dice, 8);
	}
	s->latency_ms = upto(dice, 6);
	if (strikes(dice, FAULT_LATE)) {
		s->latency_ms = some_ms(dice, 800);
		s->late_answers = 1;
	}
}

static void draw_needs(struct dice *dice, struct walk *walk, int service)
{
	int64_t wanted = service ? upto(dice, WALK_NEEDS + 1) : 0;
	if (walk->services > FEW && !one_in(dice, 8))
		wanted = 0;
	for (int i = 0; i < wanted; i++) {
		struct walk_need *need = &walk->service[service].needs[i];
		need->on = upto(dice, service);
		const struct walk_policy *on = &walk->service[need->on].policy;
		need->condition = upto(dice, on->health ? CONDITION_HEALTHY + 1 : CONDITION_READY + 1);
		if (on->task && one_in(dice, 2))
			need->condition = CONDITION_COMPLETED;
		need->optional = one_in(dice, 4);
	}
}

static const struct walk_service simplest = {
#define X(field, word, value) .field = value,
	.policy = {POLICY_FIELDS(X)},
	.needs = {{NEED_FIELDS(X)}, {NEED_FIELDS(X)}, {NEED_FIELDS(X)}},
	.scripts = {{SCRIPT_FIELDS(X)}, {SCRIPT_FIELDS(X)}, {SCRIPT_FIELDS(X)}, {SCRIPT_FIELDS(X)}},
#undef X
};

static void draw_service(struct dice *dice, struct walk *walk, int service)
{
	struct walk_service *s = &walk->service[service];
	*s = simplest;
	draw_policy(dice, &s->policy);
	draw_needs(dice, walk, service);
	for (int i = 0; i < WALK_SCRIPTS; i++) {
		draw_start(dice, &s->scripts[i]);
		draw_end(dice, &s->scripts[i], s->policy.task);
		draw_answers(dice, &s->scripts[i]);
	}
}

static int64_t draw_arg(struct dice *dice, int64_t deed)
{
	if (deed == DEED_SIGNAL)
		return some_signal(dice);
	if (deed == DEED_FREEZE)
		return some_ms(dice, one_in(dice, 4) ? 90000 : 600);
	if (deed == DEED_MOVE)
		return upto(dice, 4) | (one_in(dice, 4) ? upto(dice, 1 << HANDOVER_END) << 2 : 0);
	if (deed == DEED_STRAY)
		return upto(dice, 64);
	return upto(dice, 2);
}

static void draw_moves(struct dice *dice, struct walk *walk)
{
	walk->moves = 4 + upto(dice, WALK_MOVES - 4);
	walk->move[0] = (struct walk_move){.deed = DEED_UP};
	for (int i = 1; i < walk->moves; i++) {
		struct walk_move *m = &walk->move[i];
		m->wait_ms = one_in(dice, 4) ? 0 : some_ms(dice, one_in(dice, 16) ? 60000 : 2000);
		m->service = upto(dice, walk->services);
		m->deed = upto(dice, DEED_STRAY + 1);
		if (!(dice->deeds & (1u << m->deed)))
			m->deed = DEED_NONE;
		m->arg = draw_arg(dice, m->deed);
	}
}

/* A probe that is due at once would hide that the rest of a big start is forgotten. */
static void nobody_is_asked(struct walk *walk)
{
	for (int i = 0; i < walk->services; i++)
		walk->service[i].policy.readiness = READY_NOTIFY;
}

void walk_draw(struct walk *walk, uint64_t seed)
{
	struct dice dice = {.state = seed * 0x9e3779b97f4a7c15ULL + 0x632be59bd9b4e019ULL};
	roll(&dice);
	walk->seed = walk->luck = (int64_t)seed;
	dice.faults = roll(&dice) & (one_in(&dice, 4) ? roll(&dice) : UINT32_MAX);
	dice.deeds = roll(&dice);
	/* More services than a turn starts, now and then. */
	walk->services = one_in(&dice, 200) ? WALK_SERVICES - 1 - upto(&dice, 4) : 1 + upto(&dice, FEW);
	for (int i = 0; i < walk->services; i++)
		draw_service(&dice, walk, i);
	if (walk->services > FEW && one_in(&dice, 2))
		nobody_is_asked(walk);
	draw_moves(&dice, walk);
}
