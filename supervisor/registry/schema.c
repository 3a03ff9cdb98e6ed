#include "registry/schema.h"

#include <stddef.h>

/* schema.sql, made into a string literal by the build (room.cmake). */
static const char version_1[] = {
#include "schema_1.inc"
};

const char *schema_step(int from)
{
	static const char *const steps[] = {version_1};
	return from >= 0 && (size_t)from < sizeof steps / sizeof steps[0] ? steps[from] : NULL;
}
