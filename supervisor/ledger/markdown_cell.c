#include "ledger/markdown.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading ---- */

struct source {
	const char *at;
	const char *end;
	struct text out; /* owns */
};

static bool is_punctuation(char c)
{
	return ispunct((unsigned char)c) != 0;
}

static size_t run_of(const struct source *s, char c)
{
	size_t length = 0;
	while (s->at + length < s->end && s->at[length] == c)
		length++;
	return length;
}

/* `text` with as many backticks on both sides; a bar in it is escaped all the same. */
static bool take_code(struct source *s)
{
	size_t ticks = run_of(s, '`');
	const char *from = s->at + ticks;
	for (const char *to = from; to < s->end; to++) {
		struct source closing = {.at = to, .end = s->end};
		size_t found = run_of(&closing, '`');
		if (found != ticks) {
			to += found ? found - 1 : 0;
			continue;
		}
		bool padded = to - from > 2 && *from == ' ' && to[-1] == ' ';
		for (const char *c = from + padded; c < to - padded; c++)
			if (*c != '\\' || c + 1 == to || c[1] != '|')
				text_add_char(&s->out, *c);
		s->at = to + ticks;
		return true;
	}
	text_add_bytes(&s->out, s->at, ticks);
	s->at = from;
	return true;
}

/* [text](address): the text. */
static bool take_link(struct source *s)
{
	const char *close = memchr(s->at, ']', (size_t)(s->end - s->at));
	const char *end = close && close + 1 < s->end && close[1] == '('
		? memchr(close, ')', (size_t)(s->end - close))
		: NULL;
	if (!end)
		return false;
	text_add_bytes(&s->out, s->at + 1, (size_t)(close - s->at - 1));
	s->at = end + 1;
	return true;
}

static void add_point(struct text *out, unsigned long point)
{
	if (point < 0x80)
		return text_add_char(out, (char)point);
	if (point < 0x800) {
		text_add_char(out, (char)(0xc0 | (point >> 6)));
	} else {
		if (point < 0x10000) {
			text_add_char(out, (char)(0xe0 | (point >> 12)));
		} else {
			text_add_char(out, (char)(0xf0 | (point >> 18)));
			text_add_char(out, (char)(0x80 | ((point >> 12) & 0x3f)));
		}
		text_add_char(out, (char)(0x80 | ((point >> 6) & 0x3f)));
	}
	text_add_char(out, (char)(0x80 | (point & 0x3f)));
}

/* &#10; &#x2d; and the five of XML, with &nbsp; */
static bool take_reference(struct source *s)
{
	static const char *const names[] = {"amp;&", "lt;<", "gt;>", "quot;\"", "apos;'", "nbsp; "};
	size_t left = (size_t)(s->end - s->at);
	char digits[12];
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		size_t length = strlen(names[i]) - 1;
		if (left <= length || memcmp(s->at + 1, names[i], length) != 0)
			continue;
		text_add_char(&s->out, names[i][length]);
		s->at += length + 1;
		return true;
	}
	if (left < 4 || s->at[1] != '#')
		return false;
	bool hex = s->at[2] == 'x' || s->at[2] == 'X';
	snprintf(digits, sizeof digits, "%.*s", (int)(left - 2 - hex), s->at + 2 + hex);
	char *end;
	unsigned long point =
		isxdigit((unsigned char)digits[0]) ? strtoul(digits, &end, hex ? 16 : 10) : 0;
	if (!point || *end != ';' || point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
		return false;
	add_point(&s->out, point);
	s->at += 2 + hex + (end - digits) + 1;
	return true;
}

static bool take_break(struct source *s)
{
	size_t left = (size_t)(s->end - s->at);
	if (left < 4 || strncasecmp(s->at, "<br", 3) != 0)
		return false;
	const char *end = memchr(s->at, '>', left);
	if (!end || strspn(s->at + 3, " /") != (size_t)(end - s->at - 3))
		return false;
	text_add_char(&s->out, '\n');
	s->at = end + 1;
	return true;
}

static bool take_special(struct source *s)
{
	switch (*s->at) {
	case '\\':
		if (s->at + 1 == s->end || !is_punctuation(s->at[1]))
			return false;
		text_add_char(&s->out, s->at[1]);
		s->at += 2;
		return true;
	case '`':
		return take_code(s);
	case '[':
		return take_link(s);
	case '&':
		return take_reference(s);
	case '<':
		return take_break(s);
	case '*':
		s->at++;
		return true;
	case '~':
		if (run_of(s, '~') != 2)
			return false;
		s->at += 2;
		return true;
	default:
		return false;
	}
}

static bool is_blank_word(const char *text, size_t length)
{
	static const char *const words[] = {"-", "--", "\u2013", "\u2014", "n/a", "N/A"};
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strlen(words[i]) == length && !memcmp(words[i], text, length))
			return true;
	return false;
}

const char *markdown_plain(struct arena *arena, const char *source, size_t length)
{
	while (length && strchr(" \t\r", source[length - 1]) && source[length - 1])
		length--;
	while (length && (*source == ' ' || *source == '\t')) {
		source++;
		length--;
	}
	if (is_blank_word(source, length))
		return "";
	if (length > 2 && source[0] == '_' && source[length - 1] == '_') {
		source++;
		length -= 2;
	}
	struct source s = {.at = source, .end = source + length};
	while (s.at < s.end)
		if (!take_special(&s))
			text_add_char(&s.out, *s.at++);
	const char *plain = arena_string_n(arena, text_string(&s.out), s.out.length);
	text_release(&s.out);
	return plain;
}

/* ---- writing ---- */

static void add_character(struct text *out, const char *text, const char *at)
{
	bool edge = at == text || !at[1];
	bool dash = at == text && is_blank_word(text, strlen(text)) && (unsigned char)*at < 0x80;
	if (dash || (unsigned char)*at < 0x20 || *at == 0x7f || (*at == ' ' && edge))
		text_addf(out, "&#%d;", *at);
	else if (strchr("\\|`*[]<&~", *at) || (*at == '_' && edge))
		text_addf(out, "\\%c", *at);
	else
		text_add_char(out, *at);
}

void markdown_add_cell(struct text *out, const char *text)
{
	/* The dashes of typographers alone would read as an empty cell. */
	if ((unsigned char)*text >= 0x80 && is_blank_word(text, strlen(text))) {
		text_addf(out, "&#x%s;", strcmp(text, "\u2013") == 0 ? "2013" : "2014");
		return;
	}
	for (const char *at = text; *at; at++)
		add_character(out, text, at);
}
