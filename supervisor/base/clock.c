#include "base/clock.h"

#include <stdio.h>
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

const char *clock_iso(int64_t wall_ms, char buffer[CLOCK_ISO_SIZE])
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm;
	gmtime_r(&seconds, &tm);
	size_t used = strftime(buffer, CLOCK_ISO_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buffer + used, CLOCK_ISO_SIZE - used, ".%03dZ", (int)(wall_ms % 1000));
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
