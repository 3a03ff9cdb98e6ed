#include "stackfile/interpolate.h"

#include <stdbool.h>
#include <string.h>

#include "model/names.h"

#define FORM_HINT "write ${NAME}, ${NAME:-default} or ${NAME:?message}; $$ stands for a $"

/* SERVICE.port.NAME; bounds the search for where a name ends. */
enum { NAME_OF_OURS_MOST = 3 * NAME_MOST };

struct run {
	const struct interpolation *rules;
	struct text *out;
	size_t most; /* length of out that must not be passed */
	struct error *e;
};

/* What stands between the braces: NAME, then an operator, then text. */
struct reference {
	const char *begin; /* of "${" or "$" */
	const char *end; /* behind the whole */
	const char *text; /* behind the operator */
	const char *text_end;
	char op; /* '-' '+' '?', or 0 */
	bool colon; /* empty counts as unset */
	bool braces;
	enum interpolate_found found;
	const char *value;
};

static int level(struct run *r, enum interpolate_dialect dialect, const char *at, const char *end,
	int depth);

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_start(char c)
{
	return is_lower(c) || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_part(char c)
{
	return is_start(c) || is_digit(c);
}

/* Long references are cut for messages, and a line break in one ends it. */
static int shown(const struct reference *ref)
{
	size_t length = (size_t)(ref->end - ref->begin);
	const char *newline = memchr(ref->begin, '\n', length);
	if (newline)
		length = (size_t)(newline - ref->begin);
	return length > 60 ? 60 : (int)length;
}

static int malformed(struct run *r, const struct reference *ref, const char *why)
{
	fail(r->e, EXIT_BAD_FILE, "'%.*s' %s", shown(ref), ref->begin, why);
	error_hint(r->e, FORM_HINT);
	return -1;
}

static void warn(const struct run *r, enum interpolate_warning warning, const char *name)
{
	if (r->rules->warn)
		r->rules->warn(r->rules->self, warning, name);
}

static enum interpolate_found find(const struct run *r, struct text *name, const char *begin,
	size_t length, const char **value)
{
	text_clear(name);
	text_add_bytes(name, begin, length);
	return r->rules->find(r->rules->self, text_string(name), value);
}

/* The operator at `at`; false for anything else. */
static bool read_operator(struct reference *ref, const char *at)
{
	if (at == ref->text_end)
		return true;
	ref->colon = *at == ':';
	if (ref->colon && ++at == ref->text_end)
		return false;
	if (!strchr("-+?", *at))
		return false;
	ref->op = *at;
	ref->text = at + 1;
	return true;
}

static bool explained(const struct run *r)
{
	return r->rules->explain && r->rules->explain(r->rules->self, r->e);
}

static int unknown(struct run *r, const struct reference *ref, const char *name)
{
	const char *near = r->rules->nearest ? r->rules->nearest(r->rules->self, name) : NULL;
	bool is_near = near && ref->braces;
	if (!is_near && explained(r))
		return -1;
	fail(r->e, EXIT_BAD_FILE, "unknown name '%.60s' in '%.*s'", name, shown(ref), ref->begin);
	if (is_near)
		error_hint(r->e, "did you mean ${%s}?", near);
	else
		error_hint(r->e,
			"names with a lower-case first letter are stackup's (${port}, ${api.url}); "
			"write "
			"$$ for a $");
	return -1;
}

/*
 * A name of ours may hold '-', which is also an operator: the longest name that is known wins. The
 * text that was looked up is in *name afterwards.
 */
static int find_ours(struct run *r, struct reference *ref, const char *begin, struct text *name)
{
	const char *end = begin;
	while (end < ref->text_end && (is_part(*end) || *end == '.' || *end == '-'))
		end++;
	for (const char *cut = end; cut > begin; cut--) {
		if (cut - begin > NAME_OF_OURS_MOST || (cut != end && *cut != '-') ||
			!read_operator(ref, cut))
			continue;
		ref->found = find(r, name, begin, (size_t)(cut - begin), &ref->value);
		if (ref->found != FOUND_UNKNOWN)
			return 0;
	}
	struct reference probe = *ref;
	if (!read_operator(&probe, end))
		return malformed(r, ref, "is not a reference");
	find(r, name, begin, (size_t)(end - begin), &ref->value);
	return unknown(r, ref, text_string(name));
}

static int find_variable(struct run *r, struct reference *ref, const char *begin, struct text *name)
{
	const char *end = begin;
	while (end < ref->text_end && is_part(*end))
		end++;
	if (end == begin || is_digit(*begin) || !read_operator(ref, end))
		return malformed(r, ref, "is not a reference");
	ref->found = find(r, name, begin, (size_t)(end - begin), &ref->value);
	return ref->found == FOUND_UNKNOWN ? unknown(r, ref, text_string(name)) : 0;
}

static int use_nothing(struct run *r, enum interpolate_dialect dialect, const struct reference *ref,
	const char *name)
{
	if (dialect == INTERPOLATE_COMPOSE) {
		warn(r, ref->braces ? WARN_UNSET : WARN_UNSET_BARE, name);
		return 0;
	}
	if (is_lower(name[0])) {
		if (explained(r))
			return -1;
		fail(r->e, EXIT_BAD_FILE, "'${%s}' has no value here", name);
		error_hint(r->e, "write ${%s:-something} for what to take instead", name);
		return -1;
	}
	fail(r->e, EXIT_BAD_FILE, "variable %s is not set", name);
	if (ref->braces)
		error_hint(r->e,
			"set it in the environment or an env file, or write ${%s:-default}", name);
	else
		error_hint(r->e, "set it, write ${%s:-default}, or $$%s for the text itself", name,
			name);
	return -1;
}

static int refuse_missing(struct run *r, enum interpolate_dialect dialect,
	const struct reference *ref, const char *name, int depth)
{
	OWNED_TEXT message = {0};
	struct run inner = {r->rules, &message, ERROR_TEXT_SIZE, r->e};
	if (level(&inner, dialect, ref->text, ref->text_end, depth + 1))
		return -1;
	fail(r->e, EXIT_BAD_FILE, "required variable %s is missing a value%s%s", name,
		message.length ? ": " : "", text_string(&message));
	error_hint(r->e, "set %s in the environment or an env file", name);
	return -1;
}

static int use(struct run *r, enum interpolate_dialect dialect, const struct reference *ref,
	const char *name, int depth)
{
	bool set = ref->found == FOUND_VALUE && !(ref->colon && !*ref->value);
	if (ref->op == '+' ? set : ref->op == '-' && !set)
		return level(r, dialect, ref->text, ref->text_end, depth + 1);
	if (ref->op == '?' && !set)
		return refuse_missing(r, dialect, ref, name, depth);
	if (ref->op == '+')
		return 0;
	if (ref->found != FOUND_VALUE)
		return use_nothing(r, dialect, ref, name);
	text_add(r->out, ref->value);
	return 0;
}

static const char *closing_brace(const char *open, const char *end)
{
	size_t depth = 0;
	for (; open < end; open++) {
		if (*open == '{')
			depth++;
		else if (*open == '}' && --depth == 0)
			return open;
	}
	return NULL;
}

static int braced(struct run *r, enum interpolate_dialect dialect, const char **at, const char *end,
	int depth)
{
	const char *close = closing_brace(*at + 1, end);
	struct reference ref = {.begin = *at, .end = close ? close + 1 : end, .braces = true};
	ref.text = ref.text_end = close;
	if (!close)
		return malformed(r, &ref, "has no closing brace");
	if (memchr(ref.begin, '\n', (size_t)(close - ref.begin)))
		return malformed(r, &ref, "has a line break inside its braces");
	if (depth > INTERPOLATE_DEPTH_MOST)
		return malformed(r, &ref, "is nested too deeply");
	OWNED_TEXT name = {0};
	const char *begin = *at + 2;
	bool ours = dialect != INTERPOLATE_COMPOSE && is_lower(*begin);
	if (ours ? find_ours(r, &ref, begin, &name) : find_variable(r, &ref, begin, &name))
		return -1;
	*at = ref.end;
	return use(r, dialect == INTERPOLATE_COMMAND ? INTERPOLATE_STACK : dialect, &ref,
		text_string(&name), depth);
}

static int bare(struct run *r, enum interpolate_dialect dialect, const char **at, const char *end)
{
	struct reference ref = {.begin = *at, .end = *at + 1};
	while (ref.end < end && is_part(*ref.end))
		ref.end++;
	OWNED_TEXT name = {0};
	size_t length = (size_t)(ref.end - ref.begin - 1);
	*at = ref.end;
	if (dialect == INTERPOLATE_COMMAND) {
		text_add_bytes(r->out, ref.begin, length + 1);
		if (is_lower(ref.begin[1]) &&
			find(r, &name, ref.begin + 1, length, &ref.value) != FOUND_UNKNOWN)
			warn(r, WARN_LEFT_TO_SHELL, text_string(&name));
		return 0;
	}
	ref.found = find(r, &name, ref.begin + 1, length, &ref.value);
	if (ref.found == FOUND_UNKNOWN)
		return unknown(r, &ref, text_string(&name));
	return use(r, dialect, &ref, text_string(&name), 0);
}

/* *at is a '$'. */
static int dollar(struct run *r, enum interpolate_dialect dialect, const char **at, const char *end,
	int depth)
{
	char next = *at + 1 < end ? (*at)[1] : '\0';
	bool ours = next == '{' && *at + 2 < end && is_lower((*at)[2]);
	if (next == '{' && (ours || dialect != INTERPOLATE_COMMAND))
		return braced(r, dialect, at, end, depth);
	if (is_start(next))
		return bare(r, dialect, at, end);
	text_add_char(r->out, '$');
	*at += next == '$' ? 2 : 1;
	return 0;
}

static int level(
	struct run *r, enum interpolate_dialect dialect, const char *at, const char *end, int depth)
{
	while (at < end) {
		const char *next = memchr(at, '$', (size_t)(end - at));
		text_add_bytes(r->out, at, (size_t)((next ? next : end) - at));
		at = next ? next : end;
		if (next && dollar(r, dialect, &at, end, depth))
			return -1;
		if (r->out->length > r->most)
			return fail(r->e, EXIT_BAD_FILE,
				"the value is longer than %d bytes after its "
				"references were filled in",
				INTERPOLATE_SIZE_MOST);
	}
	return 0;
}

int interpolate_part(const char *text, size_t length, const struct interpolation *rules,
	struct text *out, struct error *e)
{
	struct run r = {rules, out, out->length + INTERPOLATE_SIZE_MOST, e};
	if (level(&r, rules->dialect, text, text + length, 0))
		return -1;
	return text_ok(out) ? 0 : fail(e, EXIT_FAILED, "out of memory");
}

int interpolate(
	const char *text, const struct interpolation *rules, struct text *out, struct error *e)
{
	return interpolate_part(text, strlen(text), rules, out, e);
}

size_t interpolate_ours(const char *text)
{
	if (text[0] != '$' || text[1] != '{' || !is_lower(text[2]))
		return 0;
	size_t length = strlen(text);
	const char *close = closing_brace(text + 1, text + length);
	return close ? (size_t)(close - text) + 1 : length;
}
