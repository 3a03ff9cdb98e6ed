#include "cli/shared/services.h"
#include "cli/verbs/verb.h"

int verb_kill(struct context *context, struct error *e)
{
	return services_do(context, "kill", e);
}
