#include "cli/out.h"
#include "cli/ports/conflict_report.h"
#include "cli/ports/verbs.h"
#include "cli/shared/resolved.h"
#include "survey/report.h"

/* A stranger on a port of the range that no service uses is a warning, and those count with --ci. */
static bool is_refused(const struct context *context, const struct port_check *check)
{
	return option_given(&context->line, OPTION_CI) ? check->count : check->wanted;
}

static int check_resolved(struct context *context, struct resolved *r, struct error *e)
{
	struct port_check check = {0};
	struct claim_options options = {.strategy = r->stack->strategy};
	OWNED_TEXT report = {0};
	int result = ports_check(context->paths.state, &r->claim, r->ports, (size_t)r->port_count,
		&options, &check, e);
	if (result == 0 && context->json) {
		out_json(report_conflicts(&check));
	} else if (result == 0 && check.count) {
		conflict_report_add(&report, &check, r->source.location.shown);
		out_text(&report);
	} else if (result == 0 && !context->quiet) {
		say("nothing is in the way of %s instance %d", r->claim.project, r->claim.instance);
	}
	if (result == 0)
		result = is_refused(context, &check) ? EXIT_CONFLICT : EXIT_DONE;
	port_check_release(&check);
	return result;
}

int verb_ports_check(struct context *context, struct error *e)
{
	struct resolved r;
	int code = resolve_checked(context, &r, e);
	if (code == 0)
		code = check_resolved(context, &r, e);
	resolved_release(&r);
	return code;
}
