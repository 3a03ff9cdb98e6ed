#include "cli/services.h"
#include "cli/verb.h"

int verb_restart(struct context *context, struct error *e)
{
	return services_do(context, "restart", e);
}
