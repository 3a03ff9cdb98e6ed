/* After a turn: nothing is overdue, nothing waits that need not, nothing is owed (3, 4, 7, 14). */
#include "kernel.h"

enum { GAP_MS = 250 };

/* Started without what it needs, at this very moment: who may stop was found out before. */
static bool just_began_alone(const struct world *w, const struct service_run *run)
{
	return run->start_free && run->state == STATE_STARTING && run->started_ms == w->now_ms;
}

static bool someone_needs(const struct world *w, int service, bool since_before)
{
	for (int i = 0; i < w->count; i++) {
		const struct service *s = &w->stack->services[i];
		const struct service_run *run = keeper_run(w->keeper, i);
		if (!service_occupied(run) || run->unkillable)
			continue;
		if (since_before && just_began_alone(w, run))
			continue;
		for (size_t d = 0; d < s->dependency_count; d++)
			if (s->dependencies[d].service == service)
				return true;
	}
	return false;
}

/* An order of stops is only asked of a stop that waits for it: of ON_MAY_STOP. */
void rules_may_stop(struct world *w, int service)
{
	const struct service_run *run = keeper_run(w->keeper, service);
	if (w->judge.before.want != WANT_DOWN)
		broken(w, service, "is stopped, and nobody asked for it");
	if (!run->stop_free && someone_needs(w, service, true))
		broken(w, service, "is stopped before those that need it");
}

static void check_waiting(struct world *w, int i)
{
	const struct service_run *run = keeper_run(w->keeper, i);
	bool hopeless;
	/* What is put into the row for second runs keeps its state until the handover dismisses it. */
	if (i == w->judge.second)
		return;
	if (run->state == STATE_BLOCKED) {
		bool met = run->start_free || rules_needs_met(w, i, &hopeless);
		if (met)
			broken(w, i, "is blocked, and waits for nothing");
		if (hopeless)
			broken(w, i, "is blocked by something that has failed for good");
	}
	bool running = service_running(run);
	if (running && run->want == WANT_DOWN && (run->stop_free || !someone_needs(w, i, false)))
		broken(w, i, "is asked to stop, nobody needs it, and it is %s",
			service_state_word(run->state));
	if (run->want == WANT_UP && run->state == STATE_DOWN)
		broken(w, i, "is wanted, and down");
	if (run->want == WANT_DOWN && (run->state == STATE_BLOCKED || run->state == STATE_COOLING))
		broken(w, i, "is not wanted, and %s", service_state_word(run->state));
}

static void check_nothing_owed(struct world *w, int i)
{
	const struct past *past = &w->rows[i].past;
	for (int ask = 0; ask < ASKS; ask++)
		if (past->asked[ask])
			broken(w, i, "does not hear what it is asked for");
	if (past->exits_due || past->hook_exits_due)
		broken(w, i, "does not hear of an exit");
	if (past->owed_restarts)
		broken(w, i, "is not restarted with what it needs");
}

/* Something that it waited for failed, and is back since: others may have waited, too. */
static bool something_returned(const struct world *w, int service)
{
	const struct service *s = &w->stack->services[service];
	for (size_t d = 0; d < s->dependency_count; d++) {
		const struct service_run *needed = keeper_run(w->keeper, s->dependencies[d].service);
		if (needed->restarts > 0 && needed->ready_ms >= w->rows[service].past.moved_ms)
			return true;
	}
	return false;
}

void rules_may_start(struct world *w, int service, bool spread)
{
	const struct service_run *run = keeper_run(w->keeper, service);
	bool returned = !run->start_free && something_returned(w, service);
	if (spread != returned)
		broken(w, service, "%s, and what it needs %s", spread ? "waits for its turn" : "starts at once",
			returned ? "has come back" : "was never away");
}

void rules_owe_restarts(struct world *w, int service)
{
	const struct service_run *run = keeper_run(w->keeper, service);
	if (service_running(run) || run->want != WANT_UP || run->state == STATE_DONE)
		return;
	for (int i = 0; i < w->count; i++) {
		const struct service *s = &w->stack->services[i];
		const struct service_run *other = keeper_run(w->keeper, i);
		if (s->policy.on_dependency != DEPENDENCY_RESTART || !service_running(other))
			continue;
		w->rows[i].past.touched = true;
		for (size_t d = 0; d < s->dependency_count; d++)
			w->rows[i].past.owed_restarts += s->dependencies[d].service == service;
	}
}

static void shift(int64_t *due, int64_t gap)
{
	if (*due != NO_DEADLINE)
		*due += gap;
}

/* Time stood still for us: what was due moves on. */
void rules_before_turn(struct world *w)
{
	int64_t gap = w->now_ms - w->judge.expected_ms;
	if (w->judge.expected_ms == NO_DEADLINE || gap <= GAP_MS)
		return;
	say(w, -1, "nothing happened here for %lld ms", (long long)gap);
	for (int i = 0; i < w->count; i++) {
		shift(&w->rows[i].past.due_ms, gap);
		shift(&w->rows[i].past.force_due_ms, gap);
		w->rows[i].past.touched = true;
	}
}

/* What no event of this turn was about is as it was, but for what its neighbours mean to it. */
static void look_at(struct world *w, int i)
{
	const struct service_run *run = keeper_run(w->keeper, i);
	struct past *past = &w->rows[i].past;
	past->next_ms = service_next_time(run);
	past->probe_until_ms = run->probe_until_ms;
	past->touched = false;
	check_nothing_owed(w, i);
	rules_fit(w, i, true);
}

void rules_after_turn(struct world *w, int64_t next_ms)
{
	int64_t first = NO_DEADLINE;
	int64_t expected = next_ms;
	bool waiting = w->judge.moved && next_ms > w->now_ms;
	for (int i = 0; i < w->count; i++) {
		const struct past *past = &w->rows[i].past;
		if (past->touched)
			look_at(w, i);
		if (waiting)
			check_waiting(w, i);
		first = past->next_ms < first ? past->next_ms : first;
		expected = past->probe_until_ms < expected ? past->probe_until_ms : expected;
	}
	w->judge.moved &= !waiting;
	w->judge.starts = 0;
	w->judge.ended = false;
	w->judge.expected_ms = expected;
	if (next_ms > first)
		broken(w, -1, "the keeper sleeps %lld ms too long", (long long)(next_ms - first));
}
