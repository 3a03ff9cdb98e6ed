#include "cli/services.h"
#include "cli/verb.h"

int verb_stop(struct context *context, struct error *e)
{
	return services_do(context, "stop", e);
}
