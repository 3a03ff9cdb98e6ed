/*
 * describe_rows.h - a resolved stack as keys and values, in one fixed order. describe.c shows them,
 * fingerprint.c compares them: what is not here is neither.
 */
#ifndef STACKFILE_DESCRIBE_ROWS_H
#define STACKFILE_DESCRIBE_ROWS_H

#include "model/stack.h"

struct row_sink {
	void *self;
	/* A plain key, or (member not NULL) one of a family: "env", "DATABASE_URL". */
	void (*on_row)(void *self, const char *key, const char *member, const char *value);
	/* A port's number, "main" or its name. */
	void (*on_port)(void *self, const char *name, uint16_t number);
	/* A command: as it is executed. */
	void (*on_command)(void *self, const char *key, const struct command *command,
		const char *before);
};

void rows_of_stack(const struct stack *stack, const struct row_sink *sink);
void rows_of_service(const struct stack *stack, const struct service *service,
	const struct row_sink *sink);

#endif
