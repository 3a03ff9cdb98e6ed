/*
 * columns.h - tables as people write them: which column is what, and what its cells mean.
 *
 * A table is one of projects when it has a column for their name and one for block, ports or path;
 * one of instances when it has one for the project and one for the instance. Any other is left
 * alone. Columns come in any order; words of the heading are compared without case, blanks and
 * punctuation (COLUMNS has what a column may be called). In a table that has both kinds of columns,
 * a row with an instance is an instance.
 *
 *	block	5, block 5, #5, 5-6, "5 (30500-30599)"; a number that is a port is one
 *	ports	30100-30109, 30100–30109, 30100..30109, 30100-09, 301xx, 30101; several with
 *		commas, and remarks in parentheses
 *	date	2025-01-31, 2025/1/31, 31.1.2025, 31 Jan 2025, January 2025, with a time or without
 *	status	active, reserved, legacy, archived and what people write instead; a row that says
 *		"free" is nobody's and skipped
 *
 * A cell that cannot be understood is a warning, and the row counts without it; one by which the
 * row cannot be told from another (name, block, ports alone, instance) is an error, and the row is
 * left out.
 */
#ifndef LEDGER_COLUMNS_H
#define LEDGER_COLUMNS_H

#include "ledger/ledger.h"

/* What it is, and what its heading may be called: lower case, letters and digits only. */
#define COLUMNS(X)                                                                                 \
	X(COLUMN_NAME, "projectname project name app application repository repo")                 \
	X(COLUMN_BLOCK, "block blocks blockid blocknumber blockno portblock")                      \
	X(COLUMN_PORTS, "ports portrange range port portsrange")                                   \
	X(COLUMN_PATH, "path directory dir location folder projectpath")                           \
	X(COLUMN_STATUS, "status state")                                                           \
	X(COLUMN_OWNER, "owner ownedby contact team maintainer responsible assignedto")            \
	X(COLUMN_DATE, "date created createdat since registered added dateadded allocated assigned") \
	X(COLUMN_NOTES, "notes note comment comments remarks")                                     \
	X(COLUMN_STACK, "stackname stack")                                                         \
	X(COLUMN_INSTANCE, "instance instanceid instancenumber instanceno inst")                   \
	X(COLUMN_PURPOSE, "purpose use usage usedfor description")                                 \
	X(COLUMN_BRANCH, "branch gitbranch")                                                       \
	X(COLUMN_ENVIRONMENT, "environment env")                                                   \
	X(COLUMN_BRANCH_ENVIRONMENT, "branchenvironment branchenv branchorenvironment")            \
	X(COLUMN_WORKTREE, "worktree workingtree checkout")                                        \
	X(COLUMN_LAST_USED, "lastusedat lastused lastuse")

#define X(name, words) name,
enum column { COLUMNS(X) COLUMN_COUNT };
#undef X

struct table_row {
	const char *const *cells; /* plain text */
	size_t count;
	int line;
};

/* One table while it is read. */
struct table_reader {
	const struct ledger_reading *reading;
	int at[COLUMN_COUNT]; /* place of the column, -1: there is none */
	size_t columns;
};

/* False: a table of something else. */
bool table_begin(struct table_reader *t, const struct ledger_reading *reading,
	const struct table_row *heading);
void table_take(struct table_reader *t, const struct table_row *row);

#endif
