/*
 * Prints the state machine of a service as a Mermaid drawing: every change of state that service_step()
 * makes, and the events that make it. It is driven with policies and events of a fixed sequence of random
 * numbers, long enough that no further change turns up; what a service cannot meet (an exit without a
 * process) is left out.
 */
#include <stdio.h>
#include <string.h>

#include "watch/lifecycle.h"

enum { LIVES = 60000, EVENTS_A_LIFE = 60, STEP_MS_MOST = 4000 };

#define ONE(name, word) +1
enum { STATES = 0 SERVICE_STATES(ONE), KINDS = 0 SERVICE_EVENTS(ONE) };

static bool seen[STATES][STATES][KINDS];
static uint64_t dice = 88172645463325252;

/* xorshift64 (Marsaglia, "Xorshift RNGs", 2003). */
static uint32_t any(uint32_t bound)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return (uint32_t)(dice >> 32) % bound;
}

static struct service_policy draw_policy(void)
{
	return (struct service_policy){
		.type = any(4) ? TYPE_SERVICE : TYPE_TASK,
		.readiness = (enum readiness)any(5),
		.readiness_is_health = any(2),
		.has_port = any(2),
		.ready_timeout_ms = any(2) ? 20000 : 0,
		.task_timeout_ms = any(2) ? 20000 : 0,
		.restart = {.rule = (enum restart_rule)any(3), .delay_ms = 500, .max_delay_ms = 30000,
			.reset_ms = 60000, .limit = (int)any(4), .limit_window_ms = 300000},
		.health = {.present = any(2), .interval_ms = 2000, .timeout_ms = 1000, .retries = 2,
			.successes = 1, .action = (enum health_action)any(3)},
		.stop = {.signal = 15, .timeout_ms = 5000, .has_command = any(2)},
	};
}

/* What can happen to a service as it is now. */
static bool can_happen(const struct service_run *run, enum service_event_kind kind, bool spawning)
{
	switch (kind) {
	case ON_SPAWNED:
	case ON_SHORTAGE:
		return spawning;
	case ON_EXITED:
		return run->leader.pid;
	case ON_HOOK_EXITED:
		return run->hook.pid;
	case ON_TREE:
		return run->waits_for_tree;
	case ON_PROBE:
	case ON_READY_SIGN:
		return run->leader.pid;
	case ON_MAY_START:
	case ON_DEPENDENCY_FAILED:
		return run->state == STATE_BLOCKED && !spawning;
	case ON_WANT_UP:
	case ON_WANT_DOWN:
	case ON_RESTART:
	case ON_KILL:
	case ON_MAY_STOP:
	case ON_TIME:
		return !spawning;
	}
	return false;
}

/* People ask seldom, so that the rest has time to happen. */
static struct service_event draw_event(const struct service_run *run, bool spawning)
{
	enum service_event_kind kind;
	do
		kind = (enum service_event_kind)any(KINDS);
	while (!can_happen(run, kind, spawning) || (kind <= ON_KILL && any(4)));
	return (struct service_event){.kind = kind, .reason = "drawn",
		.child = {.pid = 4000 + (pid_t)any(1000), .pidfd = -1},
		.exit = {.code = (int)any(2), .signal = any(4) ? 0 : 9, .number = any(2) ? 11 : 2},
		.left = any(2), .generation = run->generation,
		.purpose = run->probe_purpose, .result = any(2) ? PROBE_OK : PROBE_FAILED,
		.spread = !any(4)};
}

static void live(void)
{
	struct service_policy policy = draw_policy();
	struct service_run run;
	int64_t now = 1000;
	bool spawning = false;
	service_run_init(&run, &policy);
	for (int i = 0; i < EVENTS_A_LIFE; i++) {
		struct effects effects = {.count = 0};
		struct step step = {.name = "drawn", .policy = &policy, .run = &run, .now_ms = now,
			.random = any(UINT32_MAX), .effects = &effects};
		struct service_event event = draw_event(&run, spawning);
		enum service_state from = run.state;
		if (event.kind == ON_TIME && service_next_time(&run) != NO_DEADLINE)
			step.now_ms = now = service_next_time(&run);
		spawning = false;
		service_step(&step, &event);
		if (run.state != from)
			seen[from][run.state][event.kind] = true;
		for (int k = 0; k < effects.count; k++) {
			spawning |= effects.items[k].kind == EFFECT_SPAWN;
			if (effects.items[k].kind == EFFECT_STOP_COMMAND)
				run.hook = event.child;
		}
		if (event.kind == ON_HOOK_EXITED)
			run.hook = (struct child){.pidfd = -1};
		now += any(STEP_MS_MOST);
	}
}

static void print_arrow(int from, int to)
{
	const char *before = ": ";
	for (int kind = 0; kind < KINDS; kind++) {
		if (!seen[from][to][kind])
			continue;
		if (before[0] == ':')
			printf("    %s --> %s", service_state_word((enum service_state)from),
				service_state_word((enum service_state)to));
		printf("%s%s", before, service_event_word((enum service_event_kind)kind));
		before = ", ";
	}
	if (before[0] != ':')
		puts("");
}

int main(void)
{
	for (int i = 0; i < LIVES; i++)
		live();
	puts("stateDiagram-v2\n    [*] --> down");
	for (int from = 0; from < STATES; from++)
		for (int to = 0; to < STATES; to++)
			print_arrow(from, to);
	return 0;
}
