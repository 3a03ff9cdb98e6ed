/*
 * injected.h - the variables by which the services of a stack are told each other's ports.
 *
 *	<SERVICE>_PORT  <SERVICE>_<NAME>_PORT  <SERVICE>_HOST  <SERVICE>_URL
 *
 * Upper case, and every character that a variable cannot have is a '_'. So two names of the stack
 * file can come to one variable ("my-api" and "my_api"; port "admin" of "db" and "db-admin"), and
 * one of the two services would not be found: injected_complain().
 */
#ifndef PLAN_INJECTED_H
#define PLAN_INJECTED_H

#include "base/arena.h"
#include "model/complaint.h"
#include "model/stack.h"

struct injected {
	const char *name;
	const char *value;
	const char *origin; /* "port of api" */
	int line; /* of what it speaks of, in the stack file */
};

/* What others (and the service itself) are told about its ports; in the arena. Returns how many. */
size_t injected_of(const struct stack *stack, const struct service *service, struct arena *arena,
	struct injected **out);

/*
 * True: every variable has one meaning. An error a pair of services; in a Procfile, whose processes
 * need not care, a warning (then it is true as well). `label` is the file as complaints name it.
 */
bool injected_complain(const struct stack *stack, struct arena *arena, const char *label,
	struct complaints *complaints);

#endif
