/*
 * keeper_world.h - a world behind struct sys that does nothing and writes down what it is asked
 * for; a keeper in it, and one turn at a time.
 *
 *	begin(2);
 *	keeper_start(keeper, 0, false, NULL);
 *	turn_at(1000);
 *	expect_calls("spawn 0.1, listen 0.1");
 */
#ifndef TESTS_KEEPER_WORLD_H
#define TESTS_KEEPER_WORLD_H

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/pages.h"
#include "base/text.h"
#include "watch/keeper.h"

/* A failure of the world, before cmocka.h takes the name. */
static int refuse(struct error *e, int number)
{
	fail(e, EXIT_FAILED, "no room");
	error_hint(e, "make some");
	e->number = number;
	return -1;
}

#include <cmocka.h>

/* ---- a world that does nothing and writes down what it is asked for ---- */

enum { MOST = 128, NEVER = -1 };

static struct {
	struct text calls;
	int64_t now_ms;
	pid_t last_pid;
	bool spawn_fails;
	int spawn_errno;
	bool hook_fails;
	bool signal_fails;
	bool withstands; /* whoever is left cannot be killed */
	bool tells; /* also write down what is told */
	size_t left[MOST]; /* of each tree */
	int spawns;
} world;

static void __attribute__((format(printf, 1, 2))) note(const char *format, ...)
{
	if (world.calls.length)
		text_add(&world.calls, ", ");
	va_list args;
	va_start(args, format);
	text_vaddf(&world.calls, format, args);
	va_end(args);
}

static int64_t world_now(void *self)
{
	(void)self;
	return world.now_ms;
}

static int world_spawn(void *self, int service, uint64_t generation, struct child *child,
	struct error *e)
{
	(void)self;
	note("spawn %d.%llu", service, (unsigned long long)generation);
	world.spawns++;
	if (world.spawn_fails)
		return refuse(e, world.spawn_errno);
	*child = (struct child){.pid = ++world.last_pid, .pidfd = 7};
	return 0;
}

static int world_stop_command(void *self, int service, struct child *child, struct error *e)
{
	(void)self;
	note("stop command %d", service);
	if (world.hook_fails)
		return refuse(e, EAGAIN);
	*child = (struct child){.pid = ++world.last_pid, .pidfd = 8};
	return 0;
}

static int world_signal(void *self, int service, const struct child *child, enum signal_scope scope,
	int signal)
{
	(void)self;
	static const char *const scopes[] = {[SIGNAL_LEADER] = "leader", [SIGNAL_GROUP] = "group",
		[SIGNAL_HOOK] = "hook", [SIGNAL_STRAYS] = "strays", [SIGNAL_TREE] = "tree"};
	note("%s to %s %d (%d)", sigabbrev_np(signal), scopes[scope], service, (int)child->pid);
	return world.signal_fails ? -1 : 0;
}

static bool world_withstands(void *self, int service, char *why, size_t size)
{
	(void)self;
	note("who is left %d", service);
	snprintf(why, size, "it sleeps in the kernel");
	return world.withstands;
}

static void world_census(void *self, struct tree_mark *marks, size_t count)
{
	(void)self;
	note("census");
	for (size_t i = 0; i < count; i++) {
		text_addf(&world.calls, " %d(%d)", marks[i].service, (int)marks[i].session);
		marks[i].left = world.left[marks[i].service];
	}
}

static void world_forget(void *self, int service, struct child *child)
{
	(void)self;
	note("forget %d (%d)", service, (int)child->pid);
	*child = (struct child){.pidfd = -1};
}

static void world_tree_gone(void *self, int service)
{
	(void)self;
	note("gone %d", service);
}

static void world_probe(void *self, int service, uint64_t generation, enum probe_purpose purpose,
	int64_t timeout_ms)
{
	(void)self;
	note("probe %d.%llu %s %lld", service, (unsigned long long)generation,
		purpose == PROBE_FOR_READY ? "ready" : "health", (long long)timeout_ms);
}

static void world_probe_cancel(void *self, int service)
{
	(void)self;
	note("cancel %d", service);
}

static void world_listen_ready(void *self, int service, uint64_t generation)
{
	(void)self;
	note("listen %d.%llu", service, (unsigned long long)generation);
}

static void world_tell(void *self, int service, enum event_kind kind, const char *text)
{
	(void)self;
	if (world.tells)
		note("tell %d %s '%s'", service, event_kind_word(kind), text);
}

static uint32_t world_random(void *self)
{
	(void)self;
	return 0;
}

static const struct sys sys = {.now_ms = world_now,
	.spawn = world_spawn,
	.spawn_stop_command = world_stop_command,
	.signal = world_signal,
	.withstands = world_withstands,
	.census = world_census,
	.forget = world_forget,
	.tree_gone = world_tree_gone,
	.probe = world_probe,
	.probe_cancel = world_probe_cancel,
	.listen_ready = world_listen_ready,
	.tell = world_tell,
	.random = world_random};

/* ---- memory, in place of base/pages.c: to the byte, so that a sanitizer sees the rest ---- */

static struct {
	struct {
		void *start; /* NULL: free */
		size_t size;
	} blocks[16];
	int until_none; /* the so many-th block is refused; 0: none is */
} memory;

void *pages_new(size_t size)
{
	size_t i = 0;
	while (memory.blocks[i].start)
		assert_true(++i < sizeof memory.blocks / sizeof memory.blocks[0]);
	if (memory.until_none && !--memory.until_none)
		return NULL;
	memory.blocks[i].start = calloc(1, size);
	memory.blocks[i].size = size;
	return memory.blocks[i].start;
}

void pages_free(void *start, size_t size)
{
	size_t i = 0;
	if (!start)
		return;
	while (memory.blocks[i].start != start)
		assert_true(++i < sizeof memory.blocks / sizeof memory.blocks[0]);
	assert_int_equal(size, memory.blocks[i].size);
	memory.blocks[i].start = NULL;
	free(start);
}

static int blocks_in_use(void)
{
	int count = 0;
	for (size_t i = 0; i < sizeof memory.blocks / sizeof memory.blocks[0]; i++)
		count += memory.blocks[i].start != NULL;
	return count;
}

/* ---- a keeper in it ---- */

static struct stack *stack;
static struct keeper *keeper;

static const struct service_policy policy = {.readiness = READY_LOG, .ready_timeout_ms = 60000,
	.restart = {.delay_ms = 400, .max_delay_ms = 400, .limit = 9, .limit_window_ms = 60000},
	.health = {.interval_ms = 4000, .timeout_ms = 1500, .retries = 2, .successes = 1},
	.stop = {.signal = SIGINT, .timeout_ms = 10000}};

static struct stack *stack_of(int services)
{
	struct arena *arena = arena_new();
	struct stack *made = arena_new_object(arena, struct stack);
	made->arena = arena;
	made->service_count = services;
	made->services = calloc((size_t)services, sizeof *made->services);
	for (int i = 0; i < services; i++)
		made->services[i] = (struct service){.name = arena_format(arena, "s%d", i),
			.index = i, .policy = policy};
	return made;
}

static void stack_end(struct stack *made)
{
	free(made->services);
	stack_free(made);
}

static void begin(int services)
{
	memset(&world, 0, sizeof world);
	memory.until_none = 0;
	world.now_ms = 1000;
	world.last_pid = 100;
	stack = stack_of(services);
	keeper = keeper_new(&sys, stack);
}

static int finish(void **state)
{
	(void)state;
	keeper_free(keeper);
	stack_end(stack);
	text_release(&world.calls);
	return blocks_in_use();
}

/* What was asked for since the last time. */
static void expect_calls(const char *expected)
{
	assert_string_equal(text_string(&world.calls), expected);
	text_clear(&world.calls);
}

/* A turn at a time; when it wants the next one, counted from there. */
static int64_t turn_at(int64_t now_ms)
{
	world.now_ms = now_ms;
	int64_t next = keeper_turn(keeper);
	return next == NO_DEADLINE ? NEVER : next - now_ms;
}

static const struct service_run *run_of(int service)
{
	return keeper_run(keeper, service);
}

static void assert_state(int service, enum service_state state)
{
	assert_string_equal(service_state_word(run_of(service)->state), service_state_word(state));
}

#endif
