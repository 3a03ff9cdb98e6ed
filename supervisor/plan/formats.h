/*
 * formats.h - an environment written down: for shells, env files, JSON, compose; and explained.
 *
 * All append to *out, sorted by name. Variables whose name the format cannot hold (sh: names that
 * are no identifiers; dotenv: bash's exported functions) become a comment line at the end. Bytes
 * that are not UTF-8 become U+FFFD in JSON and YAML, which cannot hold them.
 *
 * With a mask, what it would not show whole is not written at all, since whoever reads a format
 * takes its values for the true ones: a comment line, in JSON and compose null (compose then passes
 * its caller's on). formats_explain() is for people and shows "***".
 */
#ifndef PLAN_FORMATS_H
#define PLAN_FORMATS_H

#include "base/error.h"
#include "base/text.h"
#include "plan/environment.h"

#define ENV_FORMATS(X)                                                                             \
	X(ENV_FORMAT_SH, "sh") /* export NAME='value' */                                           \
	X(ENV_FORMAT_DOTENV, "dotenv") /* reads back the same here and in compose */               \
	X(ENV_FORMAT_JSON, "json") /* {"NAME":"value"} */                                          \
	X(ENV_FORMAT_COMPOSE, "compose") /* an `environment:` mapping; $ is written $$ */

#define X(name, word) name,
enum env_format { ENV_FORMATS(X) };
#undef X
const char *env_format_word(enum env_format format);
/* -1: unknown (EXIT_USAGE), with what there is. */
int env_format_parse(const char *word, enum env_format *format, struct error *e);

/*
 * What may be shown; NULL instead of one: everything. Values of variables that some service's
 * `secret` names never are.
 */
struct env_mask {
	void *self;
	/* Appends the value of another variable as it may be shown; NULL: all of it. */
	void (*add)(void *self, struct text *out, const char *name, const char *value);
};

/* Returns how many values the mask kept back. */
size_t formats_write(const struct environment *env, enum env_format format,
	const struct env_mask *mask, struct text *out);

/* One value as a dotenv file can hold it, quoted where it must be. */
void formats_dotenv_value(struct text *out, const char *value);

/*
 * Where a variable comes from: its value and origin, then what it covers, highest first. NULL as
 * name: all of them. -1: there is no such variable (EXIT_NOT_FOUND). Values are raw bytes:
 * terminal.h first.
 */
int formats_explain(const struct environment *env, const char *name, const struct env_mask *mask,
	struct text *out, struct error *e);

/*
 * ports.env and ports.sh: what is injected into every service, as dotenv and to be sourced. Secrets are
 * not stored.
 */
void formats_ports_env(struct arena *scratch, const struct stack *stack,
	const struct environment_facts *facts, enum env_format format, struct text *out);

#endif
