#include "stackfile/dotenv.h"

#include <stdint.h>
#include <string.h>

#include "base/utf8.h"
#include "stackfile/interpolate.h"

/* One file. All of it is known to be UTF-8 without NUL; lines end at '\n' or "\r\n". */
struct parser {
	struct dotenv *env;
	const char *name; /* of the file, for complaints */
	const char *at;
	const char *end;
	int line; /* of `at` */
	int key_line; /* of the entry at hand, for complaints */
	const char *key;
	struct text value; /* owns; as it will be interpolated, or as it is */
	struct text result; /* owns; interpolated */
	bool failed;
};

#define COMPLAIN(p, severity, ...)                                                                 \
	complaint_add(                                                                             \
		(p)->env->complaints, (severity), (p)->name, (p)->key_line, (p)->key, __VA_ARGS__)
#define HINT(p, ...)   complaint_hint((p)->env->complaints, __VA_ARGS__)
#define REFUSE(p, ...) ((p)->failed = true, COMPLAIN(p, SEVERITY_ERROR, __VA_ARGS__))

const char *dotenv_environment(const char *const *environment, const char *name)
{
	size_t length = strlen(name);
	for (; environment && *environment; environment++)
		if (!strncmp(*environment, name, length) && (*environment)[length] == '=')
			return *environment + length + 1;
	return NULL;
}

/* ---- names and lookups ---- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\v' || c == '\f' || c == '\r';
}

/*
 * compose takes letters and digits of any script. Instead of Unicode's tables: everything beyond
 * ASCII but the blocks of punctuation, symbols, controls, private use and emoji.
 */
static bool is_letter_beyond_ascii(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} others[] = {{0x80, 0xa9}, {0xab, 0xb4}, {0xb6, 0xb9}, {0xbb, 0xbf}, {0xd7, 0xd7},
		{0xf7, 0xf7}, {0x2000, 0x2bff}, {0x3000, 0x3004}, {0x3008, 0x3020},
		{0xe000, 0xf8ff}, {0xfe00, 0xfe6f}, {0xfeff, 0xff0f}, {0xfff0, 0xffff},
		{0x1f000, 0x1faff}, {0xe0000, 0x10ffff}};
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (c >= others[i].first && c <= others[i].last)
			return false;
	return true;
}

static bool is_key_character(uint32_t c)
{
	if (c >= 0x80)
		return is_letter_beyond_ascii(c);
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		(c && strchr("_.-[]", (int)c));
}

/* Offset of the first character that cannot stand in a key. */
static size_t key_span(const char *at, size_t length)
{
	size_t used = 0;
	while (used < length) {
		uint32_t point;
		size_t step = utf8_decode(at + used, length - used, &point);
		if (!step || !is_key_character(point))
			break;
		used += step;
	}
	return used;
}

bool dotenv_is_key(const char *name)
{
	return *name && key_span(name, strlen(name)) == strlen(name);
}

static const char *from_environment(const struct dotenv *env, const char *name)
{
	const size_t *place = lookup_find(&env->inherited, name);
	return place ? strchr(env->environment[*place], '=') + 1 : NULL;
}

static enum interpolate_found find(void *self, const char *name, const char **value)
{
	const struct dotenv *env = ((const struct parser *)self)->env;
	const size_t *place = lookup_find(&env->places, name);
	*value = from_environment(env, name);
	if (!*value && place)
		*value = env->vars[*place].value;
	return *value ? FOUND_VALUE : FOUND_NOTHING;
}

static void warn(void *self, enum interpolate_warning warning, const char *name)
{
	struct parser *p = self;
	COMPLAIN(p, SEVERITY_WARNING, "%s is not set, so it is empty in the value of %s", name,
		p->key);
	if (warning == WARN_UNSET_BARE)
		HINT(p, "write $$%s or put single quotes around the value if the $ belongs to it",
			name);
	else
		HINT(p, "set it, or write ${%s:-} if that is meant", name);
}

static void index_environment(struct dotenv *env)
{
	env->places.arena = env->inherited.arena = env->arena;
	for (size_t i = 0; env->environment && env->environment[i]; i++) {
		const char *equals = strchr(env->environment[i], '=');
		if (!equals)
			continue;
		size_t length = (size_t)(equals - env->environment[i]);
		const char *name = arena_string_n(env->arena, env->environment[i], length);
		if (!lookup_find(&env->inherited, name))
			lookup_add(&env->inherited, name, i);
	}
}

/* ---- results ---- */

static void store(struct parser *p, const char *value)
{
	struct dotenv *env = p->env;
	char *origin = arena_format(env->arena, "%s:%d", p->name, p->key_line);
	struct pair pair = {p->key, arena_string(env->arena, value), origin};
	size_t *place = lookup_find(&env->places, p->key);
	if (!place) {
		lookup_add(&env->places, p->key, env->count);
		*arena_append(env->arena, env->vars, env->count) = pair;
		return;
	}
	const char *before = env->vars[*place].origin;
	size_t length = strlen(p->name);
	if (!strncmp(before, p->name, length) && before[length] == ':') {
		COMPLAIN(p, SEVERITY_WARNING,
			"%s is set a second time, this value counts; the first is at %s", p->key,
			before);
		HINT(p, "take one of them out");
	}
	env->vars[*place] = pair;
}

static void store_interpolated(struct parser *p)
{
	const struct interpolation rules = {
		.dialect = INTERPOLATE_COMPOSE, .self = p, .find = find, .warn = warn};
	struct error e;
	text_clear(&p->result);
	if (!interpolate(text_string(&p->value), &rules, &p->result, &e)) {
		store(p, text_string(&p->result));
		return;
	}
	REFUSE(p, "%s", e.text);
	HINT(p, "%s", e.hint);
}

/* ---- values ---- */

static bool at_line_end(const struct parser *p)
{
	return p->at == p->end || *p->at == '\n';
}

static void skip_blanks(struct parser *p)
{
	while (p->at < p->end && is_blank(*p->at))
		p->at++;
}

static void skip_line(struct parser *p)
{
	const char *newline = memchr(p->at, '\n', (size_t)(p->end - p->at));
	p->at = newline ? newline : p->end;
}

/* Blanks behind a value go, and as in compose U+0085 and U+00A0 count as blanks. */
static size_t trimmed(const char *begin, size_t length)
{
	for (;;) {
		if (length && is_blank(begin[length - 1]))
			length--;
		else if (length >= 2 &&
			(!memcmp(begin + length - 2, "\xc2\x85", 2) ||
				!memcmp(begin + length - 2, "\xc2\xa0", 2)))
			length -= 2;
		else
			return length;
	}
}

/* Where the comment of an unquoted value begins: at a '#' after a blank. */
static size_t comment_start(const char *begin, size_t length, bool *glued)
{
	*glued = false;
	for (size_t i = 0; i < length; i++) {
		if (begin[i] != '#')
			continue;
		if (i && (begin[i - 1] == ' ' || begin[i - 1] == '\t'))
			return i;
		*glued = true;
	}
	return length;
}

static void unquoted(struct parser *p)
{
	const char *begin = p->at;
	skip_line(p);
	bool glued;
	size_t length = comment_start(begin, (size_t)(p->at - begin), &glued);
	length = trimmed(begin, length);
	text_clear(&p->value);
	text_add_bytes(&p->value, begin, length);
	if (glued) {
		COMPLAIN(p, SEVERITY_WARNING,
			"the '#' in the value of %s is not a comment, because no blank "
			"is before it",
			p->key);
		HINT(p, "put quotes around the value, or a blank before the '#'");
	}
	if (length && *begin == '`') {
		COMPLAIN(p, SEVERITY_WARNING, "the backticks around the value of %s are part of it",
			p->key);
		HINT(p, "use single quotes");
	}
	store_interpolated(p);
}

/* "\0NNN": three octal digits, one byte. */
static bool add_octal(struct parser *p)
{
	int byte = 0;
	for (int i = 2; i < 5; i++) {
		if (p->end - p->at <= i || p->at[i] < '0' || p->at[i] > '7')
			return false;
		byte = byte * 8 + (p->at[i] - '0');
	}
	if (byte > 0xff)
		return false;
	if (!byte) {
		REFUSE(p, "the value of %s has a NUL byte in it, which no variable can hold",
			p->key);
		HINT(p, "take the \\0000 out, or double its backslash if it is text");
	} else if (byte == '$') {
		text_add(&p->value, "$$");
	} else {
		text_add_char(&p->value, (char)byte);
	}
	p->at += 5;
	return true;
}

/* At a backslash inside "...". What is no escape stays as it is written. */
static void escape(struct parser *p)
{
	static const char letters[] = "abfnrtv\\\"";
	static const char meanings[] = "\a\b\f\n\r\t\v\\\"";
	char next = p->end - p->at > 1 ? p->at[1] : '\0';
	const char *known = next ? strchr(letters, next) : NULL;
	if (next == '0' && add_octal(p))
		return;
	if (known)
		text_add_char(&p->value, meanings[known - letters]);
	else if (next == '$')
		text_add(&p->value, "$$");
	else
		text_add_char(&p->value, '\\');
	p->at += known || next == '$' ? 2 : 1;
}

/* Reads up to the closing quote; false when there is none. */
static bool read_quoted(struct parser *p, char quote)
{
	text_clear(&p->value);
	for (p->at++; p->at < p->end && *p->at != quote;) {
		bool more = p->end - p->at > 1;
		p->line += *p->at == '\n';
		if (*p->at == '\\' && quote == '"') {
			escape(p);
		} else if (*p->at == '\\' && more && p->at[1] != '\n' && p->at[1] != '\r') {
			/* Only \' is an escape; a doubled backslash stays as it is. */
			text_add_bytes(
				&p->value, p->at + (p->at[1] == '\''), p->at[1] == '\'' ? 1 : 2);
			p->at += 2;
		} else {
			if (*p->at != '\r' || !more || p->at[1] != '\n')
				text_add_char(&p->value, *p->at);
			p->at++;
		}
	}
	if (p->at == p->end)
		return false;
	p->at++;
	return true;
}

static void skip_export(struct parser *p)
{
	static const char word[] = "export";
	size_t length = sizeof word - 1;
	if ((size_t)(p->end - p->at) <= length || memcmp(p->at, word, length) != 0 ||
		!is_blank(p->at[length]))
		return;
	const char *before = p->at;
	p->at += length;
	skip_blanks(p);
	if (at_line_end(p) || strchr("=:#", *p->at))
		p->at = before;
}

/* Whether the line at hand begins as KEY= does. */
static bool looks_like_entry(struct parser *p)
{
	struct parser ahead = *p;
	skip_blanks(&ahead);
	skip_export(&ahead);
	size_t length = key_span(ahead.at, (size_t)(ahead.end - ahead.at));
	ahead.at += length;
	skip_blanks(&ahead);
	return length && ahead.at < ahead.end && *ahead.at == '=';
}

/* Behind a quote that is never closed: what is wrong further down is to be said as well. */
static void skip_to_entry(struct parser *p)
{
	skip_line(p);
	while (p->at < p->end) {
		struct parser next = *p;
		next.at++;
		if (looks_like_entry(&next))
			return;
		p->at++;
		p->line++;
		skip_line(p);
	}
}

static void quoted(struct parser *p)
{
	char quote = *p->at;
	const char *begin = p->at;
	int line = p->line;
	if (!read_quoted(p, quote)) {
		REFUSE(p, "the quote %c of %s is not closed", quote, p->key);
		HINT(p, "close it, or put the value in the other kind of quotes");
		p->at = begin;
		p->line = line;
		skip_to_entry(p);
		return;
	}
	skip_blanks(p);
	if (!at_line_end(p) && *p->at != '#') {
		REFUSE(p, "text behind the closing quote of %s", p->key);
		HINT(p,
			"put a blank and a '#' before it if it is a comment, else inside the "
			"quotes");
	} else if (quote == '"') {
		store_interpolated(p);
	} else {
		store(p, text_string(&p->value));
	}
	skip_line(p);
}

/* ---- lines ---- */

static void inherit(struct parser *p)
{
	const char *value = from_environment(p->env, p->key);
	if (value)
		store(p, value);
}

/* The key at hand has something behind it that is neither a separator nor the end of the line. */
static void refuse_key(struct parser *p, bool blank_before)
{
	uint32_t point = 0;
	size_t length = utf8_decode(p->at, (size_t)(p->end - p->at), &point);
	if (!*p->key && (point == '=' || point == ':')) {
		REFUSE(p, "there is no name before the '%c'", (int)point);
		HINT(p, "write NAME=value");
	} else if (blank_before) {
		REFUSE(p, "blank inside the name '%.40s ...'", p->key);
		HINT(p, "write NAME=value, or put a '#' before the line if it is a comment");
	} else if (point < 0x20 || point == 0x7f || point == 0xfeff) {
		REFUSE(p, "character U+%04X in a name", (unsigned)point);
		HINT(p, "take it out: an editor or a copy from elsewhere has left it there");
	} else {
		REFUSE(p, "character '%.*s' in a name", (int)length, p->at);
		HINT(p, "names are letters, digits and _ . - [ ]");
	}
	skip_line(p);
}

static void separator(struct parser *p)
{
	if (*p->at == ':') {
		COMPLAIN(p, SEVERITY_WARNING,
			"%s is set with ':', which many readers of such files ignore", p->key);
		HINT(p, "write %s=...", p->key);
	}
	p->at++;
	const char *begin = p->at;
	skip_blanks(p);
	if (!at_line_end(p) && (*p->at == '"' || *p->at == '\''))
		quoted(p);
	else if (!at_line_end(p) && *p->at == '#' && p->at > begin)
		skip_line(p), store(p, "");
	else
		unquoted(p);
}

static void entry(struct parser *p)
{
	skip_export(p);
	size_t length = key_span(p->at, (size_t)(p->end - p->at));
	p->key = arena_string_n(p->env->arena, p->at, length);
	p->key_line = p->line;
	p->at += length;
	const char *behind = p->at;
	skip_blanks(p);
	bool blank_before = p->at > behind;
	if (at_line_end(p) && length)
		inherit(p);
	else if (length && (*p->at == '=' || *p->at == ':'))
		separator(p);
	else if (length && blank_before && *p->at == '#')
		inherit(p), skip_line(p);
	else
		refuse_key(p, blank_before);
}

static void lines(struct parser *p)
{
	while (p->at < p->end) {
		skip_blanks(p);
		p->key = "";
		p->key_line = p->line;
		if (!at_line_end(p) && *p->at == '#')
			skip_line(p);
		else if (!at_line_end(p))
			entry(p);
		if (p->at < p->end) {
			p->line++;
			p->at++;
		}
	}
}

static bool is_text(struct parser *p)
{
	size_t length = (size_t)(p->end - p->at);
	size_t good = utf8_text_span(p->at, length);
	if (good == length)
		return true;
	for (const char *c = p->at; c < p->at + good; c++)
		p->key_line += *c == '\n';
	p->key = "";
	if (p->at[good])
		REFUSE(p, "byte 0x%02x is not UTF-8", (unsigned char)p->at[good]);
	else
		REFUSE(p, "NUL byte in the file");
	HINT(p, "save the file as UTF-8 text");
	return false;
}

bool dotenv_parse(struct dotenv *env, const char *name, const char *content, size_t length)
{
	if (!env->places.arena)
		index_environment(env);
	struct parser p = {.env = env,
		.name = arena_string(env->arena, name),
		.at = content,
		.end = content + length,
		.line = 1,
		.key_line = 1};
	if (length >= 3 && !memcmp(content, "\xef\xbb\xbf", 3))
		p.at += 3;
	if (is_text(&p))
		lines(&p);
	bool memory = text_ok(&p.value) && text_ok(&p.result);
	text_release(&p.value);
	text_release(&p.result);
	if (!memory)
		REFUSE(&p, "out of memory");
	return !p.failed;
}
