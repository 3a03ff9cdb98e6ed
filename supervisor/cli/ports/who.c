#include "base/number.h"
#include "cli/ports/protects.h"
#include "cli/ports/show.h"
#include "cli/ports/verbs.h"

int verb_ports_who(struct context *context, struct error *e)
{
	struct port_look look = {0};
	const struct command_line *line = &context->line;
	int64_t port;
	if (!number_parse(line->words[1], 1, 65535, &port))
		return fail(e, EXIT_USAGE, "`ports who` wants a port number, 1 to 65535");
	struct protects protects = {0};
	int result = protects_read(context, &protects, e);
	look.protects = protects.ports;
	look.protect_count = protects.count;
	if (result == 0)
		result = ports_who(context->paths.state, (uint16_t)port, &look, e);
	if (result == 0)
		ports_show_who(context, &look);
	port_look_release(&look);
	protects_release(&protects);
	return result;
}
