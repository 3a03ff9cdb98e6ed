/*
 * interpolate.h - ${NAME} in values: one engine for env files, the stack file and commands.
 *
 *	${NAME}			its value
 *	${NAME:-text}		text when NAME is unset or empty;	${NAME-text}	when unset
 *	${NAME:+text}		text when NAME has a value not empty;	${NAME+text}	when set
 *	${NAME:?text}		refused when unset or empty;		${NAME?text}	when unset
 *	$NAME			as ${NAME}
 *	$$			one $
 *
 * `text` may hold references again, and is looked at only when it is used; its end is found by
 * counting braces. Values are never looked at again. `${}`, `${1}`, `${X:=1}`, `${X:0:2}`, a line
 * break inside the braces and a missing brace are refused; a `$` before anything else is text.
 * These are docker compose's rules (github.com/compose-spec/compose-go, template/template.go).
 *
 * The dialects differ in names and in what an unset name means:
 *
 *	COMPOSE		names are [A-Za-z_][A-Za-z0-9_]*; unset is empty, with a warning
 *	STACK		names with a lower-case first letter are stackup's and may hold '.' and '-'
 *			("api.port"); where such a name and ${NAME-text} could both be meant, the
 *			longest name that is known wins; others are as above; unset is refused
 *	COMMAND		as STACK, but every $ that is not ${lower...} or $$ is left as it is, for
 *			the shell; inside the text of a ${lower...} STACK applies
 *
 * How to use it:
 *	1. Fill struct interpolation with a find function (and, if somebody listens, a warn one).
 *	2. interpolate("${api.url}/v1", &rules, &out, &e) appends the result to out.
 *	3. On -1 the error says which reference is wrong and has a hint; out may hold a part.
 */
#ifndef STACKFILE_INTERPOLATE_H
#define STACKFILE_INTERPOLATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/text.h"

enum {
	INTERPOLATE_DEPTH_MOST = 32, /* references inside references */
	INTERPOLATE_SIZE_MOST = 1024 * 1024, /* bytes of one result */
};

enum interpolate_dialect { INTERPOLATE_COMPOSE, INTERPOLATE_STACK, INTERPOLATE_COMMAND };

enum interpolate_found {
	FOUND_VALUE, /* *value is set */
	FOUND_NOTHING, /* a variable that is unset, or a name of ours that has no value here */
	FOUND_UNKNOWN, /* a lower-case name that does not exist; STACK and COMMAND only */
};

enum interpolate_warning {
	WARN_UNSET, /* ${NAME} that is unset became empty (COMPOSE) */
	WARN_UNSET_BARE, /* $NAME that is unset became empty: a password with a '$'? (COMPOSE) */
	WARN_LEFT_TO_SHELL, /* $name in a command, where ${name} is known to us (COMMAND) */
};

struct interpolation {
	enum interpolate_dialect dialect;
	void *self;
	/* *value stays valid until the next call. */
	enum interpolate_found (*find)(void *self, const char *name, const char **value);
	/* NULL: nobody listens. */
	void (*warn)(void *self, enum interpolate_warning warning, const char *name);
	/* The nearest known name, for "did you mean", or NULL. May be NULL itself. */
	const char *(*nearest)(void *self, const char *name);
	/*
	 * Does whoever was asked last for a lower-case name, which has no value or is none, know why? Then
	 * it fills e (EXIT_BAD_FILE, with a hint). May be NULL itself.
	 */
	bool (*explain)(void *self, struct error *e);
};

/* Appends the interpolated text to *out. -1: refused, e filled (EXIT_BAD_FILE). */
int interpolate(const char *text, const struct interpolation *rules, struct text *out,
	struct error *e);
/* The same for the first `length` bytes of text. */
int interpolate_part(const char *text, size_t length, const struct interpolation *rules,
	struct text *out, struct error *e);

/*
 * Length of the reference of ours ("${" and a lower-case letter, to its closing brace) that begins
 * at `text`; 0 where none begins. A missing brace: the rest of the text.
 */
size_t interpolate_ours(const char *text);

#endif
