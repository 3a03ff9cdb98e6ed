#include <string.h>

#include "scan/slice.h"

bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool is_word_char(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct slice slice_of(const char *string)
{
	return (struct slice){string, string + strlen(string)};
}

bool slice_is_same(struct slice a, struct slice b)
{
	return slice_length(a) == slice_length(b) && !memcmp(a.at, b.at, slice_length(a));
}

bool slice_begins(struct slice s, const char *prefix)
{
	size_t length = strlen(prefix);
	return slice_length(s) >= length && !memcmp(s.at, prefix, length);
}

bool slice_is(struct slice s, const char *string)
{
	return slice_length(s) == strlen(string) && slice_begins(s, string);
}

bool slice_ends(struct slice s, const char *suffix)
{
	size_t length = strlen(suffix);
	return slice_length(s) >= length && !memcmp(s.end - length, suffix, length);
}

const char *slice_find(struct slice s, const char *text)
{
	return slice_length(s) ? memmem(s.at, slice_length(s), text, strlen(text)) : NULL;
}

struct slice slice_trim(struct slice s)
{
	while (s.at < s.end && is_blank(*s.at))
		s.at++;
	while (s.at < s.end && is_blank(s.end[-1]))
		s.end--;
	return s;
}

struct slice slice_bare(struct slice s)
{
	s = slice_trim(s);
	for (const char *quotes = "\"'`"; *quotes; quotes++) {
		if (slice_length(s) >= 4 && s.at[0] == '\\' && s.at[1] == *quotes &&
			s.end[-2] == '\\' && s.end[-1] == *quotes)
			return (struct slice){s.at + 2, s.end - 2};
		if (slice_length(s) >= 2 && *s.at == *quotes && s.end[-1] == *quotes)
			return (struct slice){s.at + 1, s.end - 1};
	}
	return s;
}

bool slice_line(struct slice *rest, struct slice *line)
{
	if (rest->at >= rest->end)
		return false;
	const char *newline = memchr(rest->at, '\n', slice_length(*rest));
	*line = (struct slice){rest->at, newline ? newline : rest->end};
	rest->at = newline ? newline + 1 : rest->end;
	if (line->end > line->at && line->end[-1] == '\r')
		line->end--;
	return true;
}

bool slice_word(struct slice *rest, struct slice *word)
{
	*rest = slice_trim(*rest);
	if (rest->at == rest->end)
		return false;
	word->at = rest->at;
	while (rest->at < rest->end && !is_blank(*rest->at))
		rest->at++;
	word->end = rest->at;
	return true;
}

const char *slice_closing(const char *at, const char *end)
{
	int depth = 0;
	if (end - at > EXPRESSION_MOST)
		end = at + EXPRESSION_MOST;
	for (; at < end; at++) {
		depth += (*at == '{') - (*at == '}');
		if (*at == '}' && !depth)
			return at + 1;
	}
	return NULL;
}

bool slice_default(struct slice s, struct slice *name, struct slice *inner)
{
	if (!slice_begins(s, "${") || slice_closing(s.at + 1, s.end) != s.end)
		return false;
	const char *at = s.at + 2;
	while (at < s.end && is_word_char(*at))
		at++;
	struct slice rest = {at, s.end - 1};
	size_t sign = slice_begins(rest, ":-") || slice_begins(rest, ":=") ? 2 : slice_begins(rest, "-");
	if (!sign || at == s.at + 2)
		return false;
	*name = (struct slice){s.at + 2, at};
	*inner = (struct slice){rest.at + sign, rest.end};
	return true;
}
