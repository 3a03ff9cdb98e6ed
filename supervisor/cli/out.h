/*
 * out.h - results on stdout, everything else on stderr, nothing raw on a terminal.
 *
 * A reader that closed the pipe (`stackup logs | head`) ends the command quietly with 0: the
 * instance is not touched. Notices are lines "stackup: ..." on stderr; text that comes from a file,
 * a child or the supervisor is made safe on the way.
 */
#ifndef CLI_OUT_H
#define CLI_OUT_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "base/error.h"
#include "base/terminal.h"
#include "base/text.h"

/* As it is: the caller has made foreign parts safe. */
void out_bytes(const char *bytes, size_t length);
void out_text(const struct text *text);
/* Others' lines, to be used elsewhere: a program gets the bytes, a terminal what cannot drive it. */
void out_document(const struct text *lines);
/*
 * Lines of which the last part matters least; none ends without a newline. On a terminal each is cut where the
 * window ends, so that a table stays one.
 */
void out_lines(const struct text *lines);
/* Steals it; indented on a terminal, one line else. With a newline. NULL: out of memory is said. */
void out_json(json_t *value);

/* "stackup: TEXT" on stderr, made safe; each line of a longer text is one. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Lines for people, each "stackup: ...". */
void say_lines(const char *lines);
/* The sentence and its hint on stderr; with json the error object on stdout, with extra (stolen). */
void say_error(const struct error *e, bool json, json_t *extra);

/* Columns of the window on stdout; 0: there is none, and lines may be of any length. */
size_t out_columns(void);
bool out_is_terminal(void);
bool err_is_terminal(void);

/* Rows of cells that come out aligned; the last column is not padded. */
struct table;
struct table *table_new(size_t columns);
/* Text is made safe. Cells come row by row. */
void table_cell(struct table *table, enum colour colour, const char *text);
void table_print(struct table *table, bool colour, struct text *out);
/* The same; in a window that is too narrow the last column has lines of its own, below each row. */
void table_print_folding(struct table *table, bool colour, struct text *out);
void table_free(struct table *table);

#endif
