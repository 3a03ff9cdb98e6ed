/*
 * cells.h - what people write into the cells of a table, understood (forms: columns.h). Pure.
 */
#ifndef LEDGER_CELLS_H
#define LEDGER_CELLS_H

#include "ledger/ledger.h"

/* False: the text holds something else, too. Appends; an empty text is none. */
bool cell_ports(const char *text, struct arena *arena, struct ledger_ports **out, size_t *count);
/* The same; numbers that can be ports of a block, and what is in parentheses, are ports. */
bool cell_blocks(const char *text, struct arena *arena, int **blocks, size_t *block_count,
	struct ledger_ports **ports, size_t *port_count);
/* "3", "#3", "instance 3", "3 (feature-1)"; 0: no number. */
int cell_instance(const char *text);

enum cell_date { DATE_NONE, DATE_READ, DATE_AMBIGUOUS, DATE_UNKNOWN };
/* As the registry has it, UTC, in the arena. An ISO time is kept as it is. */
enum cell_date cell_date(const char *text, struct arena *arena, const char **out);

/* The status of a project; NULL: unknown. "free" is its own word: the row is nobody's. */
const char *cell_project_status(const char *text);
/* False: unknown. A run of another registry is none here: what runs is stopped. */
bool cell_instance_status(const char *text, enum instance_status *out);

/*
 * One cell for both, the way the team's table has it: "main", "staging", "main / staging",
 * "- / staging". A single word is an environment when it is a usual one, else a branch.
 */
void cell_split_branch(
	const char *text, struct arena *arena, const char **branch, const char **environment);
void cell_join_branch(struct text *out, const char *branch, const char *environment);

#endif
