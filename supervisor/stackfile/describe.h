/*
 * describe.h - a checked stack and its complaints as text and JSON.
 *
 * Secrets are masked wherever something is shown: values of variables that `secret` names, of
 * variables whose name has SECRET, TOKEN, PASS, KEY or DSN in it, and the password of every URL
 * with USER:PASSWORD@. The fingerprint is the exception: it is compared, never shown.
 */
#ifndef STACKFILE_DESCRIBE_H
#define STACKFILE_DESCRIBE_H

#include <stdbool.h>

#include "base/text.h"
#include "model/complaint.h"
#include "model/stack.h"

struct json_t;

/* The resolved stack file, as INI that says what would be started. */
void describe_config(const struct stack *stack, struct text *out);
/* {"version":1,"stack":{...},"services":[...]}; NULL when memory is out. The caller frees. */
struct json_t *describe_config_json(const struct stack *stack);
/* [{"file","line","key","severity","text","hint"}]; NULL when memory is out. The caller frees. */
struct json_t *complaints_json(const struct complaints *complaints);

/* Whether a variable of this name is never to be shown; service may be NULL. */
bool secret_name(const struct service *service, const char *variable);
/* Appends the value as it may be shown: all of it, with a URL's password masked, or only "***". */
void secret_add_masked(struct text *out, const struct service *service, const char *variable,
	const char *value);
/* Appends text with the passwords of URLs in it masked. */
void secret_add_text(struct text *out, const char *value);
/* The same, and with the values of secrets masked wherever they occur in it: those the service has. */
void secret_add_shown(struct text *out, const struct stack *stack, const struct service *service,
	const char *text);

/* Complaints from the `first` on, likewise: they quote what they are about. */
void secret_hide_in(struct complaints *complaints, size_t first, const struct stack *stack);

/* Everything of a service that needs a restart when it changes, in one fixed order. */
void describe_fingerprint(const struct stack *stack, const struct service *service,
	struct text *out);

#endif
