/*
 * handover.h - in what order one process of a service takes the place of another. Pure.
 *
 *	kind		steps, and how they are undone
 *	overlap		lease start switch follow... retire forward
 *				back follow... dismiss release
 *	same		start switch follow... retire
 *				back follow... dismiss
 *	stop-first	lease switch restart follow... forward
 *				back restart follow... release
 *	lost		switch restart follow...
 *
 * overlap moves a port while the old process serves; stop-first is for what cannot run twice; same
 * is an orderly restart on a socket that both processes have; lost is a move after the port went to
 * somebody else, so there is no way back. Whoever follows is restarted one after the other.
 *
 * The first step that fails turns the plan round: what was done is undone, nothing else, and the
 * followers that had been restarted are restarted again. On the way back failures are passed over.
 *
 *	struct handover h;
 *	handover_begin(&h, HANDOVER_OVERLAP, followers);
 *	while (h.step != HANDOVER_END)
 *		handover_next(&h, perform(h.step, h.follower));
 *	// h.back: it failed, and the old process has its place again
 */
#ifndef PLAN_HANDOVER_H
#define PLAN_HANDOVER_H

#include <stdbool.h>

#include "base/arena.h"
#include "model/stack.h"
#include "plan/graph.h"

#define HANDOVER_KINDS(X)                                                                          \
	X(HANDOVER_OVERLAP, "overlap")                                                             \
	X(HANDOVER_SAME, "same")                                                                   \
	X(HANDOVER_STOP_FIRST, "stop-first")                                                       \
	X(HANDOVER_LOST, "lost")

#define HANDOVER_STEPS(X)                                                                          \
	X(HANDOVER_LEASE, "lease") /* the new port is leased and held */                           \
	X(HANDOVER_START, "start") /* the new process, until it is ready and healthy */            \
	X(HANDOVER_SWITCH, "switch") /* it is the service now, for everybody who asks */           \
	X(HANDOVER_RESTART, "restart") /* the service, in its one place, until it is healthy */    \
	X(HANDOVER_FOLLOW, "follow") /* one of those who know the port, until it is healthy */     \
	X(HANDOVER_RETIRE, "retire") /* the old process stops */                                   \
	X(HANDOVER_FORWARD, "forward") /* the old port leads to the new one for a while */         \
	X(HANDOVER_BACK, "back") /* the old process is the service again */                        \
	X(HANDOVER_DISMISS, "dismiss") /* the new process stops */                                 \
	X(HANDOVER_RELEASE, "release") /* the new port is given back */                            \
	X(HANDOVER_END, "end")

#define X(name, word) name,
enum handover_kind { HANDOVER_KINDS(X) };
enum handover_step { HANDOVER_STEPS(X) };
#undef X
const char *handover_step_word(enum handover_step step);

struct handover {
	enum handover_kind kind;
	enum handover_step step; /* to be performed now */
	int follower; /* HANDOVER_FOLLOW: which, from 0 */
	bool back; /* something failed */
	int followers; /* on the way back: those that had been touched */
	int at; /* position of the step on its way */
	unsigned reached; /* one bit a step */
};

void handover_begin(struct handover *h, enum handover_kind kind, int followers);
/* The present step went well or not: what comes now. */
void handover_next(struct handover *h, bool ok);

/*
 * Who has to follow when `after` takes the place of `before` (the same services, or the very
 * stack): of the running ones all whose fingerprint differs, and whoever is restarted with what it
 * depends on (on_dependency = restart), needed ones first. *followers is in the arena; returns their
 * number.
 */
int handover_followers(struct arena *arena, const struct graph *g, const struct stack *before,
	const struct stack *after, int service, const bool *running, const int **followers);

#endif
