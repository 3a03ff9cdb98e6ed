/*
 * stack_builder.h - checked stacks made in a line, for the tests of plan/.
 *
 *	struct stack *s = build("api: db migrate | migrate: db | db");
 *
 * Each part is NAME, then ':' and what it depends on; names may be used before they are declared.
 */
#ifndef TESTS_STACK_BUILDER_H
#define TESTS_STACK_BUILDER_H

#include "base/error.h"
#include "base/text.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "model/stack.h"

static inline struct stack *stack_of(int count)
{
	struct arena *arena = arena_new();
	struct stack *stack = arena_new_object(arena, struct stack);
	stack->arena = arena;
	stack->name = "shop";
	stack->slug = "shop-main";
	stack->services = arena_take(arena, (size_t)(count + 1) * sizeof *stack->services);
	stack->ports = arena_take(arena, (size_t)(count * 4 + 1) * sizeof *stack->ports);
	stack->service_count = count;
	for (int i = 0; i < count; i++)
		stack->services[i] = (struct service){.name = arena_format(arena, "s%d", i),
			.index = i,
			.line = 100 + i,
			.enabled = true,
			.fingerprint = ""};
	return stack;
}

/* Line of the dependency: 100 * (service + 1) + its position. */
static inline void add_dependency(struct stack *stack, int from, int to)
{
	struct service *service = &stack->services[from];
	struct dependency *list =
		arena_take(stack->arena, (service->dependency_count + 1) * sizeof *list);
	if (service->dependency_count)
		memcpy(list, service->dependencies, service->dependency_count * sizeof *list);
	list[service->dependency_count] = (struct dependency){.service = to,
		.condition = CONDITION_READY,
		.line = 100 * (from + 1) + (int)service->dependency_count};
	service->dependencies = list;
	service->dependency_count++;
}

static inline struct service *service_of(const struct stack *stack, const char *name)
{
	for (int i = 0; i < stack->service_count; i++)
		if (!strcmp(stack->services[i].name, name))
			return &stack->services[i];
	fail_msg("no service '%s'", name);
	abort();
}

static inline struct stack *build(const char *text)
{
	int count = 1;
	for (const char *c = text; *c; c++)
		count += *c == '|';
	struct stack *stack = stack_of(count);
	const char *parts[64];
	const char *at = text;
	for (int i = 0; i < count; i++) {
		at += strspn(at, " |");
		size_t length = strcspn(at, " :|");
		stack->services[i].name = arena_string_n(stack->arena, at, length);
		parts[i] = at + length;
		at += strcspn(at, "|");
	}
	for (int i = 0; i < count; i++) {
		for (at = parts[i] + strspn(parts[i], " :"); *at && *at != '|';
			at += strspn(at, " ")) {
			size_t length = strcspn(at, " |");
			add_dependency(stack, i,
				service_of(stack, arena_string_n(stack->arena, at, length))->index);
			at += length;
		}
	}
	return stack;
}

/* A port row; the first one of a service named "main" is its main port. */
static inline struct port *add_port(
	struct stack *stack, const char *service, const char *name, uint16_t number)
{
	struct service *s = service_of(stack, service);
	int *list = arena_take(stack->arena, (s->port_count + 1) * sizeof *list);
	if (s->port_count)
		memcpy(list, s->ports, s->port_count * sizeof *list);
	list[s->port_count] = stack->port_count;
	s->ports = list;
	s->has_main_port = s->has_main_port || (s->port_count == 0 && !strcmp(name, "main"));
	s->port_count++;
	struct port *port = &stack->ports[stack->port_count++];
	*port = (struct port){
		.service = s->name, .name = name, .service_index = s->index, .number = number};
	return port;
}

/* "A=1@origin" rows into pairs. */
static inline const struct pair *pairs(struct stack *stack, size_t count, const char *const *rows)
{
	struct pair *list = arena_take(stack->arena, (count + 1) * sizeof *list);
	for (size_t i = 0; i < count; i++) {
		const char *equals = strchr(rows[i], '=');
		const char *at = strrchr(rows[i], '@');
		list[i].name = arena_string_n(stack->arena, rows[i], (size_t)(equals - rows[i]));
		list[i].value = arena_string_n(stack->arena, equals + 1, (size_t)(at - equals - 1));
		list[i].origin = at + 1;
	}
	return list;
}
#define SET_PAIRS(stack, field, count_field, ...)                                                  \
	do {                                                                                       \
		static const char *const rows_[] = {__VA_ARGS__};                                  \
		(field) = pairs(stack, sizeof rows_ / sizeof *rows_, rows_);                       \
		(count_field) = sizeof rows_ / sizeof *rows_;                                      \
	} while (0)

#endif
