/*
 * values_list.h - the splitting that values.c and values_list.c share.
 */
#ifndef STACKFILE_VALUES_LIST_H
#define STACKFILE_VALUES_LIST_H

#include "stackfile/values.h"

/* Words between blanks. */
struct words value_words(struct arena *arena, const char *text);

#endif
