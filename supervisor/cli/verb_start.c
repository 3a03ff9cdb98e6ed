#include "cli/services.h"
#include "cli/verb.h"

int verb_start(struct context *context, struct error *e)
{
	return services_do(context, "start", e);
}
