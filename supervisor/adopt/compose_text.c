#include <string.h>

#include "adopt/compose_inside.h"
#include "stackfile/command.h"
#include "stackfile/interpolate.h"

/* ---- filled in now ---- */

static enum interpolate_found find(void *self, const char *name, const char **value)
{
	const struct compose *c = self;
	*value = dotenv_environment(c->request->environment, name);
	const size_t *place = *value ? NULL : lookup_find(&c->env.places, name);
	if (place)
		*value = c->env.vars[*place].value;
	return *value ? FOUND_VALUE : FOUND_NOTHING;
}

static int fill(struct compose *c, const char *text, size_t length, struct text *out, struct error *e)
{
	const struct interpolation rules = {.dialect = INTERPOLATE_COMPOSE, .self = c, .find = find};
	return interpolate_part(text, length, &rules, out, e);
}

const char *compose_fill(struct compose *c, const struct yaml *node)
{
	OWNED_TEXT out = {0};
	struct error e = {0};
	const char *text = yaml_text(node);
	if (!text || !strchr(text, '$'))
		return text;
	if (!fill(c, text, strlen(text), &out, &e))
		return arena_string(c->arena, text_string(&out));
	complaint_error(c->sheet->complaints, node->file, node->line, NULL, "%s", e.text);
	if (*e.hint)
		complaint_hint(c->sheet->complaints, "%s", e.hint);
	return NULL;
}

/* ---- kept as references ---- */

enum quoting { QUOTE_VALUE, QUOTE_SHELL, QUOTE_BARE, QUOTE_SINGLE, QUOTE_DOUBLE };

struct translating {
	struct compose *c;
	struct compose_service *s;
	enum quoting quoting;
	struct text *out;
};

static void add_dollar(struct translating *t)
{
	text_add(t->out, t->quoting == QUOTE_DOUBLE ? "\\$$" : "$$");
}

static void add_char(struct translating *t, char c)
{
	if (c == '$') {
		add_dollar(t);
		return;
	}
	if (t->quoting == QUOTE_SINGLE && c == '\'') {
		text_add(t->out, "'\\''");
		return;
	}
	if (t->quoting == QUOTE_DOUBLE && strchr("\"\\`", c))
		text_add_char(t->out, '\\');
	text_add_char(t->out, c);
}

static bool is_name_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static size_t name_span(const char *at)
{
	size_t length = 0;
	while (is_name_start(at[length]) || (length && at[length] >= '0' && at[length] <= '9'))
		length++;
	return length;
}

/* From "${" behind its closing brace; 0 where there is none. */
static size_t brace_span(const char *at)
{
	int depth = 0;
	size_t length = 0;
	for (; at[length]; length++) {
		depth += at[length] == '{';
		depth -= at[length] == '}';
		if (at[length] == '}' && !depth)
			return length + 1;
	}
	return 0;
}

static void translate(struct translating *t, const char *start, size_t length);

/* "${NAME}", "${NAME:-text}": the operator and its text stay, unset is empty as in compose. */
static void add_reference(struct translating *t, const char *name, size_t name_length, const char *rest, size_t length)
{
	size_t op = length ? strspn(rest, ":-+?") : 0;
	bool shell = t->quoting != QUOTE_VALUE;
	text_addf(t->out, "${%.*s", (int)name_length, name);
	if (!op && !shell)
		text_add(t->out, ":-");
	text_add_bytes(t->out, rest, op);
	translate(t, rest + op, length - op);
	text_add_char(t->out, '}');
}

/* Names with a small first letter are stackup's own here: what they stand for now is written down. */
static void add_filled(struct translating *t, const char *at, size_t length)
{
	OWNED_TEXT value = {0};
	struct error e = {0};
	if (fill(t->c, at, length, &value, &e))
		return;
	for (const char *c = text_string(&value); *c; c++)
		add_char(t, *c);
}

/* At a '$'; how many bytes it was. */
static size_t take_dollar(struct translating *t, const char *at)
{
	if (at[1] == '$') {
		add_dollar(t);
		return 2;
	}
	bool braces = at[1] == '{';
	const char *name = at + (braces ? 2 : 1);
	size_t name_length = name_span(name);
	size_t whole = braces ? brace_span(at) : 1 + name_length;
	if (!whole && t->s)
		complaint_error(t->c->sheet->complaints, t->s->node->file, t->s->node->line, NULL,
			"'%s': the brace of '%.40s' is not closed", t->s->key, at);
	if (!name_length || !whole) {
		add_dollar(t);
		return 1;
	}
	if (*name >= 'a' && *name <= 'z')
		add_filled(t, at, whole);
	else
		add_reference(t, name, name_length, name + name_length, braces ? whole - name_length - 3 : 0);
	return whole;
}

static void translate(struct translating *t, const char *start, size_t length)
{
	const char *text = arena_string_n(t->c->arena, start, length);
	for (const char *at = text; *at;) {
		size_t taken = t->s ? compose_reference(t->c, t->s, text, at, t->out) : 0;
		if (!taken && t->s && t->quoting != QUOTE_VALUE)
			taken = compose_own_port(t->c, t->s, text, at, t->out);
		if (!taken && *at == '$')
			taken = take_dollar(t, at);
		if (!taken) {
			add_char(t, *at);
			taken = 1;
		}
		at += taken;
	}
}

/* A reference of compose's own is the shell's here, and is one only where it is not in single quotes. */
static bool has_reference(const char *raw)
{
	for (const char *at = raw; (at = strchr(at, '$')); at += 1 + (at[1] == '$'))
		if (at[1] == '{' || is_name_start(at[1]))
			return true;
	return false;
}

static enum quoting quoting_of(const char *raw, enum compose_place place)
{
	if (place != PLACE_WORD)
		return place == PLACE_VALUE ? QUOTE_VALUE : QUOTE_SHELL;
	if (has_reference(raw))
		return QUOTE_DOUBLE;
	OWNED_TEXT quoted = {0};
	command_quote(&quoted, raw);
	return strcmp(text_string(&quoted), raw) != 0 ? QUOTE_SINGLE : QUOTE_BARE;
}

const char *compose_text(struct compose *c, struct compose_service *s, const char *raw, enum compose_place place)
{
	OWNED_TEXT out = {0};
	struct translating t = {c, s, quoting_of(raw, place), &out};
	const char *quote = t.quoting == QUOTE_SINGLE ? "'" : t.quoting == QUOTE_DOUBLE ? "\"" : "";
	text_add(&out, quote);
	translate(&t, raw, strlen(raw));
	text_add(&out, quote);
	return arena_string(c->arena, text_string(&out));
}

const char *compose_escape(struct arena *arena, const char *text)
{
	return sheet_literal(arena, text);
}

/* ---- words ---- */

/* As a POSIX shell splits plain words; what they refer to stays. */
static size_t split(struct arena *arena, const char *text, const char ***words)
{
	size_t count = 0;
	*words = NULL;
	while (*(text += strspn(text, " \t\n"))) {
		OWNED_TEXT word = {0};
		char quote = 0;
		for (; *text && (quote || !strchr(" \t\n", *text)); text++) {
			bool escapes = *text == '\\' && quote != '\'' && text[1];
			if (quote ? *text == quote : *text == '\'' || *text == '"')
				quote = quote ? 0 : *text;
			else if (escapes && (!quote || strchr("\"\\$`", text[1])))
				text_add_char(&word, *++text);
			else
				text_add_char(&word, *text);
		}
		*arena_append(arena, *words, count) = arena_string(arena, text_string(&word));
	}
	return count;
}

size_t compose_words(struct compose *c, const struct yaml *node, const char ***words)
{
	size_t count = 0;
	*words = NULL;
	if (yaml_text(node))
		return split(c->arena, node->text, words);
	for (size_t i = 0; node && node->kind == YAML_LIST && i < node->count; i++)
		if (yaml_text(node->pairs[i].value))
			*arena_append(c->arena, *words, count) = node->pairs[i].value->text;
	return count;
}

const char *compose_script(const char *const *words, size_t count)
{
	if (count != 3 || strcmp(words[1], "-c") != 0)
		return NULL;
	const char *slash = strrchr(words[0], '/');
	const char *shell = slash ? slash + 1 : words[0];
	return !strcmp(shell, "sh") || !strcmp(shell, "ash") ? words[2] : NULL;
}

const char *compose_join(struct compose *c, struct compose_service *s, const char *const *words, size_t count)
{
	OWNED_TEXT out = {0};
	for (size_t i = 0; i < count; i++)
		text_addf(&out, "%s%s", i ? " " : "", compose_text(c, s, words[i], PLACE_WORD));
	return arena_string(c->arena, text_string(&out));
}
