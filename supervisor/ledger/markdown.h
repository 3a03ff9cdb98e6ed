/*
 * markdown.h - tables in GitHub Flavored Markdown
 * (https://github.github.com/gfm/#tables-extension-), wherever they stand in a text. Pure.
 *
 * A table is a heading, a row of dashes with as many cells, and rows up to the next line without a
 * bar. What stands in fenced code and in comments is no table. A cell is read as its plain text:
 * escapes, code spans, links, emphasis and character references are undone, and "-" or "n/a" alone
 * is an empty cell. markdown_add_cell() writes any text so that it reads back the same.
 */
#ifndef LEDGER_MARKDOWN_H
#define LEDGER_MARKDOWN_H

#include "ledger/ledger.h"

void markdown_read(const struct ledger_reading *reading, const char *bytes, size_t length);
void markdown_write(const struct ledger *ledger, struct text *out);

void markdown_add_cell(struct text *out, const char *text);
/* Of the source of a cell; in the arena. */
const char *markdown_plain(struct arena *arena, const char *source, size_t length);

#endif
