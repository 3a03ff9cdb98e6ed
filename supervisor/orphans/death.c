#include "orphans/death.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "spawn/guardian.h"

enum { LOOKED_AT = 16 * 1024 }; /* the report stands at the beginning, after a BUG() */

/* Where a line begins that tells of the end; a report of our own before the guardian's words. NULL: none. */
static const char *find_end(const char *bytes)
{
	static const char *const beginnings[] = {DEATH_REPORTED, GUARDIAN_KILLED, GUARDIAN_ENDED};
	const char *found = NULL;
	for (size_t i = 0; !found && i < sizeof beginnings / sizeof beginnings[0]; i++)
		found = strstr(bytes, beginnings[i]);
	return found;
}

void death_explain(const char *path, struct text *out)
{
	char bytes[LOOKED_AT + 1];
	OWNED_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t got = fd >= 0 ? pread(fd, bytes, LOOKED_AT, 0) : -1;
	if (got <= 0) {
		text_add(out, "its supervisor died without a word");
		return;
	}
	bytes[got] = '\0';
	const char *line = find_end(bytes);
	if (!line)
		line = "supervisor died";
	size_t length = strcspn(line, "\n");
	text_addf(out, "its %.*s", (int)length, line);
	/* What is one line has just been said. */
	if (line != bytes || strlen(line) > length + 1)
		text_addf(out, ", see %s", path);
}
