#include "cli/services.h"
#include "cli/verb.h"

int verb_kill(struct context *context, struct error *e)
{
	return services_do(context, "kill", e);
}
