#include "cli/shared/tail_options.h"

#include <string.h>

#include "base/clock.h"
#include "base/number.h"
#include "cli/context.h"

enum { LINES_AT_MOST = 1000 * 1000 * 1000 };

int tail_options(const struct context *context, struct tail_options *out, struct error *e)
{
	const struct command_line *line = &context->line;
	const char *tail = option_value(line, OPTION_TAIL);
	const char *since = option_value(line, OPTION_SINCE);
	*out = (struct tail_options){.follow = option_given(line, OPTION_FOLLOW), .tail = -1};
	if (tail && strcmp(tail, "all") != 0 && !number_parse(tail, 0, LINES_AT_MOST, &out->tail))
		return fail(e, EXIT_USAGE, "--tail wants a number of lines or `all`, not '%s'", tail);
	if (since && !clock_parse_since(since, clock_wall_ms(), &out->since_ms))
		return fail(e, EXIT_USAGE,
			"--since wants a time like 10m, 14:30 or 2026-01-02T03:04:05Z, not '%s'", since);
	return 0;
}
