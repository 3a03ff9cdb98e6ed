/*
 * bar.h - a quantity as a bar of characters.
 *
 * With UTF-8 in eighths of a character (U+2588 to U+258F), else in number signs. What is not zero
 * is seen.
 */
#ifndef BASE_BAR_H
#define BASE_BAR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

/* value of `most` in at most `width` columns; nothing where most is 0. */
void bar_add(struct text *out, int64_t value, int64_t most, int width, bool utf8);

#endif
