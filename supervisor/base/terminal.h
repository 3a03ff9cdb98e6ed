/*
 * terminal.h - what may reach a person's terminal, and in which colours.
 *
 * Everything that comes from a child, a file, the network or another user goes through one of these
 * three before it is printed. None lets a byte through that could move the cursor, set the title,
 * write the clipboard or ask the terminal a question.
 */
#ifndef BASE_TERMINAL_H
#define BASE_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

/*
 * Strict, for names, errors, reasons: printable UTF-8 stays; every control byte (C0, DEL, C1 raw or
 * as UTF-8), bidirectional override, zero-width character and invalid byte becomes visible
 * (ESC as U+241B, others as \xNN or \u{NNNN}).
 */
void terminal_add_strict(struct text *out, const char *bytes, size_t length);

/*
 * For one line of a log: as strict, but tab and SGR sequences (ESC [ digits and ; m) stay. When any
 * SGR passed, a reset is added at the end. With colour false the SGR sequences are removed.
 */
void terminal_add_line(struct text *out, const char *bytes, size_t length, bool colour);

/*
 * The inside of a JSON string, valid whatever the bytes: an invalid byte becomes U+FFFD, and what
 * terminal_add_strict() makes visible becomes an escape.
 */
void terminal_add_json(struct text *out, const char *bytes, size_t length);

enum colour { COLOUR_NONE, COLOUR_RED, COLOUR_GREEN, COLOUR_YELLOW, COLOUR_BLUE, COLOUR_MAGENTA,
	COLOUR_CYAN, COLOUR_GREY, COLOUR_BOLD };
/* The SGR sequence, "" when off. colour_off() is the reset. */
const char *colour_on(bool enabled, enum colour colour);
const char *colour_off(bool enabled);
/* A steady colour for a name: the i-th of the palette for prefixes. */
enum colour colour_for(size_t index);

#endif
