#include <string.h>

#include "cli/context.h"
#include "cli/out.h"
#include "cli/shared/env_write.h"
#include "cli/shared/surroundings.h"
#include "cli/verbs/verb.h"

static int choose_format(const struct context *context, enum env_format *format, struct error *e)
{
	const char *word = option_value(&context->line, OPTION_FORMAT);
	*format = context->json ? ENV_FORMAT_JSON : ENV_FORMAT_SH;
	return word ? env_format_parse(word, format, e) : 0;
}

/* NULL: everything may be seen. */
static const struct env_mask *choose_mask(
	const struct context *context, struct surroundings *s, struct env_mask *mask)
{
	*mask = surroundings_mask(s);
	return option_given(&context->line, OPTION_SHOW_SECRETS) ? NULL : mask;
}

/* Value null: it is secret. */
static json_t *definition_json(
	const char *name, const struct definition *d, const struct env_mask *mask)
{
	OWNED_TEXT shown = {0};
	if (mask)
		mask->add(mask->self, &shown, name, d->value);
	bool hidden = mask && strcmp(text_string(&shown), d->value) != 0;
	json_t *value = hidden ? json_null() : json_string(d->value);
	return json_pack("{s:o, s:s, s:s}", "value", value ? value : json_string("(not UTF-8)"),
		"origin", d->origin, "layer", layer_word(d->layer));
}

static json_t *variable_json(const struct variable *var, const struct env_mask *mask)
{
	json_t *covers = json_array();
	for (const struct definition *d = var->top ? var->top->covers : NULL; d; d = d->covers)
		json_array_append_new(covers, definition_json(var->name, d, mask));
	json_t *result = var->top ? definition_json(var->name, var->top, mask)
				  : json_pack("{s:n, s:s?}", "value", "note", var->note);
	json_object_set_new(result, "name", json_string(var->name));
	json_object_set_new(result, "set", json_boolean(var->top != NULL));
	json_object_set_new(result, "instead_of", covers);
	return result;
}

static void explain_json(const struct environment *env, const char *name, const struct env_mask *mask)
{
	json_t *all = json_array();
	for (size_t i = 0; i < env->count; i++)
		if (!name || strcmp(env->vars[i].name, name) == 0)
			json_array_append_new(all, variable_json(&env->vars[i], mask));
	out_json(json_pack("{s:i, s:o}", "version", 1, "variables", all));
}

static int explain(struct context *context, struct surroundings *s, struct error *e)
{
	OWNED_TEXT out = {0};
	struct env_mask self;
	const struct env_mask *mask = choose_mask(context, s, &self);
	const char *name = option_value(&context->line, OPTION_EXPLAIN);
	if (formats_explain(&s->env, name, mask, &out, e) < 0)
		return -1;
	if (context->json)
		explain_json(&s->env, name, mask);
	else
		out_document(&out);
	return EXIT_DONE;
}

static int write_out(struct context *context, struct surroundings *s, struct error *e)
{
	OWNED_TEXT out = {0};
	struct env_mask mask;
	enum env_format format;
	if (choose_format(context, &format, e) < 0)
		return -1;
	size_t hidden = formats_write(&s->env, format, choose_mask(context, s, &mask), &out);
	out_document(&out);
	if (hidden && !context->quiet)
		say("%zu secret value%s left out; --show-secrets shows %s", hidden,
			hidden == 1 ? " is" : "s are", hidden == 1 ? "it" : "them");
	return EXIT_DONE;
}

int verb_env(struct context *context, struct error *e)
{
	const struct command_line *line = &context->line;
	bool explained = option_given(line, OPTION_EXPLAIN);
	const char *path = option_value(line, OPTION_WRITE);
	struct surroundings s;
	if (path && (explained || line->word_count))
		return fail(e, EXIT_USAGE, "`env --write` writes the ports of the whole stack: leave out %s",
			explained ? "--explain" : line->words[0]);
	if (path)
		return env_write(context, path, e);
	if (line->word_count > 1)
		return fail(e, EXIT_USAGE, "`env` wants at most one service");
	int code = surroundings_find(
		context, line->words[0], explained ? FROM_FILE : FROM_ANYWHERE, &s, e);
	if (code == 0)
		code = explained ? explain(context, &s, e) : write_out(context, &s, e);
	surroundings_release(&s);
	return code;
}
