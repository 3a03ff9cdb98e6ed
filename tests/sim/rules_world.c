/* What the keeper may do to processes (invariants 1, 2, 4, 5, 6, 13), call by call. */
#include <signal.h>

#include "kernel.h"

/* Others want to be heard in between. */
enum { STARTS_A_TURN = 32 };

static bool can_never_be(const struct dependency *d, const struct service_run *run)
{
	return run->state == STATE_FAILED
		|| (run->state == STATE_DONE && d->condition == CONDITION_HEALTHY);
}

static bool dependency_met(const struct dependency *d, const struct service_run *run)
{
	bool wanted = run->want == WANT_UP;
	bool runs = run->state == STATE_STARTING || run->state == STATE_READY
		|| run->state == STATE_UNHEALTHY;
	if (d->optional && can_never_be(d, run))
		return true;
	if (d->optional && run->state == STATE_DOWN && !wanted)
		return true;
	switch (d->condition) {
	case CONDITION_STARTED:
		return run->state == STATE_DONE || (wanted && runs);
	case CONDITION_READY:
		return run->state == STATE_DONE || (wanted && run->state == STATE_READY);
	case CONDITION_HEALTHY:
		return wanted && run->state == STATE_READY && run->verdict.health == HEALTH_HEALTHY;
	case CONDITION_COMPLETED:
		return run->state == STATE_DONE;
	}
	return false;
}

bool rules_needs_met(const struct world *w, int service, bool *hopeless)
{
	const struct service *s = &w->stack->services[service];
	bool all = true;
	*hopeless = false;
	for (size_t i = 0; i < s->dependency_count; i++) {
		const struct service_run *run = keeper_run(w->keeper, s->dependencies[i].service);
		bool met = dependency_met(&s->dependencies[i], run);
		all &= met;
		*hopeless |= !met && can_never_be(&s->dependencies[i], run);
	}
	return all;
}

void rules_may_spawn(struct world *w, int service, uint64_t generation)
{
	struct row *row = &w->rows[service];
	const struct service_run *run = keeper_run(w->keeper, service);
	bool hopeless;
	if (row_processes(row) || row->hook.life != LIFE_NONE)
		broken(w, service, "is started while %d processes of its last tree are there",
			row_processes(row) + (row->hook.life != LIFE_NONE));
	if (row->past.tree_open)
		broken(w, service, "is started, and its last tree was never called gone");
	if (generation != row->past.generation + 1)
		broken(w, service, "start %d follows start %d", (int)generation,
			(int)row->past.generation);
	if (run->want != WANT_UP)
		broken(w, service, "is started, and nobody wants it");
	if (!run->start_free && !rules_needs_met(w, service, &hopeless))
		broken(w, service, "is started before what it needs is there");
	if (++w->judge.starts > STARTS_A_TURN)
		broken(w, service, "is the %d. that one turn starts", w->judge.starts);
	row->past.generation = generation;
	row->past.tree_open = true;
}

void rules_may_run_hook(struct world *w, int service)
{
	const struct row *row = &w->rows[service];
	if (!w->stack->services[service].policy.stop.has_command)
		broken(w, service, "has no stop command");
	if (row->hook.life != LIFE_NONE)
		broken(w, service, "its stop command is run twice");
	if (keeper_run(w->keeper, service)->state != STATE_STOPPING)
		broken(w, service, "its stop command is run, and it is not stopped");
}

void rules_may_signal(struct world *w, int service, const struct child *child,
	enum signal_scope scope, int signal)
{
	const struct row *row = &w->rows[service];
	const struct process *p = scope == SIGNAL_HOOK ? &row->hook : &row->leader;
	bool stops = keeper_run(w->keeper, service)->escalation.active;
	if (scope <= SIGNAL_HOOK
		&& (p->life == LIFE_NONE || child->pid != p->pid || child->pidfd != p->fd))
		broken(w, service, "SIG%s to process %d, which was reaped", kernel_signal_name(signal),
			(int)child->pid);
	if (!stops)
		broken(w, service, "SIG%s, and it is not being stopped", kernel_signal_name(signal));
}

void rules_forgets(struct world *w, int service, const struct child *child)
{
	struct row *row = &w->rows[service];
	if (row->past.forgets_leader && child->pid == row->leader.pid && child->pidfd == row->leader.fd)
		row->past.forgets_leader = false;
	else if (row->past.forgets_hook && child->pid == row->hook.pid && child->pidfd == row->hook.fd)
		row->past.forgets_hook = false;
	else
		broken(w, service, "forgets process %d, which was not reaped", (int)child->pid);
}

void rules_tree_is_gone(struct world *w, int service)
{
	struct row *row = &w->rows[service];
	if (row_processes(row) || row->hook.life != LIFE_NONE)
		broken(w, service, "its tree is called gone and is not");
	if (!row->past.tree_open)
		broken(w, service, "its tree is called gone once more");
	row->past.tree_open = false;
}

void rules_may_look(struct world *w, size_t count)
{
	if (!w->judge.ended)
		broken(w, -1, "%zu trees are looked at, and nothing has ended", count);
}

void rules_something_ended(struct world *w)
{
	w->judge.ended = true;
}

void rules_reaped(struct world *w, const struct keeper_exit *exit)
{
	rules_something_ended(w);
	struct past *past = &w->rows[exit->service].past;
	if (exit->is_hook) {
		past->hook_exits_due++;
		past->forgets_hook = true;
	} else {
		past->exits_due++;
		past->left = (size_t)(w->rows[exit->service].orphans + w->rows[exit->service].polite_orphans);
		past->forgets_leader = true;
	}
}

void rules_reported(struct world *w, int service)
{
	const struct past *past = &w->rows[service].past;
	if (past->forgets_leader || past->forgets_hook)
		broken(w, service, "was reaped, and its pidfd stays open");
}

void rules_consumed(struct world *w, int service, const struct service_event *event)
{
	struct past *past = &w->rows[service].past;
	bool failed_to_start = !event->exit.pid;
	if (event->kind == ON_EXITED && --past->exits_due < 0)
		broken(w, service, "hears of an exit twice");
	if (event->kind == ON_EXITED && event->left != past->left)
		broken(w, service, "left %zu processes behind, and hears of %zu", past->left, event->left);
	if (event->kind == ON_HOOK_EXITED && !failed_to_start && --past->hook_exits_due < 0)
		broken(w, service, "hears of the end of its stop command twice");
}

static bool has_nothing(const struct row *row)
{
	return !row_processes(row) && row->hook.life == LIFE_NONE;
}

void rules_fit(struct world *w, int service, bool exact)
{
	const struct row *row = &w->rows[service];
	const struct service_run *run = keeper_run(w->keeper, service);
	const char *state = service_state_word(run->state);
	bool exit_on_its_way = row->past.exits_due && !exact;
	switch (run->state) {
	case STATE_STARTING:
	case STATE_READY:
	case STATE_UNHEALTHY:
		if (exit_on_its_way)
			break;
		if (row->leader.life == LIFE_NONE || run->leader.pid != row->leader.pid)
			broken(w, service, "is %s, and its leader is dead", state);
		break;
	case STATE_STOPPING:
	case STATE_KILLING:
		if (exact && has_nothing(row))
			broken(w, service, "is %s, and nothing is left of it", state);
		break;
	case STATE_DOWN:
	case STATE_BLOCKED:
	case STATE_COOLING:
	case STATE_DONE:
	case STATE_FAILED:
		if (!has_nothing(row))
			broken(w, service, "is %s, and %d of its processes are there", state,
				row_processes(row) + (row->hook.life != LIFE_NONE));
		break;
	}
}
