/* Patterns: what regcomp(3) takes, and takes in bounded time and space. */
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "stackfile/values.h"

/*
 * The library compiles a repetition by writing its text out that often, needs memory by the square of the
 * whole length (30 MB for a thousand), and a piece of the stack for an open bracket: repetitions within
 * repetitions multiply. Whoever only checks a file must survive what is in it.
 */
enum { SHOWN_MOST = 60, COPIES_MOST = 1024, DEPTH_MOST = 64 };

struct weight {
	int64_t before; /* of the atoms before the last one, written out */
	int64_t last;
};

/* Behind a bracket expression; a ']' that comes first is one of its characters. */
static const char *skip_set(const char *at)
{
	at += 1 + (at[1] == '^');
	at += *at == ']';
	at += strcspn(at, "]");
	return *at ? at + 1 : at;
}

/* How often "{low,high}" writes its atom out. */
static int64_t copies(const char *at)
{
	char *end;
	long low = strtol(at + 1, &end, 10);
	long high = *end == ',' ? strtol(end + 1, NULL, 10) : low;
	long most = low >= high ? low : high - 1;
	return most < 0 ? 1 : most >= COPIES_MOST ? COPIES_MOST : most + 1;
}

static void add_atom(struct weight *w, int64_t weight)
{
	w->before += w->last;
	w->last = weight;
}

static bool repeats_too_much(const char *at)
{
	struct weight weights[DEPTH_MOST] = {{0}};
	struct weight *w = weights;
	while (*at && w->before + w->last <= COPIES_MOST) {
		const char *next = at + 1;
		if (*at == '(') {
			if (++w == weights + DEPTH_MOST)
				return true;
			*w = (struct weight){0};
		} else if (*at == ')' && w > weights) {
			int64_t inside = w->before + w->last + 1;
			add_atom(--w, inside);
		} else if (*at == '{') {
			w->last *= copies(at);
			next = at + 1 + strspn(at + 1, "0123456789,}");
		} else if (*at == '+') {
			w->last *= 2;
		} else if (*at != '*' && *at != '?' && *at != '|') {
			add_atom(w, 1);
			next = *at == '[' ? skip_set(at) : *at == '\\' && at[1] ? at + 2 : at + 1;
		}
		at = next;
	}
	return w->before + w->last > COPIES_MOST;
}

static bool refuse(const struct site *site, const char *text, const char *what, const char *why, const char *hint)
{
	complaint_error(site->complaints, site->file, site->line, site->key, "%s: '%.*s' %s%s", site->key,
		SHOWN_MOST, text, what, why);
	complaint_hint(site->complaints, "%s", hint);
	return false;
}

bool value_regex(const struct site *site, const char *text)
{
	regex_t compiled;
	char why[128] = "it is empty";
	if (repeats_too_much(text))
		return refuse(site, text, "repeats too much", "",
			"write it with smaller numbers in braces, and fewer repetitions within repetitions");
	int result = *text ? regcomp(&compiled, text, REG_EXTENDED | REG_NOSUB) : REG_BADPAT;
	if (!result) {
		regfree(&compiled);
		return true;
	}
	if (*text)
		regerror(result, NULL, why, sizeof why);
	return refuse(site, text, "is not a regular expression: ", why,
		"write an extended regular expression (regex(7))");
}
