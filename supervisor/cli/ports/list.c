#include "cli/ports/protects.h"
#include "cli/ports/show.h"
#include "cli/ports/verbs.h"

int verb_ports_list(struct context *context, struct error *e)
{
	struct port_look look = {0};
	struct protects protects = {0};
	int result = protects_read(context, &protects, e);
	look.protects = protects.ports;
	look.protect_count = protects.count;
	if (result == 0)
		result = ports_list(context->paths.state,
			option_value(&context->line, OPTION_PROJECT), &look, e);
	if (result == 0)
		ports_show_list(context, &look);
	port_look_release(&look);
	protects_release(&protects);
	return result;
}
