/*
 * pending.h - requests that are answered when something has come true. Private to this room.
 *
 * A pending request has goals: a service and what it is waited for. After every turn each goal is
 * met, open, or hopeless; the request is answered when all are met or one is hopeless, or at its
 * deadline. `down` and `follow` have no goals: they are answered by the end of the instance.
 */
#ifndef DAEMON_PENDING_H
#define DAEMON_PENDING_H

#include "daemon/instance.h"

enum goal_kind {
	GOAL_UP, /* ready, or done */
	GOAL_DOWN, /* nothing of it is left */
	GOAL_CONDITION,
};

struct goal {
	int service;
	enum goal_kind kind;
	enum condition condition; /* GOAL_CONDITION */
	uint64_t generation; /* GOAL_UP after a restart: of this start or a later one */
};

enum pending_kind { PENDING_GOALS, PENDING_DOWN, PENDING_FOLLOW };

struct pending {
	struct control_ticket ticket;
	enum pending_kind kind;
	bool progress; /* stream what happens to its services ... */
	bool steps; /* ... also what goes well */
	LIST(struct goal) goals;
	int64_t deadline_ms; /* NO_DEADLINE: none */
	int64_t timeout_ms;
	json_t *reply; /* owns; what to answer when all is well; NULL: {} */
};

/* NULL: out of memory, the client has been refused. */
struct pending *pending_new(struct instance *in, struct control_ticket ticket,
	enum pending_kind kind, int64_t timeout_ms);
void pending_goal(struct pending *p, int service, enum goal_kind kind, enum condition condition,
	uint64_t generation);

/* After a turn: answers what can be answered. Returns the next deadline. */
int64_t pending_check(struct instance *in);
/* Something happened to a service (-1: the instance): those who asked hear it. */
void pending_progress(struct instance *in, int service, enum event_kind kind, const char *text);
/* The instance has ended, nothing is left. */
void pending_end(struct instance *in);
/* A restart of the service will not come: who waits for it is told why. */
void pending_give_up(struct instance *in, int service, const struct error *why);
/* It has been refused already. */
void pending_drop(struct instance *in, struct pending *p);
void pending_drop_client(struct instance *in, uint64_t client);
/* A reload changed the indexes; -1: gone. */
void pending_renumber(struct instance *in, const int *new_index);
void pending_free_all(struct instance *in);

#endif
