/*
 * fields.h - the structs of a walk as rows of numbers: word, and simplest value. A struct of
 * int64_t fields made by an X-table is read as an array of its table's length.
 */
#ifndef SIM_FIELDS_H
#define SIM_FIELDS_H

#include <stddef.h>
#include <stdint.h>

#include "walk.h"

struct field {
	const char *word;
	int64_t simplest;
};

struct fields {
	const struct field *rows;
	size_t count;
};

extern const struct fields policy_fields;
extern const struct fields need_fields;
extern const struct fields script_fields;
extern const struct fields move_fields;

#endif
