#include "base/number.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *digits(const char *at, int64_t *out)
{
	int64_t value = 0;
	const char *start = at;
	for (; *at >= '0' && *at <= '9'; at++) {
		if (value > (INT64_MAX - (*at - '0')) / 10)
			return NULL;
		value = value * 10 + (*at - '0');
	}
	*out = value;
	return at == start ? NULL : at;
}

bool number_parse(const char *text, int64_t least, int64_t most, int64_t *out)
{
	int64_t value;
	const char *end = digits(text, &value);
	if (!end || *end || value < least || value > most)
		return false;
	*out = value;
	return true;
}

/* Reads "12" or "12.345" as thousandths. */
static const char *thousandths(const char *text, int64_t *out)
{
	int64_t whole;
	const char *at = digits(text, &whole);
	if (!at || whole > INT64_MAX / 1000 / 3600000)
		return NULL;
	int64_t value = whole * 1000;
	if (*at == '.') {
		int64_t weight = 100;
		const char *start = ++at;
		for (; *at >= '0' && *at <= '9'; at++, weight /= 10)
			value += weight * (*at - '0');
		if (at == start)
			return NULL;
	}
	*out = value;
	return at;
}

bool number_duration(const char *text, int64_t *ms)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
	int64_t value;
	const char *unit = thousandths(text, &value);
	if (!unit)
		return false;
	if (!*unit && value == 0) {
		*ms = 0;
		return true;
	}
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		if (!strcmp(unit, units[i].unit)) {
			*ms = value * units[i].ms / 1000;
			return true;
		}
	}
	return false;
}

bool number_seconds(const char *text, int64_t *ms)
{
	int64_t value;
	const char *end = thousandths(text, &value);
	if (end && !*end) {
		*ms = value;
		return true;
	}
	return number_duration(text, ms);
}

bool number_size(const char *text, int64_t *bytes)
{
	int64_t value;
	const char *unit = digits(text, &value);
	if (!unit)
		return false;
	static const char letters[] = "KMGT";
	int64_t scale = 1;
	if (*unit) {
		const char *letter = strchr(letters, *unit & ~0x20);
		bool ends = !unit[1] || strcasecmp(unit + 1, "B") == 0 ||
			strcasecmp(unit + 1, "iB") == 0;
		if (!letter || !ends)
			return false;
		for (const char *at = letters; at <= letter; at++)
			scale *= 1024;
	}
	if (value > INT64_MAX / scale)
		return false;
	*bytes = value * scale;
	return true;
}

bool number_boolean(const char *text, bool *out)
{
	static const char *const yes[] = {"yes", "true", "on"};
	static const char *const no[] = {"no", "false", "off"};
	for (size_t i = 0; i < 3; i++) {
		if (!strcasecmp(text, yes[i]) || !strcasecmp(text, no[i])) {
			*out = !strcasecmp(text, yes[i]);
			return true;
		}
	}
	return false;
}

bool number_port_range(const char *text, uint16_t *low, uint16_t *high)
{
	int64_t first;
	int64_t last;
	const char *at = digits(text, &first);
	if (!at)
		return false;
	last = first;
	if (*at == '-')
		at = digits(at + 1, &last);
	if (!at || *at || first < 1 || last > 65535 || first > last)
		return false;
	*low = (uint16_t)first;
	*high = (uint16_t)last;
	return true;
}

int number_permille(int64_t part, int64_t whole)
{
	int rounded = (int)((part * 2000 + whole) / (whole * 2));
	if (part == 0 || part == whole)
		return rounded;
	return rounded == 0 ? 1 : rounded == 1000 ? 999 : rounded;
}

/* "2 min 5 s"; a smaller unit of which there is none is left out. */
static void show_two(long long n, const char *unit, long long rest, const char *smaller,
	char buffer[NUMBER_DURATION_SIZE])
{
	if (rest)
		snprintf(buffer, NUMBER_DURATION_SIZE, "%lld %s %lld %s", n, unit, rest, smaller);
	else
		snprintf(buffer, NUMBER_DURATION_SIZE, "%lld %s", n, unit);
}

const char *number_show_duration(int64_t ms, char buffer[NUMBER_DURATION_SIZE])
{
	long long n = ms;
	if (n < 1000)
		snprintf(buffer, NUMBER_DURATION_SIZE, "%lld ms", n);
	else if (n < 10000)
		snprintf(buffer, NUMBER_DURATION_SIZE, "%lld.%lld s", n / 1000, n % 1000 / 100);
	else if (n < 60000)
		snprintf(buffer, NUMBER_DURATION_SIZE, "%lld s", n / 1000);
	else if (n < 3600000)
		show_two(n / 60000, "min", n / 1000 % 60, "s", buffer);
	else
		show_two(n / 3600000, "h", n / 60000 % 60, "min", buffer);
	return buffer;
}
