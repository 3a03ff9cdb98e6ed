#include "cli/shared/services.h"
#include "cli/verbs/verb.h"

int verb_start(struct context *context, struct error *e)
{
	return services_do(context, "start", e);
}
