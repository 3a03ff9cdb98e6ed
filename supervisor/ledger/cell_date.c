#include <ctype.h>
#include <string.h>

#include "ledger/cell_parts.h"
#include "ledger/cells.h"

struct date_words {
	int numbers[3];
	int digits[3]; /* how many each has */
	int count;
	int month; /* by name; 0: none */
	bool dotted;
};

static int month_of(const char *word)
{
	static const char *const names[] = {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug",
		"sep", "oct", "nov", "dec"};
	for (int i = 0; i < 12; i++)
		if (!strncmp(word, names[i], 3))
			return i + 1;
	return 0;
}

/* Up to the time of the day, if there is one. */
static bool split_date(const char *at, struct date_words *d)
{
	*d = (struct date_words){0};
	while (*at && d->count < 3) {
		if (isdigit((unsigned char)*at)) {
			int *number = &d->numbers[d->count];
			for (; isdigit((unsigned char)*at) && d->digits[d->count] < 5; at++) {
				*number = *number * 10 + (*at - '0');
				d->digits[d->count]++;
			}
			d->count++;
			d->dotted |= *at == '.' && isdigit((unsigned char)at[1]);
			static const char *const ordinals[] = {"st", "nd", "rd", "th", NULL};
			const char *after = cell_skip_word(at, ordinals);
			at = after ? after : at;
		} else if (isalpha((unsigned char)*at)) {
			if (d->month || !(d->month = month_of(at)))
				return false;
			while (isalpha((unsigned char)*at))
				at++;
		} else if (strchr(" -/.,", *at)) {
			at++;
		} else {
			return false;
		}
	}
	at = cell_skip_blanks(at);
	return !*at || *at == 't' || isdigit((unsigned char)*at);
}

/* Which number is what; false: not a date, or (with *ambiguous) two of them. */
static bool order_date(const struct date_words *d, int *year, int *month, int *day, bool *ambiguous)
{
	const int *n = d->numbers;
	bool year_first = d->digits[0] == 4;
	*day = 1;
	if (d->count == (d->month ? 2 : 3)) {
		int last = d->count - 1;
		*year = year_first ? n[0] : n[last];
		if (!year_first && d->digits[last] != 4)
			return false;
		*month = d->month ? d->month : n[1];
		*day = d->month ? n[year_first ? 1 : 0] : year_first ? n[2] : n[0];
		if (d->month || year_first || d->dotted || n[0] > 12 || n[0] == n[1])
			return true;
		*month = n[0];
		*day = n[1];
		*ambiguous = n[1] <= 12;
		return !*ambiguous;
	}
	if (d->count != (d->month ? 1 : 2))
		return false;
	*year = year_first ? n[0] : n[1];
	*month = d->month ? d->month : year_first ? n[1] : n[0];
	return year_first || (d->count == 2 && d->digits[1] == 4);
}

static bool is_day(int year, int month, int day)
{
	static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	return year >= 1970 && year <= 9999 && month >= 1 && month <= 12 && day >= 1 &&
		day <= lengths[month - 1] + (leap && month == 2);
}

static int two_digits(const char *at)
{
	return (at[0] - '0') * 10 + (at[1] - '0');
}

/* "2026-01-02T03:04:05.678Z", as the registry writes it. */
static bool is_iso(const char *text)
{
	static const char form[] = "0000-00-00T00:00:00.000Z";
	for (size_t i = 0; i < sizeof form; i++)
		if (form[i] == '0' ? !isdigit((unsigned char)text[i]) : text[i] != form[i])
			return false;
	return is_day(two_digits(text) * 100 + two_digits(text + 2), two_digits(text + 5),
		       two_digits(text + 8)) &&
		two_digits(text + 11) < 24 && two_digits(text + 14) < 60 &&
		two_digits(text + 17) < 61;
}

enum cell_date cell_date(const char *text, struct arena *arena, const char **out)
{
	struct date_words words;
	int year, month, day;
	bool ambiguous = false;
	if (!*text)
		return DATE_NONE;
	if (is_iso(text)) {
		*out = arena_string(arena, text);
		return DATE_READ;
	}
	if (!split_date(cell_plain(text, arena), &words) ||
		!order_date(&words, &year, &month, &day, &ambiguous))
		return ambiguous ? DATE_AMBIGUOUS : DATE_UNKNOWN;
	if (!is_day(year, month, day))
		return DATE_UNKNOWN;
	*out = arena_format(arena, "%04d-%02d-%02dT00:00:00.000Z", year, month, day);
	return DATE_READ;
}
