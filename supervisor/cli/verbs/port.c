#include "base/nearest.h"
#include "base/number.h"
#include "cli/context.h"
#include "cli/out.h"
#include "cli/ports/port_facts.h"
#include "cli/verbs/verb.h"

/* `port api 3000`, as compose has it: there the second word is a number inside of the container. */
static int refuse_number(const char *service, const char *name, struct error *e)
{
	fail(e, EXIT_NOT_FOUND, "service '%s' has no port of the name '%s'", service, name);
	error_hint(e, "`stackup port %s` prints its port: inside and outside it is the same", service);
	return -1;
}

/* NULL: none is near. */
static const char *nearest_name(const json_t *facts, const char *name)
{
	struct nearest near = {.wanted = name};
	const char *known;
	json_t *number;
	json_object_foreach(json_object_get(facts, "ports"), known, number)
		nearest_offer(&near, known);
	return near.best;
}

static int refuse(const struct context *context, const json_t *facts, const char *name, struct error *e)
{
	const char *service = context->line.words[0];
	bool main_port = context->line.word_count == 1;
	const char *near = main_port ? NULL : nearest_name(facts, name);
	int64_t number;
	if (number_parse(name, 0, UINT16_MAX, &number))
		return refuse_number(service, name, e);
	fail(e, EXIT_NOT_FOUND,
		main_port ? "service '%s' has no port" : "service '%s' has no port '%s'", service, name);
	if (near) {
		error_hint(e, "did you mean '%s'?", near);
		return -1;
	}
	OWNED_TEXT what = {0};
	text_addf(&what, "`%s%s = auto`", main_port ? "slot" : "port.", main_port ? "" : name);
	port_facts_hint(facts, text_string(&what), e);
	return -1;
}

static int show(const struct context *context, const json_t *facts, const char *name, struct error *e)
{
	const json_t *port = json_object_get(json_object_get(facts, "ports"), name);
	if (!json_is_integer(port))
		return refuse(context, facts, name, e);
	if (context->json) {
		out_json(json_pack("{s:i, s:I}", "version", 1, "port", json_integer_value(port)));
		return EXIT_DONE;
	}
	OWNED_TEXT out = {0};
	text_addf(&out, "%" JSON_INTEGER_FORMAT "\n", json_integer_value(port));
	out_text(&out);
	return EXIT_DONE;
}

int verb_port(struct context *context, struct error *e)
{
	const struct command_line *line = &context->line;
	if (line->word_count < 1 || line->word_count > 2)
		return fail(e, EXIT_USAGE, "`port` wants a service, and the name of a further port");
	json_t *facts = port_facts(context, line->words[0], e);
	if (!facts)
		return -1;
	int code = show(context, facts, line->word_count > 1 ? line->words[1] : "main", e);
	json_decref(facts);
	return code;
}
