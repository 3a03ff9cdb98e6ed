#include "registry/schema.h"

#include <stddef.h>

/* schema.sql and schema_N.sql, made into strings by the build (room.cmake). */
static const char version_1[] = {
#include "schema_1.inc"
};
static const char version_2[] = {
#include "schema_2.inc"
};
static const char version_3[] = {
#include "schema_3.inc"
};
static const char version_4[] = {
#include "schema_4.inc"
};
static const char version_5[] = {
#include "schema_5.inc"
};
static const char version_6[] = {
#include "schema_6.inc"
};
static const char version_7[] = {
#include "schema_7.inc"
};
static const char version_8[] = {
#include "schema_8.inc"
};
static const char version_9[] = {
#include "schema_9.inc"
};

const char *schema_step(int from)
{
	static const char *const steps[] = {
		version_1, version_2, version_3, version_4, version_5, version_6, version_7,
		version_8, version_9};
	return from >= 0 && (size_t)from < sizeof steps / sizeof steps[0] ? steps[from] : NULL;
}
