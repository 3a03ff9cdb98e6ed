/*
 * judge.h - what is wrong with a stack as a whole: services that wait for each other in a circle
 * (graph.h), and variables that would speak of two services (injected.h).
 *
 *	facts.judge = plan_judge;	// of draft_resolve(), see stackfile/draft.h
 *
 * The stack may have other mistakes as well: what was refused of it is left out, so these are found
 * together with all the others.
 */
#ifndef PLAN_JUDGE_H
#define PLAN_JUDGE_H

#include "model/complaint.h"
#include "model/stack.h"

/* Takes what it needs from the stack's arena. `label` is the file as complaints name it. */
void plan_judge(const struct stack *stack, const char *label, struct complaints *complaints);

#endif
