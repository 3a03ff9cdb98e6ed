/*
 * ranges.h - ranges of ports that have a name: by type of service, and those of older habits.
 *
 * A type range is used by name, `range = core`; [ports] range.NAME of a stack file or of the user's
 * own file takes the name over. An alias means the same range. Legacy ranges are where services of
 * projects lived that had no blocks; nothing is given out of them, `ports policy` shows who is there.
 */
#ifndef MODEL_RANGES_H
#define MODEL_RANGES_H

#include <stddef.h>
#include <stdint.h>

/* name, first and last port, aliases (space separated), what belongs there */
#define TYPE_RANGE_TABLE(X)                                                                        \
	X("core", 8000, 8099, "backend api", "backends and APIs")                                  \
	X("alternate", 8100, 8199, "alternates", "second ports of core services")                  \
	X("tools", 8200, 8299, "tool", "tools for developers, administration")                     \
	X("integration", 9000, 9099, "integrations external", "stand-ins for external systems")    \
	X("frontend", 3000, 3099, "frontends front-end web", "front ends")                         \
	X("dev", 5000, 5199, "development", "development servers")                                 \
	X("optional", 6000, 6099, "extra", "services that may be missing")                         \
	X("dashboard", 3200, 3299, "dashboards", "dashboards")

#define LEGACY_RANGE_TABLE(X)                                                                      \
	X("legacy-frontend", 3000, 3999, "", "front ends and development servers without a block") \
	X("legacy-backend", 8000, 8999, "", "backends and proxies without a block")                \
	X("legacy-service", 9000, 9999, "", "integrations, metrics and debuggers without a block") \
	X("legacy-supabase", 54320, 54999, "", "local Supabase stacks at their default ports")

struct named_range {
	const char *name;
	uint16_t low;
	uint16_t high;
	const char *aliases; /* "" where there are none */
	const char *text; /* what belongs there; "" for a user's own */
};

enum {
#define X(name, low, high, aliases, text) +1
	TYPE_RANGES = TYPE_RANGE_TABLE(X),
	LEGACY_RANGES = LEGACY_RANGE_TABLE(X),
#undef X
};
extern const struct named_range type_ranges[TYPE_RANGES];
extern const struct named_range legacy_ranges[LEGACY_RANGES];

/* By name, else by alias; NULL. */
const struct named_range *type_range_find(const char *name);

#endif
