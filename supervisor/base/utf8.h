/*
 * utf8.h - one character at a time, strictly: RFC 3629, no overlong forms, no surrogates, at most
 * U+10FFFF.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Length of the sequence at `at` (at most `left` bytes), 1..4, and its code point; 0: invalid. */
size_t utf8_decode(const char *at, size_t left, uint32_t *point);

/* Offset of the first byte that is NUL or not UTF-8; `length` where there is none. */
size_t utf8_text_span(const char *bytes, size_t length);
/* Is all of the string UTF-8? */
bool utf8_is_text(const char *string);

#endif
