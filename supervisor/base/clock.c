#include "base/clock.h"

#include <string.h>
#include <time.h>

#include "base/number.h"

static int64_t read_us(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_now_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

int64_t clock_now_ms(void)
{
	return clock_now_us() / 1000;
}

int64_t clock_wall_ms(void)
{
	return read_us(CLOCK_REALTIME) / 1000;
}

/* "-07" and the like: a separator and so many digits. */
static char *add_part(char *at, char separator, int value, int digits)
{
	*at++ = separator;
	for (int i = digits; i--; value /= 10)
		at[i] = (char)('0' + value % 10);
	return at + digits;
}

/* By hand: it is asked for thousands of times when a large stack stops, and strftime(3) is slow. */
const char *clock_iso(int64_t wall_ms, char buffer[CLOCK_ISO_SIZE])
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm;
	gmtime_r(&seconds, &tm);
	int year = tm.tm_year + 1900;
	char *at = add_part(buffer, (char)('0' + year / 1000 % 10), year, 3);
	at = add_part(at, '-', tm.tm_mon + 1, 2);
	at = add_part(at, '-', tm.tm_mday, 2);
	at = add_part(at, 'T', tm.tm_hour, 2);
	at = add_part(at, ':', tm.tm_min, 2);
	at = add_part(at, ':', tm.tm_sec, 2);
	at = add_part(at, '.', (int)(wall_ms % 1000), 3);
	*at++ = 'Z';
	*at = '\0';
	return buffer;
}

bool clock_parse_since(const char *text, int64_t now_wall_ms, int64_t *wall_ms)
{
	int64_t back;
	if (number_duration(text, &back)) {
		*wall_ms = now_wall_ms - back;
		return true;
	}
	static const char *const forms[] = {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S",
		"%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%d", "%H:%M:%S", "%H:%M"};
	time_t now = (time_t)(now_wall_ms / 1000);
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		struct tm tm;
		localtime_r(&now, &tm);
		tm.tm_sec = 0;
		if (forms[i][1] == 'Y')
			tm.tm_hour = tm.tm_min = 0;
		const char *rest = strptime(text, forms[i], &tm);
		if (!rest)
			continue;
		int64_t thousandth = 0;
		if (*rest == '.') {
			int64_t weight = 100;
			for (rest++; *rest >= '0' && *rest <= '9'; rest++, weight /= 10)
				thousandth += weight * (*rest - '0');
		}
		bool utc = !strcmp(rest, "Z");
		if (*rest && !utc)
			continue;
		tm.tm_isdst = -1;
		time_t seconds = utc ? timegm(&tm) : mktime(&tm);
		*wall_ms = (int64_t)seconds * 1000 + thousandth;
		return true;
	}
	return false;
}
