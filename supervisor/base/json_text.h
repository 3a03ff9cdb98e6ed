/*
 * json_text.h - JSON written straight into a text, for documents of thousands of rows: a tree of values
 * that is dumped in the end costs ten times as much.
 *
 * The first function is enough where speed counts; the rest of a document is text_add() then. The others
 * write a member of an object, or with key NULL an item of an array, and put the comma where one is due:
 *
 *	json_text_open(&out, NULL, '{');
 *	json_text_number(&out, "version", 1);
 *	json_text_open(&out, "items", '[');
 *	json_text_close(&out, ']');
 *	json_text_close(&out, '}');
 */
#ifndef BASE_JSON_TEXT_H
#define BASE_JSON_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

/*
 * The string in quotes, or null for NULL. Bytes that are no UTF-8 (file and process names need not be)
 * become question marks. ASCII only: nothing in it can drive a terminal.
 */
void json_text_add(struct text *out, const char *string);

void json_text_string(struct text *out, const char *key, const char *value);
void json_text_number(struct text *out, const char *key, int64_t value);
/* With so many digits after the point. */
void json_text_decimal(struct text *out, const char *key, double value, int digits);
void json_text_boolean(struct text *out, const char *key, bool value);
void json_text_open(struct text *out, const char *key, char bracket);
void json_text_close(struct text *out, char bracket);
/* What comes next begins a line with so many spaces: for documents that are read and compared. */
void json_text_line(struct text *out, int indent);

#endif
