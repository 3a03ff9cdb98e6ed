/*
 * secrets.h - what is never shown or stored: the variables that some service's `secret` names, and every
 * value that was made of theirs (`url = http://${TOKEN}@...`).
 *
 * Values are those that the services' own variables, their env files and the environment of the
 * interpolation have. Short ones are not looked for in others: "yes" stands in too many places.
 */
#ifndef PLAN_SECRETS_H
#define PLAN_SECRETS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/lookup.h"
#include "model/stack.h"

struct secrets {
	struct arena *arena; /* borrows */
	struct lookup names;
	struct lookup known; /* the values, too, each once */
	const char **values; /* borrow from the stack */
	size_t value_count;
};

void secrets_collect(struct secrets *secrets, struct arena *arena, const struct stack *stack);
bool secrets_name(const struct secrets *secrets, const char *variable);
bool secrets_hide(const struct secrets *secrets, const char *value);

#endif
