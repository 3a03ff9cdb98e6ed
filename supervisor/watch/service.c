#include "watch/service.h"

#include <stdio.h>
#include <string.h>

#include "base/words.h"

WORDS(service_state_word, service_state, SERVICE_STATES)
WORDS(service_event_word, service_event_kind, SERVICE_EVENTS)

void reason_vformat(char out[REASON_SIZE], const char *format, va_list args)
{
	static const char more[] = " ...";
	int length = vsnprintf(out, REASON_SIZE, format, args);
	if (length < REASON_SIZE)
		return;
	size_t end = REASON_SIZE - sizeof more;
	while (end > REASON_SIZE / 2 && out[end] != ' ')
		end--;
	memcpy(out + end, more, sizeof more);
}

void reason_copy(char out[REASON_SIZE], const char *reason)
{
	size_t length = strnlen(reason, REASON_SIZE);
	if (length < REASON_SIZE)
		memcpy(out, reason, length + 1);
	else
		reason_format(out, "%s", reason);
}

void reason_format(char out[REASON_SIZE], const char *format, ...)
{
	va_list args;
	va_start(args, format);
	reason_vformat(out, format, args);
	va_end(args);
}

void service_run_init(struct service_run *run, const struct service_policy *policy)
{
	*run = (struct service_run){.leader = {.pidfd = -1},
		.hook = {.pidfd = -1},
		.deadline_ms = NO_DEADLINE,
		.probe_at_ms = NO_DEADLINE,
		.probe_until_ms = NO_DEADLINE};
	verdict_reset(&run->verdict, &policy->health);
}

bool service_running(const struct service_run *run)
{
	return run->state == STATE_STARTING || run->state == STATE_READY
		|| run->state == STATE_UNHEALTHY;
}

bool service_occupied(const struct service_run *run)
{
	return service_running(run) || run->state == STATE_STOPPING || run->state == STATE_KILLING;
}

bool service_detains(const struct service_run *run)
{
	return service_occupied(run) && !run->unkillable;
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t service_next_time(const struct service_run *run)
{
	int64_t next = sooner(run->deadline_ms, run->probe_at_ms);
	return run->escalation.active ? sooner(next, run->escalation.deadline_ms) : next;
}

static void move(int64_t *deadline, int64_t gap_ms)
{
	if (*deadline != NO_DEADLINE)
		*deadline += gap_ms;
}

void service_forgive(struct service_run *run, int64_t gap_ms)
{
	move(&run->deadline_ms, gap_ms);
	move(&run->probe_at_ms, gap_ms);
	move(&run->probe_until_ms, gap_ms);
	move(&run->escalation.deadline_ms, gap_ms);
}

size_t service_transitions(const struct service_run *run)
{
	return run->transition_count < TRANSITIONS ? (size_t)run->transition_count : TRANSITIONS;
}

const struct transition *service_transition(const struct service_run *run, size_t i)
{
	uint64_t first = run->transition_count - service_transitions(run);
	return &run->transitions[(first + i) % TRANSITIONS];
}
