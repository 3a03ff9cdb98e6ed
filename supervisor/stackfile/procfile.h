/*
 * procfile.h - Procfiles, by foreman's line rule: ^([A-Za-z0-9_-]+):\s*(.+)$
 *
 * A line that is neither an entry nor blank nor a comment ('#', indented or not) is skipped with a
 * warning that says why it is none. A name used twice is an error that names both lines. There are
 * no continuation lines. A BOM is skipped, CRLF is a line end, blanks behind a command go.
 * `release` and `postdeploy` are tasks: Heroku runs them once, and so do we, with a notice.
 *
 * The command is the rest of the line, untouched: no interpolation and no substitution of ours, the
 * shell does that (FORMATS of the field: foreman replaces $KEY textually, by prefix, which turns
 * $PORTX into 7000X; that is a bug not to copy).
 *
 *	struct procfile p;
 *	procfile_parse(arena, "Procfile", content, length, &complaints, &p);
 */
#ifndef STACKFILE_PROCFILE_H
#define STACKFILE_PROCFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "model/complaint.h"

enum { PROCFILE_SIZE_MOST = 1024 * 1024 };

struct procfile_entry {
	const char *name;
	const char *command;
	int line;
	bool is_task; /* release, postdeploy */
};

struct procfile {
	struct procfile_entry *entries; /* in file order, in the arena */
	size_t count;
};

/* Returns false when it added an error; a file without any entry is one. */
bool procfile_parse(struct arena *arena, const char *name, const char *content, size_t length,
	struct complaints *complaints, struct procfile *out);

#endif
