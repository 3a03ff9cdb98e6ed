/*
 * suggest_look.h - what is known about the ports that a service might get, for suggest_rank().
 *
 * Candidates: for a slot the ports of the instance; for a fixed port itself and its range, else the
 * type range it lies in; for a pool port its pool.
 */
#ifndef SURVEY_SUGGEST_LOOK_H
#define SURVEY_SUGGEST_LOOK_H

#include "claim/claim.h"
#include "survey/suggest.h"

struct suggest_wish {
	const struct claim *claim; /* from claim_find() */
	const struct port *ports; /* of the stack, with numbers */
	size_t count;
	const struct port *row; /* what a port is wanted for; may be one that the stack does not have */
	const char *why_home; /* "slot 1 (api)", NULL: its number means nothing so far */
};

struct suggest_result {
	struct arena *arena; /* owns */
	struct suggestion *items; /* the best first */
	size_t count;
};
void suggest_release(struct suggest_result *result);

int suggest_look(const char *state, const struct suggest_wish *wish, struct suggest_result *out,
	struct error *e);

#endif
