#include "claim/aside.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/number.h"
#include "ports/policy.h"

#define MARK ".before-"
#define STAMP "%Y%m%dT%H%M%SZ"

int state_set_aside(const char *dir, struct text *kept, struct error *e)
{
	char stamp[32];
	time_t now = (time_t)(clock_wall_ms() / 1000);
	struct tm tm;
	gmtime_r(&now, &tm);
	strftime(stamp, sizeof stamp, STAMP, &tm);
	text_addf(kept, "%s" MARK "%s", dir, stamp);
	size_t length = kept->length;
	for (int i = 2; text_ok(kept) && !access(text_string(kept), F_OK); i++) {
		text_cut(kept, length);
		text_addf(kept, "-%d", i);
	}
	if (!text_ok(kept))
		return fail(e, EXIT_FAILED, "out of memory");
	if (!rename(dir, text_string(kept)))
		return 1;
	return errno == ENOENT ? 0 : fail_errno(e, EXIT_FAILED, "cannot set %s aside", dir);
}

/* "-2" where two were set aside in one second */
static bool is_ordinal(const char *text)
{
	int64_t number;
	return !*text || (*text == '-' && number_parse(text + 1, 2, INT32_MAX, &number));
}

bool state_is_aside(const char *name, int *instance, int64_t *since_ms)
{
	OWNED_TEXT digits = {0};
	struct tm tm = {0};
	int64_t number;
	const char *mark = strstr(name, MARK);
	if (!mark)
		return false;
	text_add_bytes(&digits, name, (size_t)(mark - name));
	const char *rest = strptime(mark + strlen(MARK), STAMP, &tm);
	if (!rest || !is_ordinal(rest) ||
		!number_parse(text_string(&digits), 1, INSTANCE_MOST, &number))
		return false;
	*instance = (int)number;
	*since_ms = (int64_t)timegm(&tm) * 1000;
	return true;
}
