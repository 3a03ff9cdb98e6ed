/*
 * command.h - from the text of a command to what is executed.
 *
 * A text that needs no shell is split as a POSIX shell splits plain words ('...', "...", backslash)
 * and executed directly. A text goes through the shell if it holds, anywhere, one of
 *
 *	| & ; < > ( ) $ ` * ? [ ] { } ~ ! #	or a newline
 *
 * or if its first word holds '=' or is a keyword or builtin of a shell; a leading `exec WORDS` runs
 * WORDS directly. References of ours (${port}, ${api.url}) are none of this: they are filled in
 * after the splitting, each value within one word, whatever is in it.
 *
 * In a text for the shell each value is quoted for the place where its reference stands (bare, in
 * '...', in "...", in ${X:-...}, in $(...), in a here-document), so that it stays one word and is
 * never read as syntax. Places where no quoting helps are refused with what to write instead: a
 * value of more than letters and digits in $((...)), one that needs escapes in `...`, any in
 * $'...', one with a line break in a here-document, a reference behind a backslash. Comments are
 * left alone.
 *
 * How to use it:
 *	1. struct interpolation rules = {.dialect = INTERPOLATE_COMMAND, .find = ...};
 *	   or NULL: the text is taken as it is (Procfile)
 *	2. command_make(arena, text, &rules, "/bin/sh", &service->command, &e)
 */
#ifndef STACKFILE_COMMAND_H
#define STACKFILE_COMMAND_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"
#include "model/stack.h"
#include "stackfile/interpolate.h"

/* Fills *out; everything in it lives in the arena. -1: refused (EXIT_BAD_FILE), with a hint. */
int command_make(struct arena *arena, const char *text, const struct interpolation *rules,
	const char *shell, struct command *out, struct error *e);

/* Whether the text goes through the shell; `ours` says whether ${lower} is a reference of ours. */
bool command_needs_shell(const char *text, bool ours);

/* Appends the word as a shell reads it back: as it is when it is plain, else in single quotes. */
void command_quote(struct text *out, const char *word);

#endif
