/*
 * stackfile_fixture.h - a stack file in a string, all the way to the stack or to its complaints.
 *
 *	struct fixture f = {0};
 *	struct stack *stack = load(&f, "[service web]\ncommand = true\n");	// NULL: said(&f)
 *	unload(&f);
 *
 * It stands at /src/shop/stack.ini as instance 3, base port 30520: slots get 30520 + slot, `auto`
 * the lowest free one, fixed ports themselves, pool ports 30000 and up.
 */
#ifndef TESTS_STACKFILE_FIXTURE_H
#define TESTS_STACKFILE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "stackfile/draft.h"

struct fixture {
	struct stackfile_request request; /* what the test wants to differ */
	const char *label; /* NULL: stack.ini */
	const char *dir; /* NULL: /src/shop */
	struct complaints complaints;
	struct document *document;
	struct draft *draft;
	struct stack *stack;
	struct text printed;
};

enum { FIXTURE_BASE = 30520 };

static inline uint16_t *fixture_numbers(const struct draft *draft)
{
	int count;
	const struct port *ports = draft_ports(draft, &count);
	uint16_t *numbers = calloc((size_t)count + 1, sizeof *numbers);
	uint16_t taken[100] = {0};
	for (int i = 0; i < count; i++)
		if (ports[i].source == PORT_SLOT)
			taken[ports[i].slot] = 1;
	for (int i = 0, next = 0; i < count; i++) {
		if (ports[i].source == PORT_FIXED) {
			numbers[i] = ports[i].fixed;
			continue;
		}
		if (ports[i].source == PORT_POOL) {
			numbers[i] = (uint16_t)(30000 + i);
			continue;
		}
		while (ports[i].source == PORT_AUTO && taken[next])
			next++;
		int slot = ports[i].source == PORT_AUTO ? next++ : ports[i].slot;
		numbers[i] = (uint16_t)(FIXTURE_BASE + slot);
	}
	return numbers;
}

static inline struct stack *load_bytes(struct fixture *f, const char *text, size_t length)
{
	f->document = document_parse(text, length, f->label ? f->label : "stack.ini",
		f->dir ? f->dir : "/src/shop", &f->complaints);
	assert_non_null(f->document);
	f->request.document = f->document;
	if (!f->request.instance)
		f->request.instance = 3;
	if (!f->request.default_name)
		f->request.default_name = "shop";
	f->draft = draft_new(&f->request, &f->complaints);
	assert_non_null(f->draft);
	uint16_t *numbers = fixture_numbers(f->draft);
	struct stackfile_facts facts = {
		.instance = f->request.instance,
		.base_port = FIXTURE_BASE,
		.numbers = numbers,
		.project = "shop",
		.state_dir = "/state/shop/3",
		.log_dir = "/state/shop/3/logs",
		.slug = "shop-main",
		.branch = "main",
	};
	f->stack = draft_resolve(f->draft, &facts, &f->complaints);
	free(numbers);
	return f->stack;
}

static inline struct stack *load(struct fixture *f, const char *text)
{
	return load_bytes(f, text, strlen(text));
}

/* All complaints, one a line, without the last newline; "" where there are none. */
static inline const char *said(struct fixture *f)
{
	text_clear(&f->printed);
	complaints_sort(&f->complaints);
	for (size_t i = 0; i < f->complaints.list.count; i++) {
		if (i)
			text_add_char(&f->printed, '\n');
		complaint_show(&f->complaints.list.items[i], &f->printed);
	}
	return text_string(&f->printed);
}

static inline void unload(struct fixture *f)
{
	stack_free(f->stack);
	draft_free(f->draft);
	document_free(f->document);
	complaints_release(&f->complaints);
	text_release(&f->printed);
	*f = (struct fixture){0};
}

/* Exactly these complaints, and no stack when one of them is an error. */
static inline void expect_said(const char *text, const char *complaints)
{
	struct fixture f = {0};
	struct stack *stack = load(&f, text);
	assert_string_equal(said(&f), complaints);
	assert_int_equal(stack == NULL, f.complaints.errors > 0);
	unload(&f);
}

/* A stack without any complaint. */
static inline struct stack *load_well(struct fixture *f, const char *text)
{
	struct stack *stack = load(f, text);
	assert_string_equal(said(f), "");
	assert_non_null(stack);
	return stack;
}

/* NULL where the service has none of that name. */
static inline const char *service_env(
	const struct fixture *f, const char *service, const char *name)
{
	assert_non_null(f->stack);
	const struct service *s = stack_service(f->stack, service);
	for (size_t i = 0; i < s->env_count; i++)
		if (!strcmp(s->env[i].name, name))
			return s->env[i].value;
	return NULL;
}

/* Likewise. */
static inline const struct port *port_of(
	const struct fixture *f, const char *service, const char *name)
{
	assert_non_null(f->stack);
	for (int i = 0; i < f->stack->port_count; i++)
		if (!strcmp(f->stack->ports[i].service, service) &&
			!strcmp(f->stack->ports[i].name, name))
			return &f->stack->ports[i];
	return NULL;
}

#endif
