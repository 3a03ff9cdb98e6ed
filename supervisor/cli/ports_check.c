#include "base/terminal.h"
#include "cli/out.h"
#include "cli/ports_verbs.h"
#include "cli/resolved.h"
#include "ports/look.h"
#include "ports/report.h"

static void show_conflicts(const struct port_check *check)
{
	OWNED_TEXT out = {0};
	for (size_t i = 0; i < check->count; i++) {
		const struct port_conflict *c = &check->items[i];
		OWNED_TEXT line = {0};
		text_addf(&line, "port %d%s%s: %s", (int)c->port, c->service[0] ? " of " : "",
			c->service, c->text);
		if (c->move_to)
			text_addf(&line, "; it would move to %d", (int)c->move_to);
		terminal_add_strict(&out, text_string(&line), line.length);
		text_add_char(&out, '\n');
	}
	out_text(&out);
}

static int check_resolved(struct context *context, struct resolved *r, struct error *e)
{
	struct port_check check = {0};
	int result = ports_check(context->paths.state, &r->claim, r->ports, (size_t)r->port_count,
		false, &check, e);
	if (result == 0 && context->json)
		out_json(report_conflicts(&check));
	else if (result == 0 && check.count)
		show_conflicts(&check);
	else if (result == 0 && !context->quiet)
		say("nothing is in the way of %s instance %d", r->claim.project, r->claim.instance);
	if (result == 0)
		result = check.count ? EXIT_CONFLICT : EXIT_DONE;
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
