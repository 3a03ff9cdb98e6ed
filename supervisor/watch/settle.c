#include "watch/settle.h"

#include <stdio.h>

#include "stop/sequence.h"

/* Nobody will ask how something is that is done. */
static bool is_hopeless(const struct dependency *dependency, const struct service_run *run)
{
	bool never_healthy = dependency->condition == CONDITION_HEALTHY && run->state == STATE_DONE;
	return run->state == STATE_FAILED || never_healthy;
}

bool settle_met(const struct dependency *dependency, const struct service_run *run)
{
	bool given_up = run->state == STATE_DOWN && run->want == WANT_DOWN;
	if (dependency->optional && (given_up || is_hopeless(dependency, run)))
		return true;
	bool done = run->state == STATE_DONE;
	/* What is about to be stopped is no ground to start on. */
	bool stays = run->want == WANT_UP;
	bool ready = run->state == STATE_READY && stays;
	switch (dependency->condition) {
	case CONDITION_STARTED:
		return done || (stays && service_running(run));
	case CONDITION_READY:
		return done || ready;
	case CONDITION_HEALTHY:
		return ready && run->verdict.health == HEALTH_HEALTHY;
	case CONDITION_COMPLETED:
		return done;
	}
	return false;
}

static const struct dependency *unmet(const struct stack *stack, const struct service_run *runs,
	int service, bool *hopeless)
{
	const struct service *s = &stack->services[service];
	const struct dependency *first = NULL;
	*hopeless = false;
	for (size_t i = 0; i < s->dependency_count; i++) {
		const struct dependency *d = &s->dependencies[i];
		const struct service_run *run = &runs[d->service];
		if (settle_met(d, run))
			continue;
		if (is_hopeless(d, run)) {
			*hopeless = true;
			return d;
		}
		if (!first)
			first = d;
	}
	return first;
}

bool settle_is_stuck(const struct stack *stack, const struct service_run *runs, int service,
	bool *scratch)
{
	const struct service *s = &stack->services[service];
	if (runs[service].state != STATE_BLOCKED || runs[service].start_free || scratch[service])
		return false;
	/* Once is enough: there may be very many ways to what all of them need. */
	scratch[service] = true;
	for (size_t i = 0; i < s->dependency_count; i++) {
		const struct dependency *d = &s->dependencies[i];
		const struct service_run *run = &runs[d->service];
		if (settle_met(d, run))
			continue;
		bool given_up = run->state == STATE_DOWN && run->want == WANT_DOWN;
		if (given_up || settle_is_stuck(stack, runs, d->service, scratch))
			return true;
	}
	return false;
}

void settle_waits_for(const struct stack *stack, const struct service_run *runs, int service,
	char *out, size_t size)
{
	const struct service *s = &stack->services[service];
	size_t used = 0;
	out[0] = '\0';
	for (size_t i = 0; i < s->dependency_count && used < size; i++) {
		const struct dependency *d = &s->dependencies[i];
		if (settle_met(d, &runs[d->service]))
			continue;
		int n = snprintf(out + used, size - used, "%s'%s' (%s)", used ? ", " : "waits for ",
			stack->services[d->service].name, condition_word(d->condition));
		used += n > 0 ? (size_t)n : 0;
	}
}

/* An optional dependency that failed does not hold it up, but is worth a word. */
static const struct dependency *waived(const struct stack *stack, const struct service_run *runs,
	int service)
{
	const struct service *s = &stack->services[service];
	for (size_t i = 0; i < s->dependency_count; i++)
		if (s->dependencies[i].optional && runs[s->dependencies[i].service].state == STATE_FAILED)
			return &s->dependencies[i];
	return NULL;
}

static int64_t waits_since(const struct service_run *run)
{
	size_t count = service_transitions(run);
	return count ? service_transition(run, count - 1)->at_ms : 0;
}

/* Something it waits for had failed and is back: fifty others may have waited for it, too. */
static bool has_returned(const struct stack *stack, const struct service_run *runs, int service)
{
	const struct service *s = &stack->services[service];
	for (size_t i = 0; i < s->dependency_count; i++) {
		const struct service_run *needed = &runs[s->dependencies[i].service];
		if (needed->restarts > 0 && needed->ready_ms >= waits_since(&runs[service]))
			return true;
	}
	return false;
}

/* What was not started itself has its reason from the one that failed: that one is named, not the way to it. */
static void say_needed(const struct stack *stack, const struct service_run *runs,
	const struct dependency *d, char reason[REASON_SIZE])
{
	const struct service_run *run = &runs[d->service];
	bool failed = run->state == STATE_FAILED;
	if (failed && run->cause == CAUSE_DEPENDENCY)
		reason_copy(reason, run->reason);
	else
		reason_format(reason, "it needs '%s', which %s: %.300s", stack->services[d->service].name,
			failed ? "failed" : "is done and will never be healthy", run->reason);
}

static bool consider_start(const struct stack *stack, const struct service_run *runs, int i,
	struct settled *out)
{
	bool hopeless = false;
	const struct dependency *d = runs[i].start_free ? NULL : unmet(stack, runs, i, &hopeless);
	if (d && !hopeless)
		return false;
	*out = (struct settled){.service = i, .event = {.kind = ON_MAY_START}};
	out->event.spread = !runs[i].start_free && has_returned(stack, runs, i);
	const struct dependency *without = d ? NULL : waived(stack, runs, i);
	if (without)
		reason_format(out->reason, "starts without '%s', which failed: %s",
			stack->services[without->service].name, runs[without->service].reason);
	if (d && hopeless) {
		out->event.kind = ON_DEPENDENCY_FAILED;
		say_needed(stack, runs, d, out->reason);
	}
	return true;
}

static bool wants_to_start(const struct service_run *run)
{
	return run->state == STATE_BLOCKED && run->want == WANT_UP;
}

static bool wants_to_stop(const struct service_run *run)
{
	return run->want == WANT_DOWN && service_running(run);
}

static const bool *look_who_may_stop(const struct stack *stack, const struct service_run *runs, bool *scratch)
{
	bool *occupied = scratch;
	bool *may_stop = scratch + stack->service_count;
	for (int i = 0; i < stack->service_count; i++)
		occupied[i] = service_detains(&runs[i]);
	sequence_may_stop(stack, occupied, may_stop);
	return may_stop;
}

size_t settle(const struct stack *stack, const struct service_run *runs, struct settled *out,
	bool *scratch)
{
	int count = stack->service_count;
	bool anybody_starts = false, anybody_stops = false;
	for (int i = 0; i < count; i++) {
		anybody_starts |= wants_to_start(&runs[i]);
		anybody_stops |= wants_to_stop(&runs[i]);
	}
	/* As in most turns. */
	if (!anybody_starts && !anybody_stops)
		return 0;
	const bool *may_stop = anybody_stops ? look_who_may_stop(stack, runs, scratch) : NULL;
	size_t found = 0;
	for (int i = 0; i < count; i++) {
		if (wants_to_start(&runs[i]))
			found += consider_start(stack, runs, i, &out[found]);
		else if (may_stop && wants_to_stop(&runs[i]) && (runs[i].stop_free || may_stop[i]))
			out[found++] = (struct settled){.service = i, .event = {.kind = ON_MAY_STOP}};
	}
	return found;
}
