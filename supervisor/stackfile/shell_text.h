/*
 * shell_text.h - values put into a text that a shell will read, so that each stays one word.
 *
 * One pass over the text follows the shell's quoting (POSIX, Shell Command Language 2.2, 2.3, 2.6,
 * 2.7.4): what is quoted how, and what is nested in what. Where a reference of ours stands, its
 * value is quoted for that place. Used by command.h, whose header has the rules.
 */
#ifndef STACKFILE_SHELL_TEXT_H
#define STACKFILE_SHELL_TEXT_H

#include <stdbool.h>

#include "base/error.h"
#include "base/text.h"
#include "stackfile/interpolate.h"

/* Appends the text with its references filled in. -1: refused, e filled. */
int shell_text_fill(const char *text, const struct interpolation *rules, struct text *out,
	struct error *e);

/* Not empty, and nothing in it that means something to a shell in any place. */
bool shell_text_is_plain(const char *word);

#endif
