#include <string.h>

#include "base/own.h"
#include "claim/check.h"
#include "daemon/instance.h"

static void complain(const char *file, const struct port_conflict *taken, struct complaints *c)
{
	const struct conflict *plan = &taken->plan;
	bool main_port = !strcmp(taken->name, "main");
	complaint_error(c, file, taken->line, NULL, "port %u of service '%s'%s%s%s is %s; %s", plan->port,
		taken->service, main_port ? "" : " (port.", main_port ? "" : taken->name,
		main_port ? "" : ")", taken->text, plan->reason);
	if (resolve_can_stop(plan))
		complaint_hint(c, "`stackup ports free %u` stops what has it, or write another port",
			plan->port);
	else
		complaint_hint(c, "write another port");
}

void taken_complain(struct instance *in, const char *file, const struct port *rows, size_t count,
	const struct claim_options *options, struct complaints *c)
{
	struct port_check check = {0};
	struct claim claim = in->claim;
	/* What our own services listen on is then no conflict. */
	claim.outcome = in->loaded.stack ? CLAIM_RUNNING : CLAIM_OURS;
	int rc = ports_check(in->paths.state, &claim, rows, count, options, &check, NULL);
	for (size_t i = 0; !rc && i < check.count; i++) {
		const struct conflict *plan = &check.items[i].plan;
		if (resolve_is_fatal(plan) && !plan->is_left)
			complain(file, &check.items[i], c);
	}
	port_check_release(&check);
}
