#include <stdio.h>
#include <string.h>

#include "base/terminal.h"
#include "claim/check.h"
#include "cli/out.h"
#include "cli/shared/resolved.h"
#include "cli/verbs/verb.h"
#include "spawn/validate.h"
#include "stackfile/describe.h"
#include "survey/report.h"

struct env_source {
	struct environments *all; /* borrows */
	struct arena *scratch; /* owns: of the last answer */
};

static char *const *on_environment(void *self, int service)
{
	struct env_source *source = self;
	arena_free(source->scratch);
	source->scratch = arena_new();
	if (!source->scratch)
		return NULL;
	return environment_of(source->all, source->scratch, service, NULL).envp;
}

/* Requirements: what the file asks of this machine. Number of errors. */
static size_t check_machine(struct resolved *r)
{
	struct env_source source = {.all = resolved_environments(r)};
	struct validate validate = {.stack = r->stack,
		.file = r->source.location.shown,
		.self = &source,
		.environment = on_environment,
		.complaints = &r->source.complaints};
	size_t before = r->source.complaints.list.count;
	size_t errors = validate_stack(&validate);
	secret_hide_in(&r->source.complaints, before, r->stack);
	arena_free(source.scratch);
	return errors;
}

struct findings {
	size_t file_errors;
	size_t machine_errors;
	size_t warnings;
	size_t conflicts;
	json_t *conflict_list; /* owns; NULL when ports were not looked at */
};

static int check_port_conflicts(
	struct context *context, struct resolved *r, struct findings *f, struct error *e)
{
	struct port_check check = {0};
	struct claim_options options = {.strategy = r->stack->strategy};
	int result = ports_check(context->paths.state, &r->claim, r->ports, (size_t)r->port_count,
		&options, &check, e);
	f->conflicts = option_given(&context->line, OPTION_CI) ? check.count : check.wanted;
	for (size_t i = 0; result == 0 && i < check.count; i++) {
		const struct port_conflict *c = &check.items[i];
		say("port %d of '%s' is taken: %s", (int)c->plan.port,
			c->service[0] ? c->service : "the instance's range", c->text);
	}
	if (result == 0 && check.count)
		say("`stackup ports check` says what can be done");
	json_t *report = result == 0 ? report_conflicts(&check) : NULL;
	f->conflict_list = json_incref(json_object_get(report, "conflicts"));
	json_decref(report);
	port_check_release(&check);
	return result;
}

static int look(struct context *context, struct resolved *r, struct findings *f, struct error *e)
{
	f->file_errors = r->source.complaints.errors;
	if (r->stack)
		f->machine_errors = check_machine(r);
	f->warnings = r->source.complaints.warnings;
	complaints_sort(&r->source.complaints);
	if (!context->json)
		complaints_print(&r->source.complaints, SEVERITY_NOTICE, stderr);
	if (r->stack && option_given(&context->line, OPTION_PORTS))
		return check_port_conflicts(context, r, f, e);
	return 0;
}

static int verdict(const struct context *context, const struct findings *f)
{
	if (f->file_errors)
		return EXIT_BAD_FILE;
	if (f->conflicts)
		return EXIT_CONFLICT;
	if (f->machine_errors || (f->warnings && option_given(&context->line, OPTION_CI)))
		return EXIT_NOT_AS_WANTED;
	return EXIT_DONE;
}

static void report(const struct context *context, const struct resolved *r,
	const struct findings *f, int code)
{
	if (context->json) {
		out_json(json_pack("{s:i, s:o, s:O*}", "version", 1, "complaints",
			complaints_json(&r->source.complaints), "conflicts", f->conflict_list));
		return;
	}
	if (code != EXIT_DONE || context->quiet)
		return;
	OWNED_TEXT out = {0};
	const char *shown = r->source.location.shown;
	terminal_add_strict(&out, shown, strlen(shown));
	text_addf(&out, " is fine: %d service%s\n",
		r->stack ? r->stack->service_count : 0,
		r->stack && r->stack->service_count == 1 ? "" : "s");
	out_text(&out);
}

int verb_check(struct context *context, struct error *e)
{
	struct resolved r;
	struct findings findings = {0};
	int code = resolve(context, &r, e);
	if (code == 0)
		code = look(context, &r, &findings, e);
	if (code == 0) {
		code = verdict(context, &findings);
		report(context, &r, &findings, code);
	}
	json_decref(findings.conflict_list);
	resolved_release(&r);
	return code;
}
