#include "ports/aside.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

int state_set_aside(const char *dir, struct text *kept, struct error *e)
{
	char stamp[32];
	time_t now = (time_t)(clock_wall_ms() / 1000);
	struct tm tm;
	gmtime_r(&now, &tm);
	strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &tm);
	text_addf(kept, "%s.before-%s", dir, stamp);
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
