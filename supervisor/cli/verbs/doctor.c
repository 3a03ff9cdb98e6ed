#include <string.h>

#include "base/terminal.h"
#include "cli/out.h"
#include "cli/shared/resolved.h"
#include "cli/verbs/verb.h"
#include "doctor/doctor.h"

/* The stack of this directory, if any: how many files its supervisor opens depends on it. */
static void count_stack(struct context *context, struct facts *facts)
{
	struct resolved r;
	if (resolve(context, &r, NULL) == 0 && r.stack) {
		facts->services = r.stack->service_count;
		facts->ports = r.port_count;
	}
	resolved_release(&r);
}

static void add_safe_lines(struct text *out, const struct text *lines, const char *indent)
{
	for (const char *at = text_string(lines); *at; at += *at == '\n') {
		size_t length = strcspn(at, "\n");
		text_add(out, indent);
		terminal_add_strict(out, at, length);
		text_add_char(out, '\n');
		at += length;
	}
}

static json_t *finding_json(const struct check *check, const struct finding *finding)
{
	OWNED_TEXT text = {0}, fix = {0};
	terminal_add_strict(&text, text_string(&finding->text), finding->text.length);
	add_safe_lines(&fix, &finding->fix, "");
	if (fix.length)
		text_cut(&fix, fix.length - 1);
	return json_pack("{ss ss ss so}", "name", check->name, "verdict",
		verdict_word(finding->verdict), "text", text_string(&text), "fix",
		fix.length ? json_string(text_string(&fix)) : json_null());
}

static void show_json(const struct finding *findings)
{
	json_t *list = json_array();
	for (size_t i = 0; i < check_count; i++)
		json_array_append_new(list, finding_json(&checks[i], &findings[i]));
	out_json(json_pack("{si so}", "version", 1, "checks", list));
}

static enum colour colour_of(enum verdict verdict)
{
	static const enum colour colours[] = {[VERDICT_OK] = COLOUR_GREEN,
		[VERDICT_WARNING] = COLOUR_YELLOW,
		[VERDICT_PROBLEM] = COLOUR_RED};
	return colours[verdict];
}

static void add_row(struct table *table, const struct check *check, const struct finding *finding)
{
	table_cell(table, colour_of(finding->verdict), verdict_word(finding->verdict));
	table_cell(table, COLOUR_BOLD, check->name);
	table_cell(table, COLOUR_NONE, text_string(&finding->text));
}

/* A line of a fix is there to be copied: it stands alone, below the table. */
static void add_fix(struct text *out, const struct context *context, const struct check *check,
	const struct finding *finding)
{
	text_addf(out, "\n%s%s%s\n", colour_on(context->colour, COLOUR_BOLD), check->name,
		colour_off(context->colour));
	add_safe_lines(out, &finding->fix, "  ");
}

static void show(const struct context *context, const struct finding *findings)
{
	static const char *const headings[] = {"VERDICT", "CHECK", "WHAT WAS FOUND"};
	OWNED_TEXT out = {0};
	struct table *table = table_new(3);
	for (size_t i = 0; i < 3; i++)
		table_cell(table, COLOUR_GREY, headings[i]);
	for (size_t i = 0; i < check_count; i++)
		add_row(table, &checks[i], &findings[i]);
	table_print(table, context->colour, &out);
	table_free(table);
	for (size_t i = 0; i < check_count; i++)
		if (findings[i].fix.length)
			add_fix(&out, context, &checks[i], &findings[i]);
	out_text(&out);
}

static int judge_all(const struct facts *facts, struct finding *findings)
{
	int code = EXIT_DONE;
	for (size_t i = 0; i < check_count; i++) {
		checks[i].judge(facts, &findings[i]);
		if (findings[i].verdict != VERDICT_OK)
			code = EXIT_NOT_AS_WANTED;
	}
	return code;
}

int verb_doctor(struct context *context, struct error *e)
{
	static struct facts facts; /* two sets of all ports: too much for a stack */
	struct finding *findings = calloc(check_count, sizeof *findings);
	int code = findings ? facts_look(context->paths.state, &facts, e)
			    : fail(e, EXIT_FAILED, "out of memory");
	if (code == 0) {
		count_stack(context, &facts);
		code = judge_all(&facts, findings);
		if (context->json)
			show_json(findings);
		else
			show(context, findings);
	}
	for (size_t i = 0; findings && i < check_count; i++)
		finding_release(&findings[i]);
	free(findings);
	facts_release(&facts);
	return code;
}
