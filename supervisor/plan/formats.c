#include "plan/formats.h"

#include <stdint.h>
#include <string.h>

#include "base/nearest.h"
#include "base/utf8.h"
#include "base/words.h"
#include "model/names.h"

WORDS(env_format_word, env_format, ENV_FORMATS)

int env_format_parse(const char *word, enum env_format *format, struct error *e)
{
#define X(name, text)                                                                              \
	if (!strcmp(word, text)) {                                                                 \
		*format = name;                                                                    \
		return 0;                                                                          \
	}
	ENV_FORMATS(X)
#undef X
	fail(e, EXIT_USAGE, "unknown format '%s'", word);
	error_hint(e, "sh, dotenv, json or compose");
	return -1;
}

/* ---- values ---- */

static bool is_plain(const char *value, const char *others)
{
	for (; *value; value++) {
		bool letter = (*value >= 'a' && *value <= 'z') ||
			(*value >= 'A' && *value <= 'Z') || (*value >= '0' && *value <= '9');
		if (!letter && !strchr(others, *value))
			return false;
	}
	return true;
}

static void add_sh(struct text *out, const char *value)
{
	text_add_char(out, '\'');
	for (; *value; value++)
		if (*value == '\'')
			text_add(out, "'\\''");
		else
			text_add_char(out, *value);
	text_add_char(out, '\'');
}

/* One character of a JSON or YAML string in double quotes; both know \uNNNN. Returns its length. */
static size_t add_character(struct text *out, const char *at)
{
	uint32_t point;
	size_t length = utf8_decode(at, strlen(at), &point);
	if (!length)
		text_add(out, "\xef\xbf\xbd"); /* neither can hold bytes that are no text */
	else if (point == '"' || point == '\\')
		text_addf(out, "\\%c", *at);
	else if (point == '\n')
		text_add(out, "\\n");
	else if (point == '\t')
		text_add(out, "\\t");
	/* Controls, and what YAML does not print or takes for a line break. */
	else if (point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0x2028 ||
		point == 0x2029 || point == 0xfeff || point == 0xfffe || point == 0xffff)
		text_addf(out, "\\u%04x", (unsigned)point);
	else
		text_add_bytes(out, at, length);
	return length ? length : 1;
}

static void add_json(struct text *out, const char *value)
{
	text_add_char(out, '"');
	while (*value)
		value += add_character(out, value);
	text_add_char(out, '"');
}

/* compose interpolates its own file, so a $ is doubled. */
static void add_compose(struct text *out, const char *value)
{
	text_add_char(out, '"');
	while (*value) {
		if (*value == '$')
			text_add_char(out, '$');
		value += add_character(out, value);
	}
	text_add_char(out, '"');
}

/*
 * '...' is literal, but a backslash takes the next character with it: so no quote, no odd number of
 * backslashes at the end, no CR (CRLF inside quotes is read as LF), and nothing that is not UTF-8.
 */
static bool fits_single(const char *value)
{
	size_t length = strlen(value);
	size_t backslashes = 0;
	while (backslashes < length && value[length - 1 - backslashes] == '\\')
		backslashes++;
	return backslashes % 2 == 0 && !strpbrk(value, "'\r") && utf8_is_text(value);
}

static void add_dotenv_double(struct text *out, const char *value)
{
	text_add_char(out, '"');
	while (*value) {
		uint32_t point;
		size_t length = utf8_decode(value, strlen(value), &point);
		if (!length)
			text_addf(out, "\\0%03o", (unsigned char)*value);
		else if (strchr("\\\"$", *value))
			text_addf(out, "\\%c", *value);
		else if (*value == '\r')
			text_add(out, "\\r");
		else
			text_add_bytes(out, value, length);
		value += length ? length : 1;
	}
	text_add_char(out, '"');
}

void formats_dotenv_value(struct text *out, const char *value)
{
	if (is_plain(value, "_./:@%+,=-"))
		text_add(out, value);
	else if (fits_single(value))
		text_addf(out, "'%s'", value);
	else
		add_dotenv_double(out, value);
}

/* ---- variables ---- */

/* What stackfile/dotenv and compose both take as a key. */
static bool is_dotenv_name(const char *name)
{
	return *name && is_plain(name, "_.-[]");
}

static bool can_hold(enum env_format format, const char *name)
{
	switch (format) {
	case ENV_FORMAT_SH:
		return name_is_variable(name);
	case ENV_FORMAT_DOTENV:
		return is_dotenv_name(name);
	case ENV_FORMAT_JSON:
	case ENV_FORMAT_COMPOSE:
		break;
	}
	return true;
}

/* hidden: there is a value, but it is not written; only where has_null(). */
static void write_one(enum env_format format, const char *name, const char *value, bool hidden,
	struct text *out)
{
	switch (format) {
	case ENV_FORMAT_SH:
		text_addf(out, "export %s=", name);
		add_sh(out, value);
		break;
	case ENV_FORMAT_DOTENV:
		text_addf(out, "%s=", name);
		formats_dotenv_value(out, value);
		break;
	case ENV_FORMAT_JSON:
	case ENV_FORMAT_COMPOSE:
		text_add(out, "  ");
		add_json(out, name);
		text_add(out, ": ");
		if (hidden)
			text_add(out, "null");
		else if (format == ENV_FORMAT_JSON)
			add_json(out, value);
		else
			add_compose(out, value);
		break;
	}
	text_add(out, format == ENV_FORMAT_JSON ? "" : "\n");
}

static const char *shown_value(const struct variable *var, const struct definition *definition,
	const struct env_mask *mask, struct text *room)
{
	if (!mask)
		return definition->value;
	if (var->secret)
		return "***";
	text_clear(room);
	if (mask->add)
		mask->add(mask->self, room, var->name, definition->value);
	else
		text_add(room, definition->value);
	return text_string(room);
}

struct writing {
	enum env_format format;
	const struct env_mask *mask;
	struct text room; /* owns: the value as it may be shown */
	struct text comments; /* owns: at the end, where `eval $(stackup env)` loses nothing to them */
	size_t written;
	size_t hidden;
};

/* A name may hold anything but '=' and NUL; in a comment it must not end the line. */
static void leave_out(struct writing *w, const char *why, const struct variable *var)
{
	text_addf(&w->comments, "# left out, %s: ", why);
	for (const char *c = var->name; *c; c++)
		text_add_char(&w->comments, (unsigned char)*c < 0x20 || *c == 0x7f ? '?' : *c);
	text_add_char(&w->comments, '\n');
}

static bool has_null(enum env_format format)
{
	return format == ENV_FORMAT_JSON || format == ENV_FORMAT_COMPOSE;
}

static void write_variable(struct writing *w, const struct variable *var, struct text *out)
{
	const char *value = var->top->value;
	bool hidden = strcmp(shown_value(var, var->top, w->mask, &w->room), value) != 0;
	w->hidden += hidden;
	if (!can_hold(w->format, var->name)) {
		leave_out(w, "its name does not fit here", var);
		return;
	}
	if (hidden && !has_null(w->format)) {
		leave_out(w, "it is secret", var);
		return;
	}
	if (w->format == ENV_FORMAT_JSON)
		text_add(out, w->written ? ",\n" : "\n");
	write_one(w->format, var->name, value, hidden, out);
	w->written++;
}

size_t formats_write(const struct environment *env, enum env_format format,
	const struct env_mask *mask, struct text *out)
{
	struct writing w = {.format = format, .mask = mask};
	text_add(out,
		format == ENV_FORMAT_JSON              ? "{"
			: format == ENV_FORMAT_COMPOSE ? "environment:\n"
						       : "");
	for (size_t i = 0; i < env->count; i++)
		if (env->vars[i].top)
			write_variable(&w, &env->vars[i], out);
	if (format == ENV_FORMAT_JSON)
		text_add(out, w.written ? "\n}\n" : "}\n");
	text_add(out, text_string(&w.comments));
	if (!text_ok(&w.room) || !text_ok(&w.comments))
		out->broken = true;
	text_release(&w.room);
	text_release(&w.comments);
	return w.hidden;
}

static void add_source(const struct definition *d, struct text *out)
{
	text_addf(out, "from %s", d->origin);
	if (strcmp(d->origin, layer_word(d->layer)) != 0)
		text_addf(out, " (%s)", layer_word(d->layer));
	text_add_char(out, '\n');
}

static void explain_one(const struct variable *var, const struct env_mask *mask, struct text *out)
{
	OWNED_TEXT room = {0};
	if (!var->top) {
		text_addf(out, "%s is not set: %s\n", var->name, var->note);
		return;
	}
	text_addf(out, "%s=%s\n    ", var->name, shown_value(var, var->top, mask, &room));
	add_source(var->top, out);
	for (const struct definition *d = var->top->covers; d; d = d->covers) {
		text_addf(out, "    instead of %s, ", shown_value(var, d, mask, &room));
		add_source(d, out);
	}
}

int formats_explain(const struct environment *env, const char *name, const struct env_mask *mask,
	struct text *out, struct error *e)
{
	const struct variable *var = name ? environment_find(env, name) : NULL;
	if (name && !var) {
		struct nearest near = {.wanted = name};
		for (size_t i = 0; i < env->count; i++)
			nearest_offer(&near, env->vars[i].name);
		fail(e, EXIT_NOT_FOUND, "there is no variable %s in this environment", name);
		if (near.best)
			error_hint(e, "did you mean %s?", near.best);
		return -1;
	}
	if (var)
		explain_one(var, mask, out);
	for (size_t i = 0; i < env->count && !name; i++)
		explain_one(&env->vars[i], mask, out);
	return 0;
}

/* ---- ports.env, ports.sh ---- */

void formats_ports_env(struct arena *scratch, const struct stack *stack,
	const struct environment_facts *facts, enum env_format format, struct text *out)
{
	struct stack bare = *stack;
	bare.env_file_count = bare.command_env_count = 0;
	const struct environments *all = environments_new(scratch, &bare, facts, NULL);
	const struct environment env = environment_of(all, scratch, -1, NULL);
	const struct env_mask secrets = {0};
	formats_write(&env, format, &secrets, out);
}
