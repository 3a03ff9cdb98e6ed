/*
 * What an end leads to: the book of failures, the budget and the back-off (invariant 8), and the
 * deadline of each state.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/number.h"
#include "kernel.h"

static struct past *past_of(struct world *w)
{
	return &w->rows[w->judge.service].past;
}

static bool ran(const struct world *w)
{
	enum service_state state = w->judge.before.state;
	return state == STATE_STARTING || state == STATE_READY || state == STATE_UNHEALTHY;
}

static int failures_in_window(const struct past *past, const struct restart_policy *policy,
	int64_t now_ms)
{
	int used = 0;
	int first = past->failure_count > BUDGET_MOST ? past->failure_count - BUDGET_MOST : 0;
	for (int i = first; i < past->failure_count; i++)
		used += now_ms - past->failures[i % BUDGET_MOST] < policy->limit_window_ms;
	return used;
}

/* It failed by itself: again, or not any more. */
static enum after outcome_of_failure(struct world *w, const struct service_policy *policy,
	enum fail_cause cause)
{
	struct past *past = past_of(w);
	past->cause = cause;
	if (w->judge.before.want == WANT_DOWN)
		return AFTER_DOWN;
	if (policy->restart.rule == RESTART_NO)
		return AFTER_FAIL;
	if (past->was_ready && w->now_ms - past->ready_ms >= policy->restart.reset_ms)
		past->in_a_row = 0;
	if (failures_in_window(past, &policy->restart, w->now_ms) >= policy->restart.limit)
		return AFTER_FAIL;
	past->failures[past->failure_count++ % BUDGET_MOST] = w->now_ms;
	return AFTER_COOL;
}

static bool passes(int number)
{
	return number == 0 || number == EAGAIN || number == ENOMEM || number == EMFILE
		|| number == ENFILE;
}

static enum after outcome_of_exit(struct world *w, const struct service_policy *policy,
	const struct service_event *event)
{
	const struct exit_status *exit = &event->exit;
	bool wanted = w->judge.before.want == WANT_UP;
	bool task = policy->type == TYPE_TASK;
	bool well = exit->code == 0 && !exit->signal;
	bool polite = exit->signal == SIGTERM || exit->signal == SIGINT;
	if (exit->stage)
		past_of(w)->cause = CAUSE_CRASH;
	if (!wanted)
		return AFTER_DOWN;
	if (exit->stage)
		return passes(exit->number) ? AFTER_COOL : AFTER_FAIL;
	if (event->again)
		return AFTER_START;
	if (well && task)
		return AFTER_DONE;
	if (policy->restart.rule != RESTART_ALWAYS && !task) {
		if (polite)
			return AFTER_DOWN;
		if (well && (past_of(w)->was_ready || policy->readiness == READY_STARTED))
			return AFTER_DONE;
	}
	return outcome_of_failure(w, policy, CAUSE_CRASH);
}

static enum after outcome_while_stopping(enum after outcome, enum service_event_kind kind)
{
	if (kind == ON_WANT_UP || kind == ON_RESTART)
		return AFTER_START;
	if (kind == ON_WANT_DOWN || kind == ON_KILL)
		return outcome == AFTER_FAIL ? AFTER_FAIL : AFTER_DOWN;
	return outcome;
}

/* Of what begins to end now. */
static enum after outcome_of(struct world *w, const struct step *s,
	const struct service_event *event)
{
	if (event->kind == ON_EXITED)
		return outcome_of_exit(w, s->policy, event);
	if (event->kind == ON_RESTART)
		return AFTER_START;
	if (event->kind == ON_PROBE)
		return outcome_of_failure(w, s->policy, CAUSE_CRASH);
	if (event->kind == ON_TIME)
		return outcome_of_failure(w, s->policy,
			s->policy->type == TYPE_TASK ? CAUSE_CRASH : CAUSE_NOT_READY);
	return AFTER_DOWN;
}

static void asked_anew(struct past *past)
{
	past->in_a_row = past->failure_count = past->restarts = 0;
	past->cause = CAUSE_NONE;
}

/* The n-th delay is delay * 2^n, at most max_delay, a quarter more or less, at most max_delay. */
static void check_backoff(struct world *w, const struct step *s)
{
	struct past *past = past_of(w);
	const struct restart_policy *policy = &s->policy->restart;
	int64_t delay = policy->delay_ms;
	for (int i = 0; i < past->in_a_row && delay < policy->max_delay_ms; i++)
		delay *= 2;
	if (delay > policy->max_delay_ms)
		delay = policy->max_delay_ms;
	int64_t most = delay + delay / 4 < policy->max_delay_ms ? delay + delay / 4 : policy->max_delay_ms;
	int64_t waits = s->run->deadline_ms - w->now_ms;
	if (waits < delay - delay / 4 || waits > most)
		broken(w, w->judge.service, "waits %lld ms after %d failures in a row, not %lld to %lld",
			(long long)waits, past->in_a_row + 1, (long long)(delay - delay / 4),
			(long long)most);
	past->in_a_row++;
}

static void check_spread(struct world *w, const struct step *s)
{
	int64_t waits = s->run->deadline_ms - w->now_ms;
	if (w->judge.before.spread || waits < 0 || waits >= 250)
		broken(w, w->judge.service, "waits %lld ms for its turn%s", (long long)waits,
			w->judge.before.spread ? " once more" : "");
}

/* It came to its end: where to. */
static void check_end(struct world *w, const struct step *s)
{
	static const enum service_state ends[] = {[AFTER_DOWN] = STATE_DOWN,
		[AFTER_START] = STATE_BLOCKED, [AFTER_COOL] = STATE_COOLING,
		[AFTER_DONE] = STATE_DONE, [AFTER_FAIL] = STATE_FAILED};
	struct past *past = past_of(w);
	if (s->run->state != ends[past->outcome])
		broken(w, w->judge.service, "is %s, and should be %s", service_state_word(s->run->state),
			service_state_word(ends[past->outcome]));
	if (past->outcome == AFTER_COOL)
		past->restarts++;
}

static void enter(struct world *w, const struct step *s, const struct service_event *event)
{
	struct past *past = past_of(w);
	const struct service_policy *policy = s->policy;
	int64_t limit = policy->type == TYPE_TASK ? policy->task_timeout_ms : policy->ready_timeout_ms;
	past->due_ms = NO_DEADLINE;
	if (s->run->state == STATE_BLOCKED && event->kind != ON_TIME)
		asked_anew(past);
	if (s->run->state == STATE_STARTING) {
		past->was_ready = false;
		past->due_ms = limit ? w->now_ms + limit : NO_DEADLINE;
	}
	if (s->run->state == STATE_READY && w->judge.before.state == STATE_STARTING) {
		past->was_ready = true;
		past->ready_ms = w->now_ms;
	}
	if (event->kind == ON_DEPENDENCY_FAILED)
		past->cause = CAUSE_DEPENDENCY;
	if (event->kind == ON_SHORTAGE && !passes(event->exit.number))
		past->cause = CAUSE_CRASH;
	if (s->run->state == STATE_FAILED && s->run->cause != past->cause)
		broken(w, w->judge.service, "failed for cause %d, not %d", (int)s->run->cause,
			(int)past->cause);
	if (s->run->state == STATE_FAILED && event->kind == ON_SHORTAGE && passes(event->exit.number))
		broken(w, w->judge.service, "failed for want of something that passes");
	if (s->run->state != STATE_COOLING)
		return;
	if (event->kind == ON_MAY_START)
		check_spread(w, s);
	else
		check_backoff(w, s);
	past->due_ms = s->run->deadline_ms;
}

/* What people read names the time that was too long. */
static void check_limit_is_named(struct world *w, const struct step *s)
{
	const struct service_policy *policy = s->policy;
	bool task = policy->type == TYPE_TASK;
	char shown[NUMBER_DURATION_SIZE];
	number_show_duration(task ? policy->task_timeout_ms : policy->ready_timeout_ms, shown);
	if (!strstr(s->run->reason, shown))
		broken(w, w->judge.service, "took longer than %s, and is said to be %s", shown,
			s->run->reason);
}

static void check_in_time(struct world *w, const struct step *s, const struct service_event *event)
{
	const struct before *b = &w->judge.before;
	if (event->kind == ON_TIME && b->state != s->run->state && b->deadline_ms != NO_DEADLINE
		&& w->now_ms < b->deadline_ms)
		broken(w, w->judge.service, "its time was not over yet");
	if (event->kind == ON_SHORTAGE && s->run->state == STATE_COOLING && !passes(event->exit.number))
		broken(w, w->judge.service, "tries again what cannot be started");
	if (s->run->restarts != past_of(w)->restarts)
		broken(w, w->judge.service, "counts %d restarts, there were %d", s->run->restarts,
			past_of(w)->restarts);
}

static void check_remembered_exit(struct world *w, const struct step *s,
	const struct service_event *event)
{
	if (event->kind != ON_EXITED)
		return;
	const struct service_run *run = s->run;
	if (!run->has_exit || run->exit_code != event->exit.code || run->exit_signal != event->exit.signal
		|| run->leader.pid)
		broken(w, w->judge.service, "does not know how it ended");
}

void rules_outcome(struct world *w, const struct step *s, const struct service_event *event)
{
	struct past *past = past_of(w);
	enum service_state from = w->judge.before.state;
	enum service_state to = s->run->state;
	bool stopped = from == STATE_STOPPING || from == STATE_KILLING;
	bool begins_to_stop = ran(w) && (to == STATE_STOPPING || to == STATE_KILLING);
	if (stopped)
		past->outcome = outcome_while_stopping(past->outcome, event->kind);
	else if (begins_to_stop || (ran(w) && event->kind == ON_EXITED))
		past->outcome = outcome_of(w, s, event);
	check_remembered_exit(w, s, event);
	if (event->kind == ON_TIME && from == STATE_STARTING && to == STATE_STOPPING)
		check_limit_is_named(w, s);
	bool ended = (stopped || ran(w)) && !service_occupied(s->run);
	if (ended)
		check_end(w, s);
	if (from != to)
		enter(w, s, event);
	check_in_time(w, s, event);
}
