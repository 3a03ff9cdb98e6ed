#include "cli/ports_show.h"
#include "cli/ports_verbs.h"

int verb_ports_list(struct context *context, struct error *e)
{
	struct port_look look = {0};
	int result = ports_list(
		context->paths.state, option_value(&context->line, OPTION_PROJECT), &look, e);
	if (result == 0)
		ports_show_list(context, &look);
	port_look_release(&look);
	return result;
}
