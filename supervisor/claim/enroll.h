/*
 * enroll.h - projects in the registry by somebody's word: before the first `up`, and what is said of them.
 */
#ifndef CLAIM_ENROLL_H
#define CLAIM_ENROLL_H

#include "claim/claim.h"

/* What is to change; NULL and -1 leave what is there. */
struct project_changes {
	const char *status; /* active, reserved, legacy, archived */
	const char *owner;
	const char *notes;
	int block;
};

/*
 * Registers the project of the request (main_dir and stack_name, block and owner of its file) and applies
 * the changes. EXIT_FAILED when it is registered already. *id is its number; notices as of a claim.
 */
int project_enroll(const struct claim_request *request, const struct project_changes *changes,
	int64_t *id, struct text *notices, struct error *e);
/*
 * EXIT_USAGE for an unknown status or a block that cannot be, EXIT_CONFLICT for a block that belongs to
 * somebody else; EXIT_FAILED for another block or `archived` while something of the project runs.
 */
int project_change(const char *state, int64_t id, const struct project_changes *changes,
	struct error *e);

#endif
