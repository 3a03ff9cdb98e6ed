#include "base/number.h"
#include "cli/ports_show.h"
#include "cli/ports_verbs.h"

int verb_ports_scan(struct context *context, struct error *e)
{
	const struct command_line *line = &context->line;
	struct port_look look = {0};
	struct port_scan scan = {.low = 1, .high = UINT16_MAX,
		.names = option_given(line, OPTION_WHO),
		.connections = option_given(line, OPTION_CONNECTIONS)};
	if (line->word_count > 1 && !number_port_range(line->words[1], &scan.low, &scan.high))
		return fail(e, EXIT_USAGE, "`ports scan` wants a port or a range like 3000-3999, not '%s'",
			line->words[1]);
	int result = ports_scan(context->paths.state, &scan, &look, e);
	if (result == 0)
		ports_show_scan(context, &look);
	port_look_release(&look);
	return result;
}
