#include "ports/reserved.h"

#include <string.h>

void reservation_add(struct text *out, const struct reservation *r)
{
	bool main_port = !strcmp(r->name, "main");
	text_add(out, "for ");
	if (r->project_id)
		text_addf(out, "service '%s%s%s' of %s instance %d", r->service,
			main_port ? "" : ".", main_port ? "" : r->name, r->project, r->instance);
	if (r->owner[0])
		text_addf(out, r->project_id ? " (%s)" : "%s", r->owner);
	if (r->note[0])
		text_addf(out, ": %s", r->note);
}
