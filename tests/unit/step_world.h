/*
 * step_world.h - one service without a world: each test leads it into a state by events, feeds one
 * more, and reads what came of it as a line.
 *
 *	is_ready();
 *	feed(ON_MAY_STOP);
 *	expect("stopping up: tell stopping, TERM, CONT to group; next in 10000");
 *
 * The line is the state and what is wanted, the effects in the order in which the step asked for
 * them, and the time at which it wants to be called again.
 */
#ifndef TESTS_STEP_WORLD_H
#define TESTS_STEP_WORLD_H

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"
#include "model/event.h"
#include "watch/lifecycle.h"

#include <cmocka.h>

enum { LEADER_PID = 100, HOOK_PID = 200 };

static struct service_policy policy;
static struct service_run run;
static struct effects effects;
static int64_t now_ms;
static uint32_t chance; /* the random number of the next steps */

static inline int begin(void **state)
{
	(void)state;
	policy = (struct service_policy){.type = TYPE_SERVICE, .readiness = READY_PORT,
		.has_port = true, .ready_timeout_ms = 60000,
		.restart = {.rule = RESTART_ON_FAILURE, .delay_ms = 500, .max_delay_ms = 30000,
			.reset_ms = 20000, .limit = 3, .limit_window_ms = 300000},
		.health = {.interval_ms = 4000, .timeout_ms = 1500, .retries = 2, .successes = 1},
		.stop = {.signal = SIGINT, .timeout_ms = 10000, .scope = STOP_GROUP}};
	service_run_init(&run, &policy);
	now_ms = 5000;
	chance = 0;
	return 0;
}

static inline void feed_event(struct service_event event)
{
	/* As the keeper does: it is forgotten before its end is told. */
	if (event.kind == ON_HOOK_EXITED)
		run.hook = (struct child){.pidfd = -1};
	effects.count = 0;
	const struct step step = {.name = "api", .policy = &policy, .run = &run, .now_ms = now_ms,
		.random = chance, .effects = &effects};
	service_step(&step, &event);
}

#define feed(kind_, ...) feed_event((struct service_event){.kind = (kind_), ##__VA_ARGS__})
/* Of the present start. */
#define feed_probe(result_, ...)                                                                   \
	feed(ON_PROBE, .generation = run.generation, .result = (result_), ##__VA_ARGS__)

static inline void pass(int64_t ms)
{
	now_ms += ms;
	feed(ON_TIME);
}

/* To the time at which it wants to be called. */
static inline void pass_until_due(void)
{
	pass(service_next_time(&run) - now_ms);
}

/* Several to the same processes are said in one: "TERM, CONT to tree". */
static inline void show_signal(struct text *out, int i)
{
	static const char *const scopes[] = {[SIGNAL_LEADER] = "leader", [SIGNAL_GROUP] = "group",
		[SIGNAL_HOOK] = "hook", [SIGNAL_STRAYS] = "strays", [SIGNAL_TREE] = "tree"};
	const struct effect *effect = &effects.items[i];
	text_add(out, sigabbrev_np(effect->signal));
	bool is_last = i + 1 == effects.count || effect[1].kind != EFFECT_SIGNAL;
	if (is_last || effect[1].scope != effect->scope)
		text_addf(out, " to %s", scopes[effect->scope]);
}

static inline void show_effect(struct text *out, int i)
{
	static const char *const plain[] = {[EFFECT_STOP_COMMAND] = "stop command",
		[EFFECT_PROBE_CANCEL] = "cancel probe", [EFFECT_TREE_GONE] = "tree gone",
		[EFFECT_SPAWN] = "spawn", [EFFECT_LISTEN_READY] = "listen", [EFFECT_TELL] = NULL};
	const struct effect *effect = &effects.items[i];
	if (effect->kind == EFFECT_SIGNAL)
		show_signal(out, i);
	else if (effect->kind == EFFECT_PROBE)
		text_addf(out, "probe for %s within %lld",
			effect->purpose == PROBE_FOR_READY ? "ready" : "health",
			(long long)effect->timeout_ms);
	else if (effect->kind == EFFECT_TELL)
		text_addf(out, "tell %s", event_kind_word(effect->event));
	else
		text_addf(out, "%s", plain[effect->kind] ? plain[effect->kind] : "?");
}

static inline void expect(const char *expected)
{
	OWNED_TEXT out = {0};
	text_addf(&out, "%s %s:", service_state_word(run.state),
		run.want == WANT_UP ? "up" : "down");
	for (int i = 0; i < effects.count; i++) {
		text_addf(&out, i ? ", " : " ");
		show_effect(&out, i);
	}
	int64_t next = service_next_time(&run);
	if (next == NO_DEADLINE)
		text_addf(&out, "; nothing is due");
	else
		text_addf(&out, "; next in %lld", (long long)(next - now_ms));
	assert_string_equal(text_string(&out), expected);
}

/* The sentence of the last effect that tells something. */
static inline const char *told(void)
{
	for (int i = effects.count - 1; i >= 0; i--)
		if (effects.items[i].kind == EFFECT_TELL)
			return effects.items[i].text;
	return "";
}

/* ---- ways into a state ---- */

static inline void is_blocked(void)
{
	feed(ON_WANT_UP);
}

static inline void is_starting(void)
{
	is_blocked();
	feed(ON_MAY_START);
	feed(ON_SPAWNED, .child = {.pid = LEADER_PID, .pidfd = 7});
}

static inline void is_ready(void)
{
	is_starting();
	feed(ON_TIME);
	feed_probe(PROBE_OK);
}

/* Ready, and its health is asked for at this moment. */
static inline void is_being_checked(void)
{
	policy.health.present = true;
	is_ready();
	feed(ON_TIME);
}

static inline void is_unhealthy(void)
{
	policy.health.action = HEALTH_ALERT;
	is_being_checked();
	feed_probe(PROBE_OK);
	for (int i = 0; i < policy.health.retries; i++) {
		pass_until_due();
		feed_probe(PROBE_FAILED, .reason = "refused");
	}
}

static inline void exits(int code)
{
	feed(ON_EXITED, .exit = {.pid = LEADER_PID, .code = code});
}

static inline void dies(int signal)
{
	feed(ON_EXITED, .exit = {.pid = LEADER_PID, .code = -1, .signal = signal});
}

static inline void is_cooling(void)
{
	is_ready();
	exits(3);
}

static inline void is_stopping(void)
{
	is_ready();
	feed(ON_WANT_DOWN);
	feed(ON_MAY_STOP);
}

/* Its stop command runs. */
static inline void is_stopping_by_command(void)
{
	policy.stop.has_command = true;
	is_stopping();
	run.hook = (struct child){.pid = HOOK_PID, .pidfd = 8};
}

static inline void is_killing(void)
{
	is_stopping();
	pass(10000);
}

/* It ended by itself and left others behind. */
static inline void leaves_remnants(void)
{
	is_ready();
	feed(ON_EXITED, .exit = {.pid = LEADER_PID, .code = 3}, .left = 2);
}

static inline void is_done(void)
{
	is_ready();
	exits(0);
}

static inline void is_failed(void)
{
	policy.restart.rule = RESTART_NO;
	is_ready();
	exits(3);
}

#endif
