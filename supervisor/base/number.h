/*
 * number.h - numbers as people write them in stack files and on command lines.
 *
 * Each parser takes the whole string or nothing, returns false for anything else, and leaves *out
 * untouched then. The accepted forms, for messages:
 */
#ifndef BASE_NUMBER_H
#define BASE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NUMBER_DURATION_FORM "a duration like 500ms, 30s, 2m or 1h"
#define NUMBER_SIZE_FORM     "a size like 512K, 64M or 2G"
#define NUMBER_BOOLEAN_FORM  "yes or no"

/* Decimal digits only, no sign, no blanks, no leading '+'; within [least, most]. */
bool number_parse(const char *text, int64_t least, int64_t most, int64_t *out);
/* "250ms" "30s" "1.5s" "2m" "1h" or "0"; milliseconds. A bare number other than 0 is refused. */
bool number_duration(const char *text, int64_t *ms);
/* "512K" "64M" "2G" or a number of bytes; bytes. */
bool number_size(const char *text, int64_t *bytes);
/* yes no true false on off, in any case. */
bool number_boolean(const char *text, bool *out);
/* "8000-8009" or "8000"; 1..65535, low <= high. */
bool number_port_range(const char *text, uint16_t *low, uint16_t *high);
/* Seconds as a whole number or decimal ("5", "0.5") or a duration with a unit; milliseconds. */
bool number_seconds(const char *text, int64_t *ms);

/*
 * A share in tenths of a per cent, rounded; 1000 is all of it and 0 none, so what rounds to one of these
 * and is not is a tenth away from it. 0 <= part <= whole, whole > 0.
 */
int number_permille(int64_t part, int64_t whole);

enum { NUMBER_DURATION_SIZE = 24 };
/* "500 ms", "2.1 s", "3 min", "1 h 5 min" into buffer; returns buffer. */
const char *number_show_duration(int64_t ms, char buffer[NUMBER_DURATION_SIZE]);

#endif
