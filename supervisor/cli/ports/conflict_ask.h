/*
 * conflict_ask.h - somebody at a terminal decides what happens to a port that is taken.
 *
 *	1. conflict_can_ask()	nobody is asked by a script, and --yes is no answer to a choice of four
 *	2. conflict_ask()	a question for each; the answers are the choices of the next attempt
 *	3. When `edited` is set the stack file has changed: it is read again before that attempt.
 */
#ifndef CLI_PORTS_CONFLICT_ASK_H
#define CLI_PORTS_CONFLICT_ASK_H

#include <jansson.h>

#include "base/arena.h"
#include "claim/claim.h"

struct context;

struct conflict_answers {
	struct arena *arena; /* owns */
	struct resolve_choice *choices; /* in the arena; one a port, the last answer counts */
	size_t count;
	bool edited;
};
/* NULL arena: no memory. Released in any case. */
void conflict_answers_init(struct conflict_answers *answers);
void conflict_answers_release(struct conflict_answers *answers);

bool conflict_can_ask(const struct context *context);

/*
 * file: path of the stack file, "-" where it cannot be changed. Fails with EXIT_CONFLICT when it was
 * given up, or is to be changed and there is no editor ($VISUAL, $EDITOR).
 */
int conflict_ask(struct conflict_answers *answers, const struct claim_question *questions,
	size_t count, const char *file, struct error *e);

/* An answer that was given otherwise: what is stopped is who the question shows. */
void conflict_choose(struct conflict_answers *answers, const struct claim_question *question,
	enum port_action action, uint16_t port);
/* The same for the questions of a launch's report. */
int conflict_ask_report(struct conflict_answers *answers, const json_t *list, const char *file,
	struct error *e);

/* --strategy: 1 and *out, 0: not given, -1 with EXIT_USAGE. */
int conflict_strategy(const struct context *context, enum port_strategy *out, struct error *e);

#endif
