/*
 * dotenv.h - env files, in docker compose's dialect, said precisely.
 *
 *	KEY=value		blanks around key and '=' go, and those behind the value; "export "
 *				may stand in front; `KEY: value` is read as well, with a warning
 *	KEY			inherits KEY from the environment; nothing when it is unset there
 *	# text			a comment: at the start of a line or after a blank, not in quotes
 *	KEY='value'		literal; only \' is an escape
 *	KEY="value"		escapes \a \b \f \n \r \t \v \\ \" \$ \0NNN (octal); interpolated
 *
 * Quotes count as the first character of a value only, and may span lines. Unquoted and
 * double-quoted values are interpolated (interpolate.h, dialect COMPOSE): the process environment
 * comes first, then earlier keys of the files; values of the environment are never expanded again,
 * so PATH=$PATH:x works and ends. Nothing is ever executed. A BOM is skipped, CRLF is a line end
 * (inside quotes too), the last of equal keys wins.
 *
 * Errors, all at once: a quote that is not closed, text behind a closing quote, a key that is empty
 * or has an illegal character or a blank in it, a wrong ${...}, NUL, invalid UTF-8. Warnings: '#'
 * glued to an unquoted value, an unset name, a duplicate key, a value in backticks, `KEY: value`.
 *
 * How to use it:
 *	1. struct dotenv env = {.arena = arena, .environment = environ, .complaints = &list};
 *	2. dotenv_parse(&env, ".env", content, length);		// once per file, later files win
 *	3. env.vars, env.count are the result, in order of first appearance.
 */
#ifndef STACKFILE_DOTENV_H
#define STACKFILE_DOTENV_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/lookup.h"
#include "model/complaint.h"
#include "model/stack.h"

enum { DOTENV_SIZE_MOST = 4 * 1024 * 1024 };

struct dotenv {
	struct arena *arena; /* borrows; the result lives in it */
	const char *const *environment; /* borrows; NAME=VALUE, NULL-terminated, as environ */
	struct complaints *complaints; /* borrows */

	struct pair *vars; /* the result; origin is "FILE:LINE" */
	size_t count;

	const char **paths; /* of the files, in their order: whoever reads them adds them */
	size_t path_count;

	struct lookup places; /* of vars; filled by the first parse */
	struct lookup inherited; /* of environment */
};

/* `name` is what complaints and origins call the file. Returns false when it added an error. */
bool dotenv_parse(struct dotenv *env, const char *name, const char *content, size_t length);

/* Value of a variable in a NAME=VALUE array; the first one counts. NULL: unset. */
const char *dotenv_environment(const char *const *environment, const char *name);

/* Whether a name can be a key of an env file. */
bool dotenv_is_key(const char *name);

#endif
