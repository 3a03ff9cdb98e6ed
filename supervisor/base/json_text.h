/*
 * json_text.h - JSON written straight into a text, for documents of thousands of rows: a tree of values
 * that is dumped in the end costs ten times as much.
 *
 * Only what is hard to write by hand is here. The rest of a document is text_add().
 */
#ifndef BASE_JSON_TEXT_H
#define BASE_JSON_TEXT_H

#include "base/text.h"

/*
 * The string in quotes, or null for NULL. Bytes that are no UTF-8 (file and process names need not be)
 * become question marks. ASCII only: nothing in it can drive a terminal.
 */
void json_text_add(struct text *out, const char *string);

#endif
