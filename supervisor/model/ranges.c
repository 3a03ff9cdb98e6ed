#include "model/ranges.h"

#include <string.h>

#include "model/names.h"

#define X(name, low, high, aliases, text) {name, low, high, aliases, text},
const struct named_range type_ranges[TYPE_RANGES] = {TYPE_RANGE_TABLE(X)};
const struct named_range legacy_ranges[LEGACY_RANGES] = {LEGACY_RANGE_TABLE(X)};
#undef X

const struct named_range *type_range_find(const char *name)
{
	for (size_t i = 0; i < TYPE_RANGES; i++)
		if (!strcmp(type_ranges[i].name, name))
			return &type_ranges[i];
	for (size_t i = 0; i < TYPE_RANGES; i++)
		if (name_is_among(type_ranges[i].aliases, name))
			return &type_ranges[i];
	return NULL;
}
